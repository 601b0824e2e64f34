"""The worker as a module, for Faust's own command: `faust -A streams.runtime_kafka.app worker`.

SOR_CONFIG names the configuration (else every key has its default), SOR_WORKER the worker. The
topics must exist: `sor serve` or `sor gateway` creates them.
"""

from __future__ import annotations

import os
from pathlib import Path

from streams.config.load import load_whole
from streams.config.service import ServiceConfig
from streams.runtime_kafka.run import NAME, make_worker

_file = os.environ.get("SOR_CONFIG")
settings = load_whole(ServiceConfig, Path(_file) if _file else None, os.environ)
worker = make_worker(settings.kafka, os.environ.get("SOR_WORKER", NAME))
app = worker.app

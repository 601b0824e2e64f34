"""Runs a Kafka worker until it is told to end: `python -m streams.runtime_kafka.run FILE.toml`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import faust
import uvloop

from schemas.errors import VenuefoldError
from streams.brokers.heap import freeze_heap
from streams.brokers.meters import serve_metrics
from streams.config.load import load_whole
from streams.config.service import ServiceConfig
from streams.runtime_kafka.admin import create_topics
from streams.runtime_kafka.config import KafkaConfig
from streams.runtime_kafka.quality_table import QualityTables
from streams.runtime_kafka.worker import Worker

NAME = "worker"
TURN_S = 0.0005
"""Faust reads in a thread of its own: a message waits twice until the other thread gives way."""

Make = Callable[[KafkaConfig, str], Worker | QualityTables]


def run(config: KafkaConfig, name: str = NAME, make: Make | None = None) -> None:
    """Creates missing topics, then works until SIGINT or SIGTERM; leaves with the exit code."""
    asyncio.run(create_topics(config))
    uvloop.install()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    made = (make or make_worker)(config, name)
    if isinstance(made, Worker):
        serve_metrics(made, config.metrics_port)
    freeze_heap()
    sys.setswitchinterval(TURN_S)
    worker = faust.Worker(made.app, loop=loop, loglevel="warning", redirect_stdouts=False)
    worker.execute_from_commandline()


def make_worker(config: KafkaConfig, name: str) -> Worker | QualityTables:
    """What the configuration's role asks for."""
    return QualityTables(config, name) if config.role == "quality" else Worker(config, name)


def serve(settings: ServiceConfig) -> int:
    """Runs a worker of a service's configuration."""
    run(settings.kafka, os.environ.get("SOR_WORKER", NAME))
    return 0


def main(make: Make | None = None) -> int:
    """The command; `make` gives another worker than the configuration's."""
    parser = argparse.ArgumentParser(description="a Kafka worker")
    parser.add_argument("config", type=Path)
    parser.add_argument("--name", default=NAME, help="tells this machine's workers apart")
    given = parser.parse_args()
    try:
        run(load_whole(ServiceConfig, given.config, os.environ).kafka, given.name, make)
    except VenuefoldError as error:
        print(f"sor: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`sor serve`: the live service, whichever runtime the configuration names."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from schemas.errors import InputError
from streams.config.load import load_whole
from streams.config.service import ServiceConfig
from streams.replay.interrupt import Interrupt

RUNTIMES: dict[str, str] = {
    "embedded": "streams.cli.serve:serve_embedded",
    "kafka": "streams.runtime_kafka.run:serve",
    "pulsar": "streams.runtime_pulsar.run:serve",
    "mirror": "streams.brokers.mirror:serve",
}
"""Runtime -> module:function that serves a ServiceConfig until it is told to stop."""


def serve(
    *,
    config: Path | None = None,
    assign: Annotated[tuple[str, ...], Parameter(name="--set")] = (),
) -> int:
    """Run the live service; stops on Ctrl-C or SIGTERM.

    Args:
        config: TOML of the service, as deploy/config/embedded.toml.
        assign: One key of it, as section.key=value; may be given again.
    """
    settings = load_whole(ServiceConfig, config, os.environ, assign)
    runtime = settings.service.runtime
    if runtime not in RUNTIMES:
        known = ", ".join(RUNTIMES)
        raise InputError(f"service.runtime: {runtime} is not installed here; there is {known}")
    module, _, name = RUNTIMES[runtime].partition(":")
    start: Callable[[ServiceConfig], int] = getattr(import_module(module), name)
    return start(settings)


def serve_embedded(settings: ServiceConfig) -> int:
    """Starts the processes of the embedded service and watches them."""
    from streams.service.serve import Processes

    with Interrupt() as interrupt, Processes(settings) as processes:
        api = settings.api
        print(f"serving http://{api.host}:{api.port}/ (docs at /docs)", file=sys.stderr)
        processes.watch(lambda: interrupt.is_raised)
    return 0

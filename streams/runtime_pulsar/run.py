"""Runs a Pulsar worker until told to end: `python -m streams.runtime_pulsar.run FILE.toml`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import uvloop

from schemas.errors import VenuefoldError
from streams.brokers.heap import freeze_heap
from streams.brokers.meters import serve_metrics
from streams.config.load import load_whole
from streams.config.service import ServiceConfig
from streams.runtime_pulsar.admin import Admin
from streams.runtime_pulsar.config import PulsarConfig
from streams.runtime_pulsar.worker import Worker

NAME = "worker"


def run(config: PulsarConfig, name: str = NAME) -> None:
    """Creates missing topics, then works until SIGINT or SIGTERM."""
    Admin(config).create()
    with suppress(asyncio.CancelledError):
        uvloop.run(_work(config, name))


async def _work(config: PulsarConfig, name: str) -> None:
    worker = Worker(config, name)
    serve_metrics(worker, config.metrics_port)
    freeze_heap()
    work = asyncio.ensure_future(worker.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    await work


def serve(settings: ServiceConfig) -> int:
    """Runs a worker of a service's configuration."""
    run(settings.pulsar, os.environ.get("SOR_WORKER", NAME))
    return 0


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="a Pulsar worker")
    parser.add_argument("config", type=Path)
    parser.add_argument("--name", default=NAME, help="tells workers apart")
    given = parser.parse_args()
    try:
        run(load_whole(ServiceConfig, given.config, os.environ).pulsar, given.name)
    except VenuefoldError as error:
        print(f"sor: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

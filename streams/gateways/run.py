"""Runs the simulated venues of a configuration until told to end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from streams.brokers.connect import connect
from streams.clock import SystemClock
from streams.config.service import ServiceConfig
from streams.gateways.process import SimulatedVenues


def until_told(begin: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Runs a process's work, begun inside its loop, until SIGINT or SIGTERM; an error ends it."""

    async def work() -> None:
        running = asyncio.ensure_future(begin())
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, running.cancel)
        await running

    try:
        with suppress(asyncio.CancelledError):
            asyncio.run(work())
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from group
    return 0


def serve(settings: ServiceConfig) -> int:
    """The command's work."""
    return until_told(lambda: SimulatedVenues(settings, connect(settings), SystemClock()).run())

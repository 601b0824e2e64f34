"""Runs the simulated venues of a configuration until told to end."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress

from streams.brokers.connect import connect
from streams.clock import SystemClock
from streams.config.service import ServiceConfig
from streams.gateways.process import SimulatedVenues


async def work(settings: ServiceConfig) -> None:
    """Until SIGINT or SIGTERM; an error of the broker ends it."""
    venues = SimulatedVenues(settings, connect(settings), SystemClock())
    running = asyncio.ensure_future(venues.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    await running


def serve(settings: ServiceConfig) -> int:
    """The command's work."""
    try:
        with suppress(asyncio.CancelledError):
            asyncio.run(work(settings))
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from group
    return 0

"""A load on the engine process that does not wait for it: orders leave by schedule.

Every order's time runs from the moment it was due, so that waiting counts.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import psutil

from schemas.codes import InputType, OrdType, Side, TimeInForce
from schemas.commands import Accepted
from schemas.orders import NEW_ORDER
from schemas.units import VENUE_NONE
from streams.config.sections import EngineConfig, Orders, Quality
from streams.config.service import Service, ServiceConfig, SimulatedMarket
from streams.runtime_embedded.command_client import CommandClient
from streams.runtime_embedded.engine_process import SOCKET

ENGINE = EngineConfig(
    quality=Quality(publish_s=5, liquidity_half_life_s=10),
    orders=Orders(identity_window_s=5, linger_s=1),
)
"""Names are forgotten soon, so that what a long day must remember does not look like a leak."""


def service(run: Path, records_per_s: int) -> ServiceConfig:
    """A service with nothing but its engine process: 24 venues, snapshots each 5 s."""
    return ServiceConfig(
        service=Service(run=str(run), snapshot_s=5),
        market=SimulatedMarket(records_per_s=records_per_s),
        engine=ENGINE,
    )


@contextmanager
def engine_process(config: ServiceConfig) -> Iterator[psutil.Process]:
    """The engine process of `config`, ready; stopped by its own id."""
    words = [sys.executable, "-m", "streams.runtime_embedded.engine_process"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(config))
    process.stdin.close()
    try:
        socket = Path(config.service.run) / SOCKET
        deadline = time.monotonic() + 30
        while not socket.exists():
            assert process.poll() is None, "the engine process ended at its start"
            assert time.monotonic() < deadline, "the engine process is not ready after 30 s"
            time.sleep(0.02)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=180)


@dataclass
class Measured:
    """What a load met: response times in ms, positions, and the process's size over time."""

    sent: int = 0
    response_ms: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    status: dict[str, int] = field(default_factory=dict)

    def p99_ms(self) -> float:
        """Of the orders that were answered."""
        return float(np.percentile(self.response_ms, 99))

    def slope(self) -> tuple[float, float]:
        """MB an hour of the resident size over the later two thirds, and its standard error.

        Means of ten blocks are fitted, since neighbouring samples are not independent.
        """
        start = len(self.at_s) // 3
        blocks = np.array_split(np.arange(start, len(self.at_s)), 10)
        hours = np.array([np.mean([self.at_s[n] for n in block]) for block in blocks]) / 3600
        sizes = np.array([np.mean([self.rss_mb[n] for n in block]) for block in blocks])
        away = hours - hours.mean()
        slope = float((away * sizes).sum() / (away**2).sum())
        rest = sizes - sizes.mean() - slope * away
        error = float(np.sqrt((rest**2).sum() / (len(blocks) - 2) / (away**2).sum()))
        return slope, error


def run_load(
    config: ServiceConfig, process: psutil.Process, rate_per_s: float, seconds: float, name: str
) -> Measured:
    """Sends orders at `rate_per_s` for `seconds` to a running engine process."""
    return asyncio.run(_load(config, process, rate_per_s, seconds, name))


async def _load(
    config: ServiceConfig, process: psutil.Process, rate_per_s: float, seconds: float, name: str
) -> Measured:
    client = CommandClient(Path(config.service.run) / SOCKET)
    measured = Measured()
    started = time.monotonic()
    watching = asyncio.create_task(_watch(client, process, measured, started))
    tasks = []
    for number in range(int(rate_per_s * seconds)):
        due = started + number / rate_per_s
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        tasks.append(asyncio.create_task(_order(client, measured, number, name, due)))
    await asyncio.gather(*tasks)
    watching.cancel()
    measured.status = {key: int(value) for key, value in (await client.status()).items()
                       if isinstance(value, int | float)}  # fmt: skip
    await client.close()
    return measured


async def _order(
    client: CommandClient, measured: Measured, number: int, name: str, due: float
) -> None:
    measured.sent += 1
    found = await client.submit(order(f"{name}-{number}", number, time.time_ns()))
    if isinstance(found, Accepted):
        measured.positions.append(found.position)
        measured.response_ms.append((time.monotonic() - due) * 1000)
    else:
        measured.refused.append(found.reason)


async def _watch(
    client: CommandClient, process: psutil.Process, measured: Measured, started: float
) -> None:
    while True:
        measured.at_s.append(time.monotonic() - started)
        measured.rss_mb.append(process.memory_info().rss / 2**20)
        measured.files.append(process.num_fds())
        measured.waiting.append(int((await client.status()).get("waiting", 0)))
        await asyncio.sleep(0.2)


def order(name: str, number: int, now_ns: int) -> bytes:
    """An IOC market order of 200 to 1,000 units."""
    return NEW_ORDER.pack(
        type=int(InputType.NEW_ORDER),
        venue=VENUE_NONE,
        instrument=number % 4,
        cl_ord_id=name.encode(),
        account=b"SOAK",
        order_units=200 + number % 5 * 200,
        side=int(Side.SELL if number % 2 else Side.BUY),
        ord_type=int(OrdType.MARKET),
        time_in_force=int(TimeInForce.IOC),
        capacity=ord("A"),
        transact_ns=now_ns,
        receive_ns=now_ns,
    )

"""Speed of the REST API: a whole service under its own load, asked at a fixed rate over sockets.

Requests start on a schedule and are timed from it, so waiting counts. The market of the service
sends orders all the while, so every figure is taken beside live projection; `n` is what was asked.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from schemas.errors import VenuefoldError
from streams.cli.benchmarks.timing import Result, from_samples
from streams.clock import SystemClock
from streams.config.service import Api, Service, ServiceConfig, SimulatedMarket
from streams.service.serve import Processes

RATE = 200
CLIENTS = 200
ORDERS_PER_S = 20
WARM_UP_S = 12.0
LOG_NS = re.compile(rb'"log_ns":(\d+)')
MS = 1e3


class LiveService:
    """A service for the length of a benchmark."""

    def __init__(self, folder: Path, is_full: bool) -> None:
        self.folder, self.is_full = folder, is_full

    def run(self) -> list[Result]:
        """Every figure of the API, from one service."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        config = ServiceConfig(
            service=Service(run=str(self.folder / "run")),
            api=Api(port=port, requests_per_s=1_000_000, orders_per_s=1_000_000),
            market=SimulatedMarket(records_per_s=5_000, orders_per_s=ORDERS_PER_S),
        )
        with Processes(config, self.folder / "log.jsonl"):
            url = f"http://127.0.0.1:{port}"
            wait_for_data(url, 10 * WARM_UP_S if self.is_full else WARM_UP_S)
            return asyncio.run(self._measure(url, port))

    async def _measure(self, url: str, port: int) -> list[Result]:
        seconds = 30 if self.is_full else 5
        limits = httpx.Limits(max_connections=32)
        async with httpx.AsyncClient(base_url=url, limits=limits, timeout=30) as client:
            page = (await client.get("/v1/decisions?limit=1000&fields=id")).json()
            ids = [row["id"] for row in page["items"]]
            found = [
                await at_rate(
                    "api.get_decision",
                    client,
                    seconds,
                    lambda n: f"/v1/decisions/{ids[n % len(ids)]}",
                ),
                await at_rate(
                    "api.page",
                    client,
                    seconds,
                    lambda n: f"/v1/fills?instrument=ALFA&side=buy&limit=100&since_ns={n}",
                ),
                await at_rate("api.quality", client, seconds, lambda _: "/v1/quality?limit=200"),
                await orders(client, 500 if self.is_full else 100),
            ]
        return [*found, await fan_out(port, seconds)]


def wait_for_data(url: str, seconds: float) -> None:
    """Lets the service fill its read models."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(0.5)
    if httpx.get(f"{url}/readyz").status_code != 200:
        raise VenuefoldError(f"{url} is not ready after {seconds:.0f} s; see its log")


async def at_rate(
    name: str, client: httpx.AsyncClient, seconds: int, path: Callable[[int], str]
) -> Result:
    """Response times in ms of GETs that start every 1/RATE s, from their scheduled start."""
    started = time.perf_counter()
    samples: list[float] = []

    async def one(number: int) -> None:
        due = started + number / RATE
        await asyncio.sleep(due - time.perf_counter())
        answer = await client.get(path(number))
        samples.append((time.perf_counter() - due) * MS)
        answer.raise_for_status()

    async with asyncio.TaskGroup() as group:
        for number in range(seconds * RATE):
            group.create_task(one(number))
    return from_samples(name, "ms", samples)


async def orders(client: httpx.AsyncClient, count: int) -> Result:
    """From the start of a POST to its 202, durable: one at a time, in ms."""
    samples = []
    now_ns = SystemClock().now_ns()
    for number in range(count):
        body = {
            "cl_ord_id": f"B-{now_ns}-{number}",
            "account": "ACC-5",
            "symbol": "ALFA",
            "side": "buy",
            "order_units": 100,
        }
        since = time.perf_counter()
        answer = await client.post("/v1/orders", json=body)
        samples.append((time.perf_counter() - since) * MS)
        answer.raise_for_status()
    return from_samples("api.order", "ms", samples)


async def fan_out(port: int, seconds: int) -> Result:
    """From an event's log time to its arrival at each of CLIENTS streams, in ms."""
    clock = SystemClock()
    samples: list[float] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"GET /v1/stream?topics=decision&instrument=ALFA HTTP/1.1\r\nhost: localhost\r\n\r\n"
        )
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                data = await asyncio.wait_for(reader.read(1 << 16), left)
            except TimeoutError:
                break
            now_ns = clock.now_ns()
            samples.extend((now_ns - int(at)) / 1e6 for at in LOG_NS.findall(data))
        writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(one())
    return from_samples("api.stream", "ms", samples or [float("nan")])

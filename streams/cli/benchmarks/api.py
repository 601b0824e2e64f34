"""Speed of the REST API, over sockets, from each request's scheduled start.

Reads: a bulk run of a million decisions in the read models, an API and a projector process, and a
process that goes on writing 2,000 decisions a second into the log while 200 requests a second are
asked. `processor_ms` is what a request costs the API process, `processor_ms_tail` what the tail of
the log costs it meanwhile, `queued_ms` how long its threads were ready and had no processor, all
spread over the requests. Orders and streams: a whole service over its simulated market; of an event
at one client `processor_us` is what it costs the API process.
"""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import orjson

from schemas.errors import VenuefoldError
from streams.bulk import OUTPUTS, decision_id
from streams.cli.benchmarks.api_client import RATE, Pool, at_rate
from streams.cli.benchmarks.projections import ReadModelBench
from streams.cli.benchmarks.timing import Result, from_samples
from streams.clock import SystemClock
from streams.config.service import Api, Service, ServiceConfig, SimulatedMarket
from streams.service.serve import API, PROJECTOR, Processes

CLIENTS = 200
ORDERS_PER_S = 20
DECISIONS_PER_S = 2_000
WARM_UP_S = 3.0
END_S = 15.0
WRITER_S = 900.0
"""Longer than any measurement: the writer of the log is ended with the others."""

LOG_NS = re.compile(rb'"log_ns":(\d+)')
WRITER = "streams.cli.benchmarks.bulk_writer"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class StoredReads:
    """Reading a million stored decisions beside live projection."""

    def __init__(self, models: ReadModelBench, is_full: bool, store: str = "") -> None:
        self.models, self.seconds = models, 30 if is_full else 8
        self.store = store or models.sqlite
        self.suffix = ".postgresql" if store else ""

    def run(self) -> list[Result]:
        """get one, filtered page of 100, latest quality."""
        run = self.models.run(self.models.stored)
        config = ServiceConfig(
            service=Service(run=str(run)),
            api=Api(
                port=free_port(), requests_per_s=1_000_000, database=self.models.store(self.store)
            ),
        )
        with processes(config, run, WRITER_S) as api:
            return asyncio.run(self._measure(config.api.port, api))

    async def _measure(self, port: int, api: int) -> list[Result]:
        await listening(port)
        await caught_up(port)
        pool = Pool(port)
        await pool.open()
        stored, found = self.models.stored, []
        paths = {
            "get_one": lambda n: f"/v1/decisions/{decision_id(n * 7919 % stored)}",
            "page": lambda n: f"/v1/fills?instrument=I{n * 31 % 500:05d}&side=buy&limit=100",
            "quality": lambda n: f"/v1/quality?instrument=I{n * 31 % 500:05d}&limit=100",
        }
        for name, path in paths.items():
            await at_rate("", pool, WARM_UP_S, path)
            used_ms, queued_ms = processor_ms(api), waiting_ms(api)
            result = await at_rate(f"api.{name}{self.suffix}", pool, self.seconds, path)
            result.more = {
                "processor_ms": (processor_ms(api) - used_ms) / result.n,
                "queued_ms": round((waiting_ms(api) - queued_ms) / result.n, 3),
            }
            found.append(result)
        before, idle_ms = await projected(pool), processor_ms(api)
        await asyncio.sleep(WARM_UP_S)
        idle_ms = (processor_ms(api) - idle_ms) / (WARM_UP_S * RATE)
        per_s = round((await projected(pool) - before) / WARM_UP_S)
        await pool.close()
        for result in found:
            own_ms = round(result.more["processor_ms"] - idle_ms, 3)
            result.more |= {"processor_ms": own_ms, "processor_ms_tail": round(idle_ms, 3)}
            result.more |= {"outputs_projected_per_s": per_s, "decisions": stored}
        return found


def processor_ms(process: int) -> float:
    """Processor time of all threads of a process."""
    return _scheduled(process, 0) / 1e6


def waiting_ms(process: int) -> float:
    """How long the threads of a process were ready to run and waited for a processor."""
    return _scheduled(process, 1) / 1e6


def _scheduled(process: int, column: int) -> int:
    threads = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(path.read_text().split()[column]) for path in threads)


async def projected(pool: Pool) -> int:
    """How far the read models are."""
    page = orjson.loads(await pool.get("/v1/decisions?limit=1&fields=id"))
    return int(page["position"]["0"])


async def caught_up(port: int) -> None:
    """Waits until the read models follow the writer. A machine that is too slow is measured
    as it is; `outputs_projected_per_s` shows it.
    """
    deadline, most = time.monotonic() + 4 * END_S, 1.5 * DECISIONS_PER_S * OUTPUTS
    pool = Pool(port, connections=1)  # the server closes connections that say nothing for long
    await pool.open()
    at = await projected(pool)
    while time.monotonic() < deadline:
        await asyncio.sleep(1.0)
        before, at = at, await projected(pool)
        if 0 < at - before <= most:
            break
    await pool.close()


async def listening(port: int) -> None:
    """Waits for the API."""
    deadline = time.monotonic() + END_S * 4
    while time.monotonic() < deadline:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        writer.close()
        return
    raise VenuefoldError(f"the API does not listen on port {port}; its log says why")


@contextmanager
def processes(config: ServiceConfig, run: Path, seconds: float) -> Iterator[int]:
    """The API, whose process id this gives, the projector and the writer of the log; ended
    afterwards.
    """
    asked = [str(run), str(DECISIONS_PER_S), str(seconds)]
    started = []
    with (run.parent / "api.log").open("ab") as log:
        for module, arguments in ((PROJECTOR, []), (API, []), (WRITER, asked)):
            command = [sys.executable, "-m", module, *arguments]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=log)
            assert process.stdin is not None
            process.stdin.write(msgspec.json.encode(config))
            process.stdin.close()
            started.append(process)
        try:
            yield started[1].pid
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(END_S)


class LiveService:
    """Orders and streams of a whole service."""

    def __init__(self, folder: Path, is_full: bool) -> None:
        self.folder, self.is_full = folder, is_full

    def run(self) -> list[Result]:
        """Both figures, from one service."""
        self.folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        config = ServiceConfig(
            service=Service(run=str(self.folder / "run")),
            api=Api(port=port, requests_per_s=1_000_000, orders_per_s=1_000_000),
            market=SimulatedMarket(records_per_s=5_000, orders_per_s=ORDERS_PER_S),
        )
        with Processes(config, self.folder / "log.jsonl") as service:
            return asyncio.run(self._measure(port, service.running["api"].pid))

    async def _measure(self, port: int, api: int) -> list[Result]:
        await listening(port)
        pool = Pool(port)
        await pool.open()
        deadline = time.monotonic() + 4 * END_S
        while not await has_decided(pool):
            if time.monotonic() > deadline:
                raise VenuefoldError("the service decides nothing; its log says why")
            await asyncio.sleep(0.5)
        ordered = await orders(pool, 500 if self.is_full else 100)
        used_ms = processor_ms(api)
        told = await fan_out(port, 30 if self.is_full else 8)
        told.more["processor_us"] = round((processor_ms(api) - used_ms) * 1e3 / max(1, told.n), 1)
        await pool.close()
        return [ordered, told]


async def has_decided(pool: Pool) -> bool:
    """Whether a decision can be read; before the read models are there the answer is an error."""
    try:
        return bool(orjson.loads(await pool.get("/v1/decisions?limit=1"))["items"])
    except VenuefoldError:
        return False


async def orders(pool: Pool, count: int) -> Result:
    """From the start of a POST to its 202, durable: one at a time, in ms."""
    samples = []
    now_ns = SystemClock().now_ns()
    same = {"account": "ACC-5", "symbol": "ALFA", "side": "buy", "order_units": 100}
    for number in range(count):
        body = orjson.dumps({"cl_ord_id": f"B-{now_ns}-{number}", **same})
        since = time.perf_counter()
        await pool.post("/v1/orders", body)
        samples.append((time.perf_counter() - since) * 1e3)
    return from_samples("api.order", "ms", samples)


async def fan_out(port: int, seconds: int) -> Result:
    """From an event's log time to its arrival at each of CLIENTS streams, in ms."""
    clock = SystemClock()
    samples: list[float] = []
    path = "/v1/stream?topics=decision&instrument=ALFA"
    request = f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
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
    found = from_samples("api.stream", "ms", samples or [float("nan")])
    found.more = {"clients": CLIENTS}
    return found

"""A real broker with one worker process, and the two measures taken on it.

The broker, the worker and this process share the machine; the figures say what that gives.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from schemas.errors import VenuefoldError
from schemas.json_inputs import encode
from schemas.json_messages import NewOrderMessage
from streams.brokers.frames import seal_frame
from streams.brokers.heap import freeze_heap
from streams.cli.benchmarks.broker_flow import BrokerFlow, milliseconds, told_of
from streams.cli.benchmarks.timing import Result, from_samples, rate
from streams.clock import SystemClock

SERVERS = Path(__file__).resolve().parents[3] / "deploy" / "servers" / "servers.py"
PATIENCE_S = 120.0
LEAD_S = 2.0
"""Orders of so long are not counted: broker and worker have just begun, the broker compiles."""
TAIL_S = 4.0
"""The market goes on for so long after the last order: late ones meet live quotes."""


def can_run() -> bool:
    """Whether this is a checkout on a machine that can bring the servers."""
    return SERVERS.exists() and bool(shutil.which("java")) and bool(shutil.which("mvn"))


@contextmanager
def broker(name: str) -> Iterator[dict[str, Any]]:
    """Facts of a fresh server, stopped at the end."""
    command = [sys.executable, str(SERVERS), name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise VenuefoldError(f"{name} did not start; run make servers ONLY={name}")
        try:
            facts: dict[str, Any] = json.loads(line)[name]
            yield facts
        finally:
            process.communicate()


@contextmanager
def worker(module: str, config: Any, folder: Path) -> Iterator[int]:
    """A worker process of the runtime, whose process id this gives."""
    name = module.rpartition("_")[2].partition(".")[0]
    file = folder / f"{name}.toml"
    values = msgspec.to_builtins(config)
    lines = [f"{key} = {msgspec.json.encode(value).decode()}" for key, value in values.items()]
    file.write_text(f"[{name}]\n" + "\n".join(lines) + "\n")
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(file)], stdout=log, stderr=log
        )
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Port(ABC):
    """How a benchmark writes inputs and hears of decisions, whichever the broker.

    Of each order: `heard` on this process's clock, `stamped` by whoever published its decision,
    `logged` by the broker that appended the order (in a live market), the last two in seconds of
    the wall clock to the millisecond; `refused` has the reason where there is no decision.
    """

    def __init__(self) -> None:
        self.heard: dict[str, float] = {}
        self.stamped: dict[str, float] = {}
        self.logged: dict[str, float] = {}
        self.refused: dict[str, str] = {}

    def take(self, topic: str, raw: bytes, stamp_ms: int) -> None:
        """A message of the decisions or of the refusals."""
        name, log_ns, reason = told_of(topic, raw)
        if reason:
            self.refused[name] = reason
        elif name and name not in self.heard:
            self.heard[name] = time.perf_counter()
            self.stamped[name], self.logged[name] = stamp_ms / 1000, log_ns / 1e9

    def stages(self, order: str, sent_s: float, heard_s: float) -> dict[str, float]:
        """Seconds that an order spent in each stage; sent and heard are on the wall clock."""
        logged, stamped = self.logged[order], self.stamped[order]
        return {"append": logged - sent_s, "fold": stamped - logged, "publish": heard_s - stamped}

    @abstractmethod
    async def send(self, raw: bytes) -> None:
        """Hands a message for `sor.inputs` over, in order."""

    @abstractmethod
    async def send_json(self, raw: bytes) -> None:
        """Hands a JSON order over."""

    @abstractmethod
    async def flush(self) -> None:
        """Waits until the broker has all."""

    async def hear(self, name: str) -> None:
        """Waits for a decision of the order."""
        until = time.monotonic() + PATIENCE_S
        while name not in self.heard:
            if name in self.refused:
                raise VenuefoldError(f"{name} was refused: {self.refused[name]}")
            if time.monotonic() > until:
                raise VenuefoldError(f"no decision of {name} in {PATIENCE_S} s; see the worker")
            await asyncio.sleep(0.001)


async def preload(port: Port, flow: BrokerFlow) -> None:
    """Reference, all ticks between two orders, waiting for a worker."""
    frames, start_ns = flow.frames, flow.market.config.start_ns
    warm = next(n for n, last_ns in enumerate(flow.last_ns) if last_ns > start_ns)
    await port.send(seal_frame(0, 1, flow.reference))
    for number, frame in enumerate(frames):
        await port.send(seal_frame(0, number, frame))
        if number == warm:
            await port.send(seal_frame(0, 1, flow.order(number, "FIRST")))
    await port.send(seal_frame(0, 2, flow.order(len(frames) - 1, "LAST")))
    await port.flush()


async def ticks(name: str, port: Port, flow: BrokerFlow) -> Result:
    """Ticks a second of one worker that catches up: between two orders' decisions."""
    await port.hear("FIRST")
    await port.hear("LAST")
    elapsed_s = port.stamped["LAST"] - port.stamped["FIRST"]
    return rate(name, "ticks/s", flow.ticks, int(elapsed_s * 1e9))


async def order_to_decision(
    name: str, port: Port, flow: BrokerFlow, orders_per_s: int, as_json: bool = False
) -> list[Result]:
    """Order sent -> its decision read from the topic, beside the market's ticks, open loop.

    The market is live, so the time in a decision is when the broker appended its order, to the
    millisecond: the port parts the way into stages. Straight to the inputs they are told as well.
    """
    await port.send(seal_frame(0, 1, flow.reference))
    paced, number = list(flow.paced()), 0
    warm = [frame for at_s, frame in paced if at_s == 0.0]
    for frame in warm:
        await port.send(seal_frame(0, 1, flow.frames[frame]))
    await port.send(seal_frame(0, 1, flow.order(warm[-1], "WARM")))
    await port.hear("WARM")
    sent: dict[str, tuple[float, float]] = {}
    ends_s = paced[-1][0] - TAIL_S
    freeze_heap()  # a collection of this process is nobody's latency
    start = time.perf_counter()
    for at_s, frame in paced[len(warm) :]:
        delay_s = start + at_s - time.perf_counter()
        if delay_s > 0:
            await asyncio.sleep(delay_s)
        await port.send(seal_frame(0, 1, flow.frames[frame]))
        while number < min(at_s, ends_s) * orders_per_s:
            number += 1
            order = f"O{number}"
            sent[order] = time.perf_counter(), SystemClock().now_ns() / 1e9
            if as_json:
                await port.send_json(json_order(flow, order))
            else:
                await port.send(seal_frame(0, 1, flow.order(frame, order)))
    await port.hear(f"O{number}")
    await asyncio.sleep(0.5)
    return _spans(name, port, sent, has_stages=not as_json)


def _spans(
    name: str, port: Port, sent: dict[str, tuple[float, float]], *, has_stages: bool
) -> list[Result]:
    missing = [order for order in sent if order not in port.heard]
    if missing:
        reasons = Counter(port.refused.get(order, "not told") for order in missing)
        raise VenuefoldError(
            f"{name}: {len(missing)} of {len(sent)} orders without a decision {dict(reasons)}"
        )
    begun_s = min(at_s for at_s, _ in sent.values()) + LEAD_S
    kept = [order for order, (at_s, _) in sent.items() if at_s >= begun_s]
    spans = [port.heard[order] - sent[order][0] for order in kept]
    results = [from_samples(name, "ms", milliseconds(spans))]
    if has_stages:
        parts = [
            port.stages(order, sent[order][1], sent[order][1] + span)
            for order, span in zip(kept, spans, strict=True)
        ]
        for stage in parts[0]:
            values = milliseconds([part[stage] for part in parts])
            results.append(from_samples(f"{name}.{stage}", "ms", values))
    return results


def json_order(flow: BrokerFlow, name: str) -> bytes:
    """The same order as JSON; ingest gives it the broker's time, so it is of now.

    It ends with its first children: one that worked on would decide again every second, and with no
    gateway to fill it the figure would be of ever more decisions.
    """
    return encode(
        NewOrderMessage(
            instrument=flow.market.instruments()[0],
            cl_ord_id=name,
            account="ACC",
            side="buy",
            order_qty_units=100,
            ord_type="market",
            time_in_force="ioc",
            transact_time_ns=SystemClock().now_ns(),
        )
    )

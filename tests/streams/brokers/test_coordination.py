"""Across shards on real brokers: shares of a limit and venue priors, through kills.

Two coordinators run at once and are killed in turn. What the worker published is compared with both
cores over the very messages of the broker's partitions.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from schemas.codes import ExecType, InputType, OutputType, Reason, Side, TimeInForce
from schemas.reference import VENUE_PRIOR
from schemas.topic_envelope import open_envelope
from schemas.topics import BUDGETS, REFERENCE, REFERENCE_CHANGES
from schemas.units import E9
from schemas.wire import iter_inputs
from streams.brokers.budgets import BudgetBook, decode_entry
from streams.brokers.connect import connect
from streams.brokers.reference_changes import change_frame
from streams.config.load import load_whole
from streams.config.service import ServiceConfig
from tests.builders import MS, Tape, of_type, set_up
from tests.servers.running import RunningServer, eventually
from tests.streams.brokers import kafka_harness, pulsar_harness
from tests.streams.brokers.replayed import replayed

pytestmark = pytest.mark.servers
SHARDS, LIMIT, ACCOUNT = 2, 100_000, b"ACC1"
PRICE = (("99.98", 5_000), ("100.00", 5_000))


class Pair:
    """Two shards of one worker; this test is their feed, desk and venue."""

    def __init__(self, install: Any, outputs: Any, settings: Path) -> None:
        self.install, self.outputs, self.settings = install, outputs, settings
        self.tapes = {shard: Tape(time.time_ns()) for shard in range(SHARDS)}
        self.agents: list[subprocess.Popen[bytes]] = []

    def begin(self) -> None:
        """Reference data in every shard, and an account whose limit is over all of them."""
        tape = Tape()
        set_up(tape, stale_ns=600 * E9)
        tape.settings(publish_ns=50 * MS)
        tape.account(ACCOUNT, max_gross_ones=LIMIT, budgeted=1)
        self.install.say(REFERENCE_CHANGES, change_frame(bytes(tape.data)))
        self.install.start("one")
        eventually(lambda: any(self.read(REFERENCE)), 90)

    def coordinate(self) -> None:
        """One more coordinator."""
        command = [sys.executable, "-m", "streams.cli.main", "coordinate", "--config"]
        with (self.settings.parent / "coordinator.log").open("ab") as log:
            agent = subprocess.Popen([*command, str(self.settings)], stdout=log, stderr=log)
        self.agents.append(agent)

    def kill_one(self) -> None:
        """SIGKILL for the oldest, and another one instead."""
        agent = self.agents.pop(0)
        agent.kill()
        agent.wait()
        self.coordinate()

    def write(self, shard: int) -> None:
        """What the shard's tape holds."""
        tape = self.tapes[shard]
        self.install.write(shard, bytes(tape.data))
        tape.data.clear()
        tape.now_ns = time.time_ns()
        self.install.flush()

    def order(self, shard: int, name: str, units: int, **terms: Any) -> None:
        """A parent at the ask, behind fresh quotes."""
        tape = self.tapes[shard]
        tape.now_ns = time.time_ns()
        for venue in range(2):
            tape.quote(0, venue, *PRICE)
        tape.order(0, name, Side.BUY, units, limit="100.00", policy=1, **terms)
        self.write(shard)

    def said(self, shard: int, kind: OutputType) -> list[Any]:
        """Outputs of one kind so far."""
        self.outputs.poll()
        found = self.outputs.records[shard]
        return of_type(b"".join(found[n] for n in sorted(found)), kind)

    def held(self) -> list[int]:
        """Shares as each shard said last."""
        states = [self.said(shard, OutputType.BUDGET_STATE) for shard in range(SHARDS)]
        return [each[-1].budget_ones if each else 0 for each in states]

    def read(self, topic: str) -> list[bytes]:
        """Every message of a topic of one partition."""
        import asyncio

        async def work() -> list[bytes]:
            link = connect(load_whole(ServiceConfig, self.settings, {}))
            try:
                return [said.value for said in await link.history(topic)]
            finally:
                await link.close()

        return asyncio.run(work())


@contextmanager
def pair_on(runtime: str, install: Any, outputs: Any, folder: Path) -> Iterator[Pair]:
    settings = folder / "service.toml"
    settings.write_text(
        f'[service]\nruntime = "{runtime}"\n'
        + install.file.read_text()
        + "\n[coordination]\nprior_s = 1.0\nbudget_s = 0.2\n"
    )
    pair = Pair(install, outputs, settings)
    pair.begin()
    try:
        for _ in range(2):
            pair.coordinate()
        yield pair
    finally:
        for agent in pair.agents:
            with suppress(ProcessLookupError):
                agent.kill()
            agent.wait()


@pytest.fixture(params=["kafka", "pulsar"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    server: RunningServer = request.getfixturevalue(f"{request.param}_server")
    settings: dict[str, Any] = {"ingest": True, "timer_ms": 50, "shards": SHARDS}
    if request.param == "kafka":
        for kafka in kafka_harness.installed(server.url, tmp_path, **settings):
            with pair_on(
                "kafka", kafka, kafka_harness.KafkaOutputs(kafka.config), tmp_path
            ) as made:
                yield made
    else:
        for other in pulsar_harness.installed(server, tmp_path, **settings):
            with pair_on("pulsar", other, pulsar_harness.PulsarOutputs(other), tmp_path) as made:
                yield made


def test_shards_share_a_limit_and_what_they_learn(pair: Pair) -> None:
    """Shares move to the shard that needs them, never over the limit; a prior reaches the other."""
    eventually(lambda: sum(pair.held()) > 0.9 * LIMIT, 90)
    even = pair.held()
    assert max(even) < 0.6 * LIMIT
    pair.order(0, "BIG", 800)

    def refused() -> list[Any]:
        return [r for r in pair.said(0, OutputType.REFUSAL) if r.reason == Reason.BUDGET]

    assert eventually(refused, 60)[0].value > LIMIT // 2
    pair.kill_one()
    eventually(lambda: pair.held()[0] > 0.8 * LIMIT, 60)
    pair.kill_one()
    pair.order(0, "BIG2", 800, time_in_force=TimeInForce.IOC)
    child = eventually(lambda: pair.said(0, OutputType.CHILD), 60)[0]

    half = child.units // 2
    tape = pair.tapes[0]
    tape.now_ns = time.time_ns()
    tape.report(child.child_id, ExecType.NEW, venue=child.venue)
    tape.fill(child.child_id, half, "100.00", 7, venue=child.venue, cum_units=half)
    tape.report(child.child_id, ExecType.EXPIRED, venue=child.venue, cum_units=half)
    pair.write(0)
    eventually(lambda: pair.said(0, OutputType.VENUE_SUMS), 60)
    prior = eventually(lambda: priors(pair.read(REFERENCE)), 60)[-1]
    assert prior.venue == child.venue
    assert abs(prior.fill_ratio_e9 - E9 // 2) < E9 // 100

    def believed() -> list[float]:
        pair.order(1, f"ASK{time.time_ns()}", 1, account=b"FREE", time_in_force=TimeInForce.IOC)
        rows = pair.said(1, OutputType.QUALITY)
        return [row.fill_ratio for row in rows if row.venue == child.venue]

    eventually(lambda: [ratio for ratio in believed() if ratio < 0.8], 60, 0.5)
    check_conservation(pair)
    pair.install.stop()
    for shard in range(SHARDS):
        pair.outputs.poll(1.0)
        wanted = replayed(pair.install, shard)
        assert wanted["native"] == wanted["reference"]
        assert wanted["native"].startswith(pair.outputs.outputs(shard))
    assert pair.outputs.differing == 0


def priors(marks: list[bytes]) -> list[Any]:
    """VENUE_PRIOR records of the reference topic that say something of fills."""
    records = [iter_inputs(open_envelope(raw, REFERENCE).payload) for raw in marks]
    found = [
        VENUE_PRIOR.unpack(raw)
        for each in records
        for kind, raw in each
        if kind == InputType.VENUE_PRIOR
    ]
    return [record for record in found if record.fill_ratio_e9 >= 0]


def check_conservation(pair: Pair) -> None:
    """Of what was proposed only what fits was given, and each shard holds what it was given."""
    book = BudgetBook(SHARDS)
    for raw in pair.read(BUDGETS):
        book.take(decode_entry(raw))
        assert all(split.held_ones <= LIMIT for split in book.accounts.values())
    split = book.accounts[ACCOUNT.decode()]
    assert split.limit_ones == LIMIT
    states = {shard: pair.said(shard, OutputType.BUDGET_STATE) for shard in range(SHARDS)}
    numbers = {shard: [state.number for state in each] for shard, each in states.items()}
    assert all(each == sorted(each) for each in numbers.values())
    assert all(each[-1] <= book.numbers[shard] for shard, each in numbers.items())
    doubled = [r for s in states for r in pair.said(s, OutputType.REFUSAL) if r.source == 252]
    print(f"\nallocations {book.numbers}, ignored {book.ignored}, repeats dropped {len(doubled)}")
    assert all(r.reason == Reason.DUPLICATE_INPUT for r in doubled)

"""A killed engine process goes on exactly: nothing acknowledged is lost, nothing is sent twice."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.codes import InputType, OutputType, Side
from schemas.commands import Accepted, Refused, VenueFault
from schemas.decisions import CHILD
from schemas.envelope import HEADER
from schemas.orders import NEW_ORDER
from schemas.units import VENUE_NONE
from schemas.wire import iter_inputs, iter_raw_outputs
from streams.config.service import Service, ServiceConfig, SimulatedMarket
from streams.log.run import RunDirectory
from streams.replay.interrupt import Interrupt
from streams.replay.verify import verify
from streams.runtime_embedded.command_client import CommandClient
from streams.runtime_embedded.engine_process import SOCKET
from streams.runtime_embedded.sent_log import OUTPUT, SentLog
from tests.streams.runtime_embedded.processes import start

KILLS = 20 if os.environ.get("SOR_PROVE") else 3
MARKET = SimulatedMarket(venues=5, instruments=2, records_per_s=1_000, orders_per_s=50)


def order(name: str, **terms: Any) -> bytes:
    """An order record as the API makes it."""
    fields = {"order_units": 200, "policy": 2, "side": int(Side.BUY), "ord_type": 1, **terms}
    return NEW_ORDER.pack(
        type=int(InputType.NEW_ORDER),
        venue=VENUE_NONE,
        instrument=0,
        symbol=b"ALFA",
        cl_ord_id=name.encode(),
        account=b"ACC-7",
        time_in_force=3,
        capacity=65,
        transact_ns=time.time_ns(),
        receive_ns=time.time_ns(),
        **fields,
    )


async def load(path: Path, names: list[str], told: dict[str, Accepted]) -> None:
    """Submit orders until the engine goes away; keep what was acknowledged."""
    client = CommandClient(path)
    for name in names:
        given = await client.submit(order(name))
        if isinstance(given, Refused):
            assert given.reason in {"outcome_unknown", "engine_not_running"}
            break
        told[name] = given
    await client.close()


def logged(run: Path) -> dict[str, list[int]]:
    """ClOrdID -> positions of its NEW_ORDER inputs."""
    found: dict[str, list[int]] = {}
    with RunDirectory.open(run) as opened:
        for frame in opened.shard(0).reader("inputs"):
            for seq, (kind, raw) in enumerate(iter_inputs(frame.payload), frame.first_seq):
                if kind == InputType.NEW_ORDER:
                    name = NEW_ORDER.unpack(raw).cl_ord_id.rstrip(b"\0").decode()
                    found.setdefault(name, []).append(seq)
    return found


def children_of(run: Path) -> list[int]:
    """Ids of the children in the output log."""
    with RunDirectory.open(run) as opened:
        return [
            CHILD.unpack(raw).child_id
            for frame in opened.shard(0).reader("outputs")
            for kind, raw in iter_raw_outputs(frame.payload)
            if kind == OutputType.CHILD
        ]


def sent_to_venues(run: Path) -> list[int]:
    """Ids of the children that the venues took."""
    log = SentLog(run / "venues" / "sent.log")
    found = [
        CHILD.unpack(entry.record).child_id
        for entry in log.read()
        if entry.kind == OUTPUT and entry.record[4] == OutputType.CHILD
    ]
    log.close()
    return found


@pytest.mark.promise(p=1)
def test_a_killed_engine_goes_on_exactly(tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = ServiceConfig(service=Service(run=str(run), snapshot_s=1), market=MARKET)
    told: dict[str, Accepted] = {}
    for kill in range(KILLS):
        process = start(config)

        async def until_killed(kill: int = kill, victim: Any = process) -> None:
            names = [f"K{kill}-{n}" for n in range(5_000)]
            asyncio.get_running_loop().call_later(
                0.7 + 0.37 * (kill % 5), victim.send_signal, signal.SIGKILL
            )
            await load(run / SOCKET, names, told)

        asyncio.run(until_killed())
        process.wait()
    process = start(config)
    repeats: dict[str, Accepted] = {}
    asyncio.run(load(run / SOCKET, list(told)[-50:], repeats))
    time.sleep(1)
    process.terminate()
    assert process.wait(30) == 0
    positions = logged(run)
    lost = [name for name, given in told.items() if positions.get(name) != [given.position]]
    sent = sent_to_venues(run)
    twice, never = len(sent) - len(set(sent)), len(set(children_of(run)) - set(sent))
    print(
        f"kills={KILLS} acknowledged={len(told)} lost={len(lost)} children={len(sent)} "
        f"sent_twice={twice} never_sent={never}"
    )
    assert lost == [], f"of {len(told)} acknowledged"
    assert len(told) > 10 * KILLS
    assert {n: g.position for n, g in repeats.items()} == {n: told[n].position for n in repeats}
    assert verify(run, "native", Interrupt())[0].passed
    assert sent == sorted(set(sent)), "a child was sent twice"
    assert sent == children_of(run), "a child was lost on its way"


def test_every_source_is_numbered_densely_over_restarts(tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = ServiceConfig(service=Service(run=str(run), snapshot_s=0), market=MARKET)
    for _ in range(2):
        process = start(config)
        time.sleep(0.8)
        process.kill()
        process.wait()
    process = start(config)
    process.terminate()
    assert process.wait(30) == 0
    last: dict[int, int] = {}
    last_ns = 0
    with RunDirectory.open(run) as opened:
        for frame in opened.shard(0).reader("inputs"):
            for _, raw in iter_inputs(frame.payload):
                header = HEADER.unpack(raw)
                assert header.source_seq == last.get(header.source, 0) + 1, header
                assert header.log_ns >= last_ns
                last[header.source], last_ns = header.source_seq, header.log_ns
    assert len(last) >= 6


def test_an_outage_survives_a_restart_and_ends_with_answers(tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = ServiceConfig(service=Service(run=str(run), snapshot_s=1), market=MARKET)

    async def outage(is_on: bool) -> dict[str, Any]:
        client = CommandClient(run / SOCKET)
        assert await client.disturb(VenueFault(1, is_on)) is None
        refused = await client.disturb(VenueFault(64, is_on))
        assert isinstance(refused, Refused)
        other = await client.disturb(VenueFault(1, is_on, "fire"))
        assert isinstance(other, Refused)
        status = await client.status()
        await client.close()
        return status

    process = start(config)
    time.sleep(2.5)
    assert asyncio.run(outage(True))["outages"] == [1]
    time.sleep(0.3)
    process.kill()
    process.wait()
    process = start(config)
    time.sleep(0.5)
    assert asyncio.run(outage(False))["outages"] == []
    time.sleep(0.5)
    process.terminate()
    assert process.wait(30) == 0
    assert verify(run, "native", Interrupt())[0].passed


def test_another_configuration_needs_another_run(tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = ServiceConfig(service=Service(run=str(run)), market=MARKET)
    process = start(config)
    process.terminate()
    assert process.wait(30) == 0
    other = ServiceConfig(service=config.service, market=SimulatedMarket(venues=6, instruments=2))
    command = [sys.executable, "-m", "streams.runtime_embedded.engine_process"]
    found = subprocess.run(
        command, input=msgspec.json.encode(other), capture_output=True, check=False
    )
    assert found.returncode == 2
    assert b"another [market]" in found.stderr

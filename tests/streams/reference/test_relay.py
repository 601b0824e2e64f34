"""Changes reach the input log once, in order, and the engine acts on them from there."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from aggregates import kernel
from aggregates.reference.terms import checked
from projections.api.reads import Reads
from projections.store.database import open_generations
from schemas.codes import InputType, KillScope, OutputType, VenueStatus
from schemas.commands import Accepted, Refused
from schemas.reference import VENUE
from schemas.wire import decode_output, iter_inputs, iter_raw_outputs, text
from streams.log.run import RunDirectory
from streams.log.shard_log import ShardLog
from streams.projector import Projector
from streams.reference.relay import Relay, RelayError, stamp_of, start_of
from streams.reference.service import ReferenceService
from tests.builders import START_NS, Tape, set_up

VENUE_TERMS = {
    "name": "New venue",
    "latency_class": "metro",
    "fees": [{"liquidity": "take", "per_one": "0.003"}, {"liquidity": "add", "per_one": "-0.002"}],
}
POLICY = {
    "policy": 9,
    "kind": "preferred",
    "stale_ms": 1000,
    "retry_ms": 50,
    "horizon_ms": 5000,
    "preferred": ["XCCC"],
}


class CrashError(Exception):
    """The process dies here."""


class EnginePort:
    """A port that numbers, steps and logs like the engine's process, and can die around it."""

    def __init__(self, log: ShardLog) -> None:
        self.log, self.engine = log, kernel.load("native")
        self.tape = Tape()
        set_up(self.tape)
        self.outputs = b""
        self.append(bytes(self.tape.data), 0)
        self.last = self.tape.last[0]
        self.deaths: set[int] = set()
        self.submitted = 0

    def append(self, records: bytes, wait: int = 1) -> None:
        _, outputs = self.engine.step(records)
        self.outputs += outputs
        count = len(list(iter_inputs(records)))
        self.log.inputs.append(records, count, self.engine.log_ns)
        self.log.inputs.wait_durable(self.engine.seq)

    async def submit(self, record: bytes) -> Accepted | Refused:
        self.submitted += 1
        if -self.submitted in self.deaths:
            raise CrashError  # before it was appended
        source = 0 if record[0] != InputType.KILL else 200
        self.tape.last[source] += 1
        numbered = bytearray(record)
        numbered[3] = source
        numbered[8:16] = self.tape.last[source].to_bytes(8, "little")
        numbered[16:24] = (self.engine.log_ns + 1).to_bytes(8, "little")
        self.append(bytes(numbered))
        if self.submitted in self.deaths:
            raise CrashError  # appended, and nobody was told
        return Accepted(0, self.engine.seq, self.engine.log_ns)


@pytest.fixture
def port(tmp_path: Path) -> Any:
    run = RunDirectory.create(tmp_path / "run", {"kind": "test"})
    log = run.shard(0)
    log.open_writers()
    yield EnginePort(log)
    run.close()


@pytest.fixture
def service(tmp_path: Path) -> Any:
    with ReferenceService(f"sqlite:///{tmp_path / 'reference.db'}") as opened:
        yield opened


def agree(service: ReferenceService, kind: str, key: str, terms: dict[str, Any]) -> None:
    """Propose, approve and activate."""
    service.propose(kind, key, terms, "ann", "new")
    service.act("approve", kind, key, 1, "bob", "seen")
    service.act("activate", kind, key, 2, "bob", "go")


def changes(service: ReferenceService) -> None:
    """Change something of every kind."""
    agree(service, "venue", "XCCC", VENUE_TERMS)
    agree(service, "instrument", "NEW", {"quote_ccy": "USD", "default_policy": 1})
    agree(service, "policy", "patient", POLICY)
    agree(service, "limits", "NEW", {"max_order_units": 500, "max_notional_ones": 10**6})
    agree(service, "account", "ACC9", {"client": "CLIENT-9"})
    service.act("suspend", "venue", "XCCC", 3, "eve", "outage")
    service.act("suspend", "instrument", "NEW", 3, "eve", "halt")
    service.act("activate", "venue", "XCCC", 4, "bob", "back")
    service.act("activate", "instrument", "NEW", 4, "bob", "back")


def relayed(log: ShardLog) -> list[bytes]:
    """Return what a relay has appended, without its numbers and times."""
    found = []
    for frame in log.reader("inputs"):
        for _, raw in iter_inputs(frame.payload):
            if stamp_of(raw):
                found.append(raw[:8] + raw[24:])
    return found


def refusals(outputs: bytes) -> list[Any]:
    return [decode_output(r) for k, r in iter_raw_outputs(outputs) if k == OutputType.REFUSAL]


def test_the_engine_takes_every_change(port: EnginePort, service: ReferenceService) -> None:
    changes(service)
    relay = Relay(service, port, port.log.directory)
    done = asyncio.run(relay.step())
    assert refusals(port.outputs) == []
    assert done.records == len(relayed(port.log)) == port.submitted
    assert relay.catalogue.venues == {"XAAA": 0, "XBBB": 1, "XCCC": 2}
    assert relay.catalogue.instruments == {"TEST": 0, "NEW": 1}
    assert asyncio.run(relay.step()).records == 0
    kinds = [raw[0] for raw in relayed(port.log)]
    assert kinds.count(InputType.VENUE) == 3
    assert kinds.count(InputType.KILL) == 4
    assert {InputType.LISTING, InputType.FEE, InputType.POLICY, InputType.LIMITS} <= set(kinds)


def test_a_change_has_its_place_whichever_step_took_it(
    port: EnginePort, service: ReferenceService
) -> None:
    """The relay's own round may be faster than who asked for the change."""
    relay = Relay(service, port, port.log.directory)
    agree(service, "venue", "XCCC", VENUE_TERMS)
    active = service.get("venue", "XCCC")
    assert relay.place_of(active) is None
    asyncio.run(relay.step())
    assert asyncio.run(relay.step()).records == 0
    place = relay.place_of(active)
    assert place is not None
    service.act("suspend", "venue", "XCCC", 3, "eve", "outage")
    suspended = service.get("venue", "XCCC")
    assert relay.place_of(suspended) is None
    asyncio.run(relay.step())
    later = relay.place_of(suspended)
    assert later is not None
    assert later.position > place.position


@pytest.mark.parametrize("seed", range(8))
def test_whatever_dies_each_change_is_in_the_log_once(
    port: EnginePort, service: ReferenceService, tmp_path: Path, seed: int
) -> None:
    changes(service)
    rng = random.Random(seed)
    port.deaths = {rng.choice((-1, 1)) * rng.randrange(1, 25) for _ in range(8)}
    crashes = 0
    for _ in range(20):
        relay = Relay(service, port, port.log.directory)  # a new process reads the log
        try:
            asyncio.run(relay.step())
            break
        except CrashError:
            crashes += 1
    assert crashes
    with ReferenceService(f"sqlite:///{tmp_path / 'reference.db'}") as again:
        clean_run = RunDirectory.create(tmp_path / "clean", {"kind": "test"})
        clean_log = clean_run.shard(0)
        clean_log.open_writers()
        clean = EnginePort(clean_log)
        asyncio.run(Relay(again, clean, clean_log.directory).step())
        assert relayed(port.log) == relayed(clean_log)
        assert refusals(port.outputs) == []
        clean_run.close()


def test_a_suspended_venue_gets_no_order(port: EnginePort, service: ReferenceService) -> None:
    agree(service, "venue", "XCCC", VENUE_TERMS)
    asyncio.run(Relay(service, port, port.log.directory).step())
    tape = port.tape
    tape.now_ns = START_NS + 1_000_000
    for venue in range(3):
        price = "9.98" if venue == 2 else "10.00"
        tape.data.clear()
        port.append(tape.quote(0, venue, ("9.90", 500), (price, 500)))
    assert chosen_venues(port, tape, "O1") == {2}
    service.act("suspend", "venue", "XCCC", 3, "eve", "outage")
    asyncio.run(Relay(service, port, port.log.directory).step())
    tape.now_ns += 1_000_000
    assert 2 not in chosen_venues(port, tape, "O2")
    last = decisions(port)[-1]
    assert next(c for c in last.candidates if c.venue == 2).reason == "venue_killed"
    service.act("activate", "venue", "XCCC", 4, "bob", "back")
    asyncio.run(Relay(service, port, port.log.directory).step())
    tape.now_ns += 1_000_000
    assert 2 in chosen_venues(port, tape, "O3")


def refused_reason(port: EnginePort, tape: Tape, name: str, instrument: int = 0) -> str:
    """Submit an order; why it was refused, empty when it was not."""
    before = len(refusals(port.outputs))
    tape.now_ns += 1_000_000
    tape.data.clear()
    port.append(tape.order(instrument, name, 1, 100, limit="10.05"))
    return str(refusals(port.outputs)[before].reason) if refusals(port.outputs)[before:] else ""


@pytest.mark.parametrize("by_hand", ["halt", "kill"])
def test_putting_terms_in_force_again_never_opens_what_somebody_has_stopped(
    port: EnginePort, service: ReferenceService, by_hand: str
) -> None:
    agree(service, "venue", "XCCC", VENUE_TERMS)
    relay = Relay(service, port, port.log.directory)
    asyncio.run(relay.step())
    tape = port.tape
    tape.now_ns = START_NS + 1_000_000
    tape.data.clear()
    switches: dict[str, tuple[Any, Any]] = {
        "halt": (
            lambda: tape.status(2, VenueStatus.HALTED),
            lambda: tape.status(2, VenueStatus.OPEN),
        ),
        "kill": (
            lambda: tape.kill(KillScope.VENUE, 1, venue=2),
            lambda: tape.kill(KillScope.VENUE, 0, venue=2),
        ),
    }
    stop, go = switches[by_hand]
    port.append(stop())
    version = 3
    for verb in ("suspend", "activate"):
        service.act(verb, "venue", "XCCC", version, "bob", "again")
        version += 1
    service.amend("venue", "XCCC", {**VENUE_TERMS, "tick": "0.02"}, version, "ann", "tick")
    service.act("approve", "venue", "XCCC", version + 1, "bob", "seen")
    service.act("activate", "venue", "XCCC", version + 2, "bob", "go")
    asyncio.run(relay.step())
    assert 2 not in quoted_and_chosen(port, tape, "O1")
    tape.data.clear()
    port.append(go())
    assert 2 in quoted_and_chosen(port, tape, "O3")


def quoted_and_chosen(port: EnginePort, tape: Tape, name: str) -> set[int]:
    """Quote best at the third venue, then ask who gets an order."""
    tape.now_ns += 1_000_000
    for venue in range(3):
        tape.data.clear()
        price = "9.98" if venue == 2 else "10.00"
        port.append(tape.quote(0, venue, ("9.90", 500), (price, 500)))
    return chosen_venues(port, tape, name)


def test_an_instrument_killed_by_hand_stays_so_when_its_terms_change(
    port: EnginePort, service: ReferenceService
) -> None:
    agree(service, "instrument", "NEW", {"quote_ccy": "USD", "default_policy": 1})
    agree(service, "account", "ACC1", {"client": "CLI1"})
    relay = Relay(service, port, port.log.directory)
    asyncio.run(relay.step())
    tape = port.tape
    tape.now_ns = START_NS + 1_000_000
    tape.data.clear()
    port.append(tape.kill(KillScope.INSTRUMENT, 1, instrument=1))
    tape.data.clear()
    port.append(tape.kill(KillScope.ACCOUNT, 1, target=b"ACC1"))
    for kind, key in (("instrument", "NEW"), ("account", "ACC1")):
        service.act("suspend", kind, key, 3, "eve", "stop")
        service.act("activate", kind, key, 4, "bob", "back")
    asyncio.run(relay.step())
    state = [raw for raw in relayed(port.log) if raw[0] == InputType.KILL]
    assert len(state) == 4
    assert refused_reason(port, tape, "O1") == "killed"
    tape.data.clear()
    port.append(tape.kill(KillScope.ACCOUNT, 0, target=b"ACC1"))
    assert refused_reason(port, tape, "O2") != "killed"


def decisions(port: EnginePort) -> list[Any]:
    return [decode_output(r) for k, r in iter_raw_outputs(port.outputs) if k == OutputType.DECISION]


def chosen_venues(port: EnginePort, tape: Tape, name: str) -> set[int]:
    tape.data.clear()
    port.append(tape.order(0, name, 1, 100, limit="10.05"))
    return {child.venue for child in decisions(port)[-1].children}


def test_a_refused_record_stops_the_relay_and_is_tried_again(
    port: EnginePort, service: ReferenceService
) -> None:
    agree(service, "venue", "XCCC", VENUE_TERMS)
    relay = Relay(service, port, port.log.directory)

    class Closed:
        async def submit(self, record: bytes) -> Accepted | Refused:
            return Refused("engine_not_running", "start it")

    relay.port = Closed()
    with pytest.raises(RelayError, match=r"venue XCCC: .*engine_not_running"):
        asyncio.run(relay.step())

    async def follow() -> None:
        stopped = asyncio.Event()
        following = asyncio.create_task(relay.follow(stopped))
        await asyncio.sleep(0.05)
        assert "engine_not_running" in relay.error
        relay.port = port
        stopped.set()
        await following

    asyncio.run(follow())
    assert asyncio.run(relay.step()).records == 4


def test_limits_of_an_unknown_instrument_are_refused(
    port: EnginePort, service: ReferenceService
) -> None:
    agree(service, "limits", "NOWHERE", {"max_order_units": 5, "max_notional_ones": 10})
    with pytest.raises(RelayError, match="no such instrument"):
        asyncio.run(Relay(service, port, port.log.directory).step())


def test_records_of_a_venue_hold_the_full_value(
    port: EnginePort, service: ReferenceService
) -> None:
    agree(service, "venue", "XCCC", VENUE_TERMS)
    asyncio.run(Relay(service, port, port.log.directory).step())
    frames = port.log.reader("inputs")
    raws = [raw for f in frames for k, raw in iter_inputs(f.payload) if k == InputType.VENUE]
    venue = VENUE.unpack(raws[-1])
    assert (text(venue.key), venue.status, venue.ack_prior_ns) == (
        "XCCC",
        VenueStatus.OPEN,
        400_000,
    )
    assert checked("venue", VENUE_TERMS)["latency_class"] == "metro"


def test_a_relay_goes_on_from_what_is_projected(
    port: EnginePort, service: ReferenceService, tmp_path: Path
) -> None:
    run, url = tmp_path / "run", f"sqlite:///{tmp_path / 'read'}"
    reads = Reads(open_generations(url))
    assert start_of(reads, run) is None
    agree(service, "venue", "XCCC", VENUE_TERMS)
    asyncio.run(Relay(service, port, port.log.directory).step())
    service.act("suspend", "venue", "XCCC", 3, "eve", "outage")
    asyncio.run(Relay(service, port, port.log.directory).step())
    projector = Projector(run, url)
    for _ in range(2):  # inputs without outputs are taken one look later
        projector.step()
    start = start_of(reads, run)
    assert start is not None
    assert start.seq == port.engine.seq
    agree(service, "instrument", "NEW", {"quote_ccy": "USD", "default_policy": 1})
    asyncio.run(Relay(service, port, port.log.directory, start).step())
    submitted = port.submitted
    found, whole = (Relay(service, port, port.log.directory, begun) for begun in (start, None))
    assert (found.last_stamp, found.catalogue) == (whole.last_stamp, whole.catalogue)
    assert key_order(found) == key_order(whole)
    assert asyncio.run(found.step()).records == 0
    assert port.submitted == submitted
    RunDirectory.create(tmp_path / "another", {"kind": "other"}).close()
    assert start_of(reads, tmp_path / "another") is None
    projector.close()
    reads.close()


def key_order(relay: Relay) -> list[Any]:
    """Return everything that can be governed, by kind and key."""
    return sorted(relay.inventory.items(), key=lambda item: item[:2])

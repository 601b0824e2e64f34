"""A small random world: market records, children and cancels, and both simulators run over it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from schemas.codes import (
    ExecInst,
    InputType,
    OutputType,
    QuoteFlag,
    TradeCondition,
    VenueStatus,
)
from schemas.decisions import CHILD
from schemas.envelope import HEADER
from schemas.market import QUOTE, STATUS, TRADE
from schemas.reports import EXEC_REPORT
from schemas.units import INSTRUMENT_NONE
from streams.simulator._market import ReplayMarket
from tests.streams.simulator.model import Model, told

LATENCIES = [(0, 0), (3, 2), (7, 40)]
UNITS_PER_ONE = [1, 7]
FEES = {
    (instrument, venue, liquidity): ((venue - 1) * 5 - instrument, 10**8 * (liquidity - 2) - 3)
    for instrument in range(2)
    for venue in range(3)
    for liquidity in (1, 2)
    if (instrument, venue, liquidity) not in {(1, 2, 1), (1, 1, 2)}
}
CONDITIONS = [1, 1, 1, 2, 3, 0, *(int(bit) | 1 for bit in TradeCondition if bit > 2)]


@dataclass
class World:
    """`steps` in time order: ("record", bytes), ("child", bytes), ("cancel", id), ("pop", ns)."""

    passive_model: str
    steps: list[tuple[str, int, Any]] = field(default_factory=list)
    records: list[Any] = field(default_factory=list)
    arrivals: list[tuple[int, str, Any]] = field(default_factory=list)
    children: dict[int, Any] = field(default_factory=dict)


def random_world(draw: random.Random, passive_model: str, length: int) -> World:
    """A crowded little market in which most rules meet each other soon."""
    world = World(passive_model)
    now = 100
    for _ in range(length):
        if draw.random() < 0.6:
            now += draw.choice([1, 1, 2, 5])
            if draw.random() < 0.4:
                world.steps.append(("pop", now - 1, None))
        kind = draw.random()
        if kind < 0.5:
            _add_quotes(world, draw, now)
        elif kind < 0.68:
            _add_record(world, _trade(draw, now), TRADE)
        elif kind < 0.70:
            _add_status(world, draw, now)
        elif kind < 0.94:
            _add_child(world, draw, now)
        elif world.children:
            _add_cancel(world, draw, now)
    return world


def _add_record(world: World, raw: bytes, layout: Any) -> None:
    world.steps.append(("record", HEADER.unpack(raw).log_ns, raw))
    world.records.append(layout.unpack(raw))


def _place(draw: random.Random) -> dict[str, int]:
    return {"instrument": draw.choice([0, 0, 0, 1]), "venue": draw.randrange(3)}


def _add_quotes(world: World, draw: random.Random, now: int) -> None:
    """A whole or partial book update; now and then one that a careless feed would send."""
    place, mid = _place(draw), draw.randint(97, 103)
    levels = draw.choice([[0], [0, 1], [0, 1, 2], [1], [2, 0]])
    for at, level in enumerate(levels):
        more = QuoteFlag.MORE if at + 1 < len(levels) or draw.random() < 0.05 else 0
        untidy = draw.choice([0, 0, 0, 0, 1, -1])
        raw = QUOTE.pack(
            type=InputType.QUOTE,
            log_ns=now,
            flags=level | more,
            bid_nanos=mid - 1 - level - untidy,
            bid_units=draw.choice([0, 1, 3, 3, 5, 8]),
            ask_nanos=mid + 1 + level + untidy,
            ask_units=draw.choice([0, 1, 3, 3, 5, 8]),
            **place,
        )
        _add_record(world, raw, QUOTE)


def _trade(draw: random.Random, now: int) -> bytes:
    return TRADE.pack(
        type=InputType.TRADE,
        log_ns=now,
        price_nanos=draw.randint(96, 104),
        units=draw.randint(1, 9),
        conditions=draw.choice(CONDITIONS),
        **_place(draw),
    )


def _add_status(world: World, draw: random.Random, now: int) -> None:
    """Stops a place or a whole venue, or opens both."""
    place, status = _place(draw), draw.choice([1, 1, 1, 2, 3, 4, 5])
    whole = place | {"instrument": INSTRUMENT_NONE}
    scopes = [place, whole] if status == VenueStatus.OPEN else [draw.choice([place, whole])]
    for scope in scopes:
        raw = STATUS.pack(type=InputType.STATUS, log_ns=now, status=status, **scope)
        _add_record(world, raw, STATUS)


def _add_child(world: World, draw: random.Random, now: int) -> None:
    place = _place(draw)
    if draw.random() < 0.02:
        place[draw.choice(["instrument", "venue"])] = 9
    child_id = len(world.children) * 3 + 1
    units = draw.randint(1, 9)
    raw = CHILD.pack(
        size=CHILD.size,
        type=OutputType.CHILD,
        child_id=child_id,
        units=units,
        limit_nanos=draw.randint(96, 104),
        min_units=draw.choice([0, 0, 0, 0, 2, 5]),
        send_delay_ns=draw.choice([0, 0, 0, 4]),
        side=draw.choice([1, 2, 5]),
        ord_type=draw.choice([1, 2, 2, 2, 2]),
        time_in_force=draw.choice([0, 0, 0, 3, 3, 4]),
        exec_inst=draw.choice([0, 0, 0, ExecInst.POST_ONLY, ExecInst.HELD]),
        **place,
    )
    world.children[child_id] = CHILD.unpack(raw)
    world.steps.append(("child", now, raw))


def _add_cancel(world: World, draw: random.Random, now: int) -> None:
    record = world.children[draw.choice(list(world.children)[-4:])]
    world.steps.append(("cancel", now, record))


def _out_ns(record: Any) -> int:
    return LATENCIES[record.venue][0] if record.venue < len(LATENCIES) else 0


def native_market(passive_model: str) -> ReplayMarket:
    return ReplayMarket(LATENCIES, FEES, UNITS_PER_ONE, passive_model, 7)


def run_native(world: World, *, rebuilt: bool) -> list[Any]:
    """Reports of the native simulator; `rebuilt` passes its state through bytes at every pop."""
    market, taken = native_market(world.passive_model), b""
    last_told: dict[int, int] = {}
    for kind, now, what in world.steps:
        if kind == "record":
            market.advance(what)
        elif kind == "child":
            market.submit(what, now)
            record = CHILD.unpack(what)
            at = now + record.send_delay_ns + _out_ns(record)
            world.arrivals.append((at, "child", record))
        elif kind == "cancel":
            _cancel(world, market, now, what, last_told)
        else:
            taken += _pop(market, now, last_told)
            if rebuilt:
                state, market = market.state_bytes(), native_market(world.passive_model)
                market.restore(state)
                assert market.state_bytes() == state
    taken += _pop(market, 10**9, last_told)
    return [EXEC_REPORT.unpack(taken, at) for at in range(0, len(taken), EXEC_REPORT.size)]


def _cancel(
    world: World, market: ReplayMarket, now: int, record: Any, last_told: dict[int, int]
) -> None:
    """Cancels what its sender may still believe to be open."""
    if last_told.get(record.child_id, now) >= now:
        market.cancel(record.child_id, now)
        world.arrivals.append((now + _out_ns(record), "cancel", record))


def _pop(market: ReplayMarket, until: int, last_told: dict[int, int]) -> bytes:
    """Takes reports and holds the market to its bounds on what could still come."""
    certain, earliest, scheduled = (
        market.certain_feedback_ns,
        market.earliest_feedback_ns,
        market.next_report_ns,
    )
    assert earliest <= certain <= scheduled
    taken = market.pop_reports(until)
    for at in range(0, len(taken), EXEC_REPORT.size):
        report = EXEC_REPORT.unpack(taken, at)
        assert earliest <= report.log_ns <= until
        if report.leaves_units == 0:
            last_told[report.child_id] = report.log_ns
    return taken


def run_model(world: World) -> list[tuple[Any, ...]]:
    """Reports of the dumb model; the native run before it noted what arrives."""
    return Model(LATENCIES, FEES, UNITS_PER_ONE, world.passive_model).run(
        world.records, world.arrivals
    )


def assert_agree(world: World, *, rebuilt: bool = False) -> list[Any]:
    """Runs both and compares every report, in order."""
    reports = run_native(world, rebuilt=rebuilt)
    assert [report.source_seq for report in reports] == list(range(1, len(reports) + 1))
    expected = run_model(world)
    for report, predicted in zip(reports, expected, strict=False):
        assert told(report) == predicted
    assert len(reports) == len(expected)
    return reports

"""P9: every venue failure exists as a fault, alone and in pairs, and does what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement

import pytest

from schemas.codes import ExecType as E
from schemas.codes import InputType, ReportFlag, VenueStatus
from schemas.errors import InputError
from schemas.market import QUOTE, STATUS
from schemas.units import NS_PER_MS, NS_PER_S
from schemas.wire import iter_inputs
from streams.simulator.synthetic.faults import FaultKind, fault
from tests.streams.simulator.synthetic.script import MOVES, RESTS, TAKES, VENUE, Script
from tests.streams.simulator.synthetic.worlds import run_with, small_preset

F = FaultKind
TAKE, RESTED, MOVED = [E.NEW, E.TRADE], [E.NEW, E.CANCELED], [E.NEW, E.REPLACED]
GONE, REFUSED = [E.CANCEL_REJECT], [E.REJECTED, E.CANCEL_REJECT]
SAID: dict[F, tuple[Sequence[int], Sequence[int], Sequence[int]]] = {
    F.ACCEPT: (TAKE, RESTED, MOVED),
    F.FILL: (TAKE, RESTED, MOVED),
    F.CANCEL_ACK: (TAKE, RESTED, MOVED),
    F.REPLACE_ACK: (TAKE, RESTED, MOVED),
    F.PARTIAL: ([*TAKE, E.CANCELED], RESTED, MOVED),
    F.REJECT: ([E.REJECTED], REFUSED, REFUSED),
    F.CANCEL_REJECT: (TAKE, [E.NEW, E.CANCEL_REJECT], MOVED),
    F.REPLACE_REJECT: (TAKE, RESTED, [E.NEW, E.REPLACE_REJECT]),
    F.CANCEL_RACE: (TAKE, [E.NEW, E.TRADE, E.CANCELED], MOVED),
    F.DUPLICATE_REPORTS: (
        TAKE * 2,
        [E.NEW, E.NEW, *[E.CANCELED] * 2],
        [E.NEW] * 2 + [E.REPLACED] * 2,
    ),
    F.OUT_OF_ORDER_REPORTS: ([E.TRADE, E.NEW], RESTED, MOVED),
    F.DISCONNECT: ([], GONE, GONE),
    F.RECONNECT: (TAKE, RESTED, MOVED),
    F.RESEND: (TAKE * 2, RESTED * 2, MOVED * 2),
    F.SEQUENCE_RESET: (TAKE, RESTED, MOVED),
    F.RESTATEMENT: ([*TAKE, E.RESTATED], RESTED, MOVED),
    F.SLOW_VENUE: (TAKE, RESTED, MOVED),
    F.MALFORMED_REPLY: (
        [99, E.NEW, 99, E.TRADE],
        [99, E.NEW, 99, E.CANCELED],
        [99, 1, 99, E.REPLACED],
    ),
    F.TOTAL_OUTAGE: ([], GONE, GONE),
    F.SUBMIT_ONLY_OUTAGE: ([], GONE, GONE),
    F.CANCEL_ONLY_OUTAGE: (TAKE, [E.NEW], MOVED),
    F.SLOW_DEGRADATION: (TAKE, RESTED, MOVED),
    F.STALE_BOOK: (TAKE, RESTED, MOVED),
    F.WRONG_SIDE_RECOVERY: ([E.NEW, E.CANCELED], RESTED, MOVED),
    F.ACK_LOST_AFTER_EXECUTION: (TAKE, RESTED, MOVED),
    F.LATE_FILL_AFTER_CANCEL: (TAKE, [E.NEW, E.CANCELED, E.TRADE], MOVED),
    F.TRADE_ID_REUSED: ([*TAKE, E.TRADE], RESTED, MOVED),
    F.RATE_LIMIT: ([E.REJECTED], REFUSED, REFUSED),
    F.DEAD_FEED: (TAKE, RESTED, MOVED),
    F.CLOCK_SKEW: (TAKE, RESTED, MOVED),
    F.PARTIAL_BATCH: ([E.REJECTED], RESTED, REFUSED),
    F.REVOKED_CREDENTIALS: ([E.REJECTED], REFUSED, REFUSED),
    F.TRADE_CANCEL: ([*TAKE, E.TRADE_CANCEL], RESTED, MOVED),
    F.TRADE_CORRECT: ([*TAKE, E.TRADE_CORRECT], RESTED, MOVED),
    F.UNSOLICITED_CANCEL: (
        [E.NEW, E.CANCELED],
        [E.NEW, E.CANCELED, E.CANCEL_REJECT],
        [E.NEW, E.CANCELED, E.CANCEL_REJECT],
    ),
    F.OVERFILL: ([*TAKE, E.TRADE], RESTED, MOVED),
    F.FILL_AFTER_DONE: (
        [*TAKE, E.DONE_FOR_DAY],
        [E.NEW, E.CANCELED, E.DONE_FOR_DAY, E.TRADE],
        MOVED,
    ),
}
"""What a venue says of the scripted children: one takes, one is canceled, one is replaced."""


@pytest.mark.promise(p=9)
def test_there_are_all_of_them() -> None:
    assert len(FaultKind) == 37
    assert set(SAID) == set(FaultKind)


@pytest.mark.promise(p=9)
@pytest.mark.parametrize("kind", list(FaultKind), ids=lambda kind: kind.name.lower())
def test_a_fault_says_what_it_should(kind: FaultKind) -> None:
    script = Script(kind)
    assert tuple(script.said(who) for who in (TAKES, RESTS, MOVES)) == SAID[kind]


def market_records(script: Script) -> list[tuple[int, bytes]]:
    return [(kind, raw) for kind, raw in iter_inputs(script.inputs) if raw[2] == VENUE]


def within(script: Script) -> list[bytes]:
    """Quotes of the faulty venue while the fault was on, feed delays left out."""
    start = small_preset().market.start_ns
    since, until = start + NS_PER_S + 20 * NS_PER_MS, start + 2900 * NS_PER_MS
    return [
        raw
        for kind, raw in market_records(script)
        if kind == InputType.QUOTE and since < QUOTE.unpack(raw).log_ns < until
    ]


def crosses(script: Script) -> bool:
    quotes = [QUOTE.unpack(raw) for raw in within(script)]
    return any(0 < quote.ask_nanos < quote.bid_nanos for quote in quotes)


def is_quiet(script: Script) -> bool:
    return not within(script)


def beats(script: Script) -> bool:
    start = small_preset().market.start_ns
    return any(
        kind == InputType.STATUS
        and STATUS.unpack(raw).status == VenueStatus.OPEN
        and start + 1500 * NS_PER_MS < STATUS.unpack(raw).log_ns < start + 2900 * NS_PER_MS
        for kind, raw in market_records(script)
    )


def says_down(script: Script) -> bool:
    return any(
        kind == InputType.STATUS and STATUS.unpack(raw).status == VenueStatus.DOWN
        for kind, raw in market_records(script)
    )


def took_ns(script: Script) -> int:
    return int(script.reports[TAKES][0].log_ns - script.reports[TAKES][0].venue_ns)


def units(script: Script) -> list[int]:
    return [report.last_units for report in script.reports[TAKES] if report.exec_type == E.TRADE]


EFFECTS: dict[FaultKind, Callable[[Script], bool]] = {
    F.SLOW_VENUE: lambda s: took_ns(s) > 20 * NS_PER_MS,
    F.SLOW_DEGRADATION: lambda s: took_ns(s) > took_ns(Script()),
    F.STALE_BOOK: lambda s: is_quiet(s) and beats(s),
    F.DEAD_FEED: lambda s: is_quiet(s) and beats(s),
    F.TOTAL_OUTAGE: lambda s: is_quiet(s) and says_down(s) and not beats(s),
    F.DISCONNECT: says_down,
    F.RECONNECT: lambda s: (
        says_down(s) and s.reports[TAKES][0].report_flags & ReportFlag.POSS_RESEND > 0
    ),
    F.WRONG_SIDE_RECOVERY: crosses,
    F.CLOCK_SKEW: lambda s: s.reports[TAKES][0].venue_ns > s.reports[TAKES][0].log_ns,
    F.SEQUENCE_RESET: lambda s: 1 in [s.reports[who][0].report_id for who in (TAKES, RESTS, MOVES)],
    F.ACK_LOST_AFTER_EXECUTION: lambda s: took_ns(s) > NS_PER_S,
    F.TRADE_ID_REUSED: lambda s: (
        len(set(units(s))) == 2
        and len({r.trade_id for r in s.reports[TAKES] if r.exec_type == E.TRADE}) == 1
    ),
    F.OVERFILL: lambda s: sum(units(s)) > 60,
    F.RATE_LIMIT: lambda s: b"retry after" in s.reports[TAKES][0].text,
    F.REVOKED_CREDENTIALS: lambda s: b"revoked" in s.reports[TAKES][0].text,
    F.DUPLICATE_REPORTS: lambda s: s.reports[TAKES][-1].report_flags & ReportFlag.POSS_DUP > 0,
    F.RESEND: lambda s: s.reports[TAKES][-1].report_flags & ReportFlag.POSS_RESEND > 0,
}
"""What reports alone do not show."""


@pytest.mark.promise(p=9)
@pytest.mark.parametrize("kind", list(EFFECTS), ids=lambda kind: kind.name.lower())
def test_a_fault_shows(kind: FaultKind) -> None:
    assert EFFECTS[kind](Script(kind))


@pytest.mark.promise(p=9)
def test_a_healthy_venue_shows_none_of_it() -> None:
    healthy = Script()
    shown = [kind.name for kind, effect in EFFECTS.items() if effect(healthy)]
    assert shown == []


@pytest.mark.promise(p=9)
@pytest.mark.parametrize("kind", list(FaultKind), ids=lambda kind: kind.name.lower())
def test_the_router_conserves_under_each(kind: FaultKind) -> None:
    start = small_preset().market.start_ns
    faults = [fault(kind, v, start + 2 * NS_PER_S, start + 2600 * NS_PER_MS) for v in range(2)]
    ledger, market = run_with(faults)
    assert ledger.steps > 20
    assert market.checks > 1000


@pytest.mark.promise(p=9)
@pytest.mark.slow
def test_the_router_conserves_under_all_pairs(full_size: bool) -> None:
    start = small_preset().market.start_ns
    since, until = start + 2 * NS_PER_S, start + 2400 * NS_PER_MS
    pairs = list(combinations_with_replacement(FaultKind, 2))
    assert len(pairs) == 703
    seeds = range(3, 13) if full_size else (3,)
    for seed in seeds:
        for one, other in pairs:
            chosen = [fault(one, 0, since, until, 0.7), fault(other, 0, since, until, 0.7)]
            try:
                run_with(chosen, orders=3, seed=seed, venues=3)
            except AssertionError as error:
                raise AssertionError(f"{one.name} with {other.name}, seed {seed}") from error


def test_an_impossible_fault_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"`chance` is 1\.5"):
        fault(F.REJECT, 0, chance=1.5)
    with pytest.raises(InputError, match="`until_ns`"):
        fault(F.REJECT, 0, 5, 5)
    with pytest.raises(InputError, match="no such kind or venue"):
        run_with([fault(F.REJECT, 60)])

"""One market TOML a scenario, each with what must be seen in it; books balance in all of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aggregates import kernel
from schemas.codes import ExecType, InputType, Liquidity, OutputType, TimeInForce, VenueStatus
from schemas.decisions import CHILD
from schemas.errors import InputError
from schemas.market import QUOTE, STATUS
from schemas.orders import NEW_ORDER
from schemas.reports import EXEC_REPORT
from schemas.units import NS_PER_MS, NS_PER_S
from schemas.wire import iter_inputs, iter_raw_outputs
from streams.evaluation.arms import EngineArm, Setting, reference_of
from streams.evaluation.score import shortfall_bps
from streams.simulator.synthetic.drive import Drive, order_times
from streams.simulator.synthetic.load import load_preset
from streams.simulator.synthetic.market import RESULT, SyntheticMarket, market_arguments
from tests.streams.simulator.synthetic.script import child
from tests.streams.simulator.synthetic.worlds import Ledger

MARKETS = Path(__file__).parent / "markets"
SEED, ORDERS, GAP_MS = 7, 40, 200
LONGER = {"phantom_liquidity": 160}
"""Orders where more are needed: a venue that keeps nothing is left by and by."""
FAULT_MS = range(2_500, 4_500)
"""When the faults of these files are on."""
ALL = 1 << 40


class Played:
    """What happened in a market that the router traded in; times in ms since its start."""

    def __init__(self, name: str) -> None:
        self.preset = load_preset(MARKETS / f"{name}.toml")
        setting = Setting(
            preset=self.preset,
            seed=SEED,
            orders=LONGER.get(name, ORDERS),
            gap_ms=GAP_MS,
            is_small=True,
        )
        self.start_ns = self.preset.market.start_ns
        self.ledger = Ledger()
        self.quotes: list[tuple[int, Any]] = []
        self.statuses: list[int] = []
        self.sent: dict[int, tuple[int, Any]] = {}
        self.reports: list[tuple[int, Any]] = []
        market = SyntheticMarket(*market_arguments(self.preset, SEED, checks=True))
        orders = setting.parents()
        market.add_orders(orders)
        engine = kernel.load()
        engine.step(reference_of(self.preset, EngineArm()))
        Drive(engine, market, order_times(orders, NEW_ORDER.size), self._see).run(setting.end_ns)
        self.results = np.frombuffer(market.results(), RESULT.dtype)
        self.cost_bps = float(np.nanmean(shortfall_bps(self.results, self.preset)))

    def ms(self, log_ns: int) -> int:
        return (log_ns - self.start_ns) // NS_PER_MS

    def _see(self, inputs: Any, outputs: bytes) -> None:
        self.ledger(inputs, outputs)
        for kind, raw in iter_inputs(inputs):
            if kind == InputType.QUOTE:
                quote = QUOTE.unpack(raw)
                self.quotes.append((self.ms(quote.log_ns), quote))
            elif kind == InputType.STATUS:
                self.statuses.append(STATUS.unpack(raw).status)
            elif kind == InputType.EXEC_REPORT:
                report = EXEC_REPORT.unpack(raw)
                self.reports.append((self.ms(report.log_ns), report))
        for kind, output in iter_raw_outputs(outputs):
            if kind == OutputType.CHILD:
                record = CHILD.unpack(output)
                self.sent[record.child_id] = (self.ms(record.log_ns), record)

    def quoted(self, venue: int, span: range) -> int:
        return sum(quote.venue == venue and at in span for at, quote in self.quotes)

    def filled(self, venue: int, span: range) -> tuple[int, int]:
        """Units sent to a venue and filled there, of children sent within a span."""
        chosen = {i for i, (at, c) in self.sent.items() if c.venue == venue and at in span}
        fills = {
            r.trade_id: r.last_units
            for _, r in self.reports
            if r.exec_type == ExecType.TRADE and r.child_id in chosen
        }
        return sum(self.sent[i][1].units for i in chosen), sum(fills.values())

    def follows_ticks(self, after_ms: int) -> float:
        """How far the third venue's mid goes the way of a parent within a time, on average."""
        tops = [(at, q) for at, q in self.quotes if q.venue == 2 and q.flags & 15 == 0]
        times = [at for at, _ in tops]

        def mid(at_ms: int) -> float:
            _, quote = tops[max(0, bisect_right(times, at_ms) - 1)]
            return float(quote.bid_nanos + quote.ask_nanos) / 2 / 10**7

        moves = [
            int(row["sign"]) * (mid(at + after_ms) - mid(at))
            for row in self.results
            for at in [self.ms(int(row["arrival_ns"]))]
        ]
        return float(np.mean(moves))

    def share(self, venue: int, span: range) -> float:
        """Part of the children of a span that went to a venue."""
        within = [c.venue for at, c in self.sent.values() if at in span]
        return within.count(venue) / max(1, len(within))

    def waits_ms(self, venue: int, span: range) -> list[int]:
        """From sending to the first word, of children sent within a span."""
        first: dict[int, int] = {}
        for at, report in self.reports:
            first.setdefault(report.child_id, at)
        return [
            first[i] - at
            for i, (at, c) in self.sent.items()
            if c.venue == venue and at in span and i in first
        ]


@cache
def played(name: str) -> Played:
    """Each market is played once."""
    return Played(name)


EARLY, LATE, WHOLE = range(2_000, 5_000), range(7_000, 12_000), range(12_000)


def everything_fills(p: Played) -> bool:
    return bool((p.results["filled_units"] == p.results["units"]).all())


def takes_and_keeps(p: Played) -> bool:
    before, after = p.filled(0, range(2_000, 4_000)), p.filled(0, LATE)
    return before[1] < 0.5 * before[0] and after[1] > 0.8 * after[0] > 0


def is_left(p: Played) -> bool:
    """The best price is shown by a venue that does not keep it: fewer and fewer go there."""
    return 0 < p.share(0, range(20_000, 34_000)) < 0.75 * p.share(0, range(2_000, 7_000))


def fills_beyond_the_book(p: Played) -> bool:
    market, start = fresh(p)
    market.pull(start + 3 * NS_PER_S, ALL)
    shown = market_touch(p, 0)
    market.submit(child(1, 5_000, shown.ask_nanos, TimeInForce.IOC), start + 3 * NS_PER_S)
    fills = trades(market.pull(start + 4 * NS_PER_S, ALL))
    return bool(
        sum(f.last_units for f in fills if f.last_nanos == shown.ask_nanos) > shown.ask_units
    )


def fills_half_at_the_middle(p: Played) -> bool:
    market, start = fresh(p)
    fills = []
    for n in range(60):
        at_ns = start + 2 * NS_PER_S + n * 50 * NS_PER_MS
        market.pull(at_ns, ALL)
        record = CHILD.unpack(child(n + 1, 100, 10**15, TimeInForce.IOC))._replace(venue=3)
        market.submit(CHILD.pack(**record._asdict()), at_ns)
        fills += trades(market.pull(at_ns + 40 * NS_PER_MS, ALL))
    return 10 < len(fills) < 50 and all(f.liquidity == Liquidity.MID for f in fills)


def fresh(p: Played) -> tuple[SyntheticMarket, int]:
    return SyntheticMarket(*market_arguments(p.preset, SEED)), p.start_ns


def market_touch(p: Played, venue: int) -> Any:
    """The last top of book that a venue showed by 3 s of a market that nobody trades in."""
    market, start = fresh(p)
    records = market.pull(start + 3 * NS_PER_S, ALL)
    quotes = [QUOTE.unpack(raw) for kind, raw in iter_inputs(records) if kind == InputType.QUOTE]
    return [q for q in quotes if q.venue == venue and q.flags & 15 == 0][-1]


def trades(records: bytes) -> list[Any]:
    reports = [EXEC_REPORT.unpack(r) for k, r in iter_inputs(records) if k == InputType.EXEC_REPORT]
    return [report for report in reports if report.exec_type == ExecType.TRADE]


def is_cut_and_comes_back(p: Played) -> bool:
    within = range(2_550, 4_450)
    return (
        p.quoted(0, within) == 0
        and p.filled(0, within)[1] == 0
        and p.filled(0, range(4_700, 12_000))[1] > 0
        and VenueStatus.DOWN in p.statuses
    )


def loses_children(p: Played) -> bool:
    sent, filled = p.filled(0, FAULT_MS)
    return p.quoted(0, FAULT_MS) > 0 and sent > 0 and filled == 0


def crosses(p: Played) -> bool:
    return any(
        q.venue == 0 and at in FAULT_MS and 0 < q.ask_nanos < q.bid_nanos for at, q in p.quotes
    )


EXPECTED: dict[str, Callable[[Played], bool]] = {
    "calm": everything_fills,
    "news_burst": lambda p: len(p.quotes) > 4 * len(played("calm").quotes),
    "halt_and_auction": lambda p: {VenueStatus.HALTED, VenueStatus.AUCTION} <= {*p.statuses},
    "regime_switch": takes_and_keeps,
    "informed_flow": lambda p: p.follows_ticks(300) > 2.0,
    "phantom_liquidity": is_left,
    "hidden_size": fills_beyond_the_book,
    "dark_pool": fills_half_at_the_middle,
    "sessions": lambda p: p.quoted(0, range(3_900)) == 0 and p.quoted(1, range(5_100, 12_000)) == 0,
    "outage_total": is_cut_and_comes_back,
    "outage_submit_only": loses_children,
    "outage_cancel_only": everything_fills,
    "slow_degradation": lambda p: max(p.waits_ms(0, FAULT_MS), default=0) > 5,
    "stale_book": lambda p: p.quoted(0, range(2_550, 4_450)) == 0 and p.filled(0, WHOLE)[1] > 0,
    "wrong_side": crosses,
    "repeated_reports": lambda p: (
        p.ledger.reports[ExecType.TRADE]
        > len({r.trade_id for _, r in p.reports if r.exec_type == ExecType.TRADE})
    ),
    "lost_acks": lambda p: max(p.waits_ms(0, FAULT_MS), default=0) > 500,
}


def test_each_file_has_its_expectation() -> None:
    assert {path.stem for path in MARKETS.glob("*.toml")} == set(EXPECTED)


@pytest.mark.parametrize("name", list(EXPECTED))
def test_it_is_what_it_says(name: str) -> None:
    assert EXPECTED[name](played(name))


@pytest.mark.parametrize("name", list(EXPECTED))
def test_nothing_is_lost_or_doubled(name: str) -> None:
    one = played(name)
    assert one.ledger.steps
    assert (one.results["filled_units"] <= one.results["units"]).all()


def test_a_quiet_market_shows_none_of_it() -> None:
    """What the calm market met as well would say nothing."""
    neutral = {"calm", "outage_cancel_only", "hidden_size", "dark_pool"}
    quiet = played("calm")
    assert [name for name in EXPECTED if name not in neutral and EXPECTED[name](quiet)] == []


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('kind = "fire"', "faults[0].kind"),
        ('venue = "ZZZ"', "faults[0].venue"),
        ("until_ms = 5", "faults[0].until_ms"),
        ("since_ms = -1", "faults[0].since_ms"),
        ("chance = 2.0", "faults[0].chance"),
    ],
)
def test_an_impossible_fault_is_refused_by_its_key(tmp_path: Path, line: str, key: str) -> None:
    terms = {"kind": '"total_outage"', "venue": '"AAA"', "since_ms": "10", "until_ms": "20"}
    name, _, value = line.partition(" = ")
    terms[name] = value
    path = tmp_path / "market.toml"
    calm = (MARKETS / "calm.toml").read_text(encoding="utf-8")
    path.write_text(calm + "[[faults]]\n" + "".join(f"{k} = {v}\n" for k, v in terms.items()))
    with pytest.raises(InputError) as caught:
        load_preset(path)
    assert key in str(caught.value)

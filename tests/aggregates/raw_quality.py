"""Venue quality again in the plainest way: keep everything seen, add it all up at each read-out.

Nothing decayed is carried along, and no code of the statistics is used: what is told in QUALITY,
EXECUTION_QUALITY and VENUE_QUALITY is recomputed from the inputs, and from the decisions, children
and child states among the outputs.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from math import fsum, isclose
from typing import Any

from schemas import market, reference, reports
from schemas.codes import (
    ChildState,
    ExecInst,
    ExecType,
    InputType,
    Liquidity,
    MarkoutDrop,
    OutputType,
    Side,
    VenueKind,
    VenueStatus,
)
from schemas.decisions import DROPPED
from schemas.envelope import HEADER
from schemas.units import INSTRUMENT_NONE, INT64_MAX, MAX_LEVELS, NS_PER_S
from tests.aggregates.raw_fees import RawFees
from tests.aggregates.raw_health import RawHealth
from tests.aggregates.raw_statistics import (
    NEGLIGIBLE,
    Estimate,
    RawHistogram,
    Sample,
    weights,
)
from tests.builders import records

OPEN_STATES = (
    ChildState.SENT,
    ChildState.ACKNOWLEDGED,
    ChildState.PARTIAL,
    ChildState.CANCEL_PENDING,
    ChildState.UNKNOWN,
)
Level = tuple[int, int, int, int]
EMPTY: Level = (0, 0, 0, 0)
MARKOUT, CONTROL, HEALTH, HALVE = 6, 7, 8, 9
"""Order of what is due at the same time."""
GRIDS = {CONTROL: "control_ns", HEALTH: "health_ns", HALVE: "speed_half_life_ns"}
CLASSES = {1: "equity", 2: "crypto", 3: "event"}
FAMILIES = {
    "first_fill_ns": "speed",
    "reject_rate": "fill",
    "hidden_units": "fill",
    "effective_bps": "cost",
    "improvement_bps": "cost",
    "all_in_bps": "cost",
    **{
        f"{kind}_{index}_bps": "impact"
        for kind in ("adverse", "realised", "impact", "mid_adverse")
        for index in range(1, 5)
    },
}


class Clock:
    """Log time without the stops."""

    def __init__(self) -> None:
        self.stops: list[list[int]] = []

    def running(self) -> bool:
        """Whether the last stop is over."""
        return not self.stops or len(self.stops[-1]) == 2

    def turn(self, running: bool, now_ns: int) -> None:
        """Stops or goes on."""
        if running and not self.running():
            self.stops[-1].append(now_ns)
        elif not running and self.running():
            self.stops.append([now_ns])

    def __call__(self, now_ns: int) -> int:
        return now_ns - sum(
            (stop[1] if len(stop) == 2 else now_ns) - stop[0] for stop in self.stops
        )


@dataclass(slots=True)
class Segment:
    """A session time in which a venue's book and its place at the best were left alone."""

    start_ns: int
    end_ns: int
    touch: Level
    near: tuple[int, int]
    at_bid: bool
    at_ask: bool


@dataclass(slots=True)
class Raw:
    """Everything seen of one instrument at one venue."""

    levels: list[Level] = field(default_factory=lambda: [EMPTY] * MAX_LEVELS)
    near: tuple[int, int] = (0, 0)
    clock: Clock = field(default_factory=Clock)
    open: bool = True
    since_ns: int = 0
    at_bid: bool = False
    at_ask: bool = False
    segments: list[Segment] = field(default_factory=list)
    changes: list[tuple[int, Level, Level]] = field(default_factory=list)
    lost: list[tuple[int, int] | None] = field(default_factory=lambda: [None, None])
    refills: tuple[Sample, Sample] = field(default_factory=lambda: (Sample(), Sample()))
    delays: Sample = field(default_factory=Sample)
    least_delay_ns: int = INT64_MAX
    delay_p90_ns: int = 0
    fills: Sample = field(default_factory=Sample)
    acks: Sample = field(default_factory=Sample)
    samples: dict[str, Sample] = field(default_factory=lambda: defaultdict(Sample))
    ends: list[tuple[int, int, int]] = field(default_factory=list)
    fee_mismatches: int = 0
    fee_expected: int = 0
    fee_charged: int = 0
    fees: dict[int, tuple[int, int]] = field(default_factory=dict)
    tick_nanos: int = 1
    counts: dict[str, int] = field(default_factory=lambda: {"quotes": 0, "trades": 0, "fills": 0})

    def cut(self, now_ns: int) -> None:
        """Ends the segment that stands."""
        now_ns = self.clock(now_ns)
        if self.since_ns:
            place = self.levels[0], self.near, self.at_bid, self.at_ask
            self.segments.append(Segment(self.since_ns, now_ns, *place))
        self.since_ns = now_ns


@dataclass(slots=True)
class RawVenue:
    """Everything seen of a venue."""

    open: bool = True
    ack_prior_ns: int = 0
    kind: int = 0
    clock: Clock = field(default_factory=Clock)
    fills: Sample = field(default_factory=Sample)
    acks: Sample = field(default_factory=Sample)
    rejects: Sample = field(default_factory=Sample)
    gaps: Sample = field(default_factory=Sample)
    quote_ns: int = 0
    held_ns: int = 0
    feeds: dict[str, RawHistogram] = field(default_factory=lambda: defaultdict(RawHistogram))
    ack: RawHistogram = field(default_factory=RawHistogram)
    fill: RawHistogram = field(default_factory=RawHistogram)
    health: RawHealth = field(default_factory=RawHealth)


@dataclass(slots=True)
class Instrument:
    """Mid, drift and our children of an instrument."""

    units_per_one: int
    lot_units: int
    asset_class: str
    mid: Fraction = Fraction(0)
    mid_ns: int = 0
    open_children: int = 0
    fill_ns: int = -1
    drift: list[Sample] = field(default_factory=lambda: [Sample() for _ in range(4)])


@dataclass(slots=True)
class Fill:
    """A fill as it was told, and the places of what it taught."""

    liquidity: int
    fee_nanos: int
    places: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Sent:
    """A child on its way."""

    child: Any
    sent_ns: int
    mid: Fraction | None
    far: int
    arrival: Fraction
    cum_units: int = 0
    trades: dict[int, tuple[int, int]] = field(default_factory=dict)
    told: dict[int, Fill] = field(default_factory=dict)
    end: tuple[int, int, int, int] | None = None
    """What it had at its end, and its places among fills of row and venue and among ends."""
    answered: bool = False
    state: int = ChildState.SENT
    ended: bool = False

    @property
    def rests(self) -> bool:
        """Whether it was sent to wait for others."""
        return bool(self.child.exec_inst & ExecInst.POST_ONLY)

    @property
    def sign(self) -> int:
        """+1 for a buy."""
        return 1 if self.child.side == Side.BUY else -1


@dataclass(slots=True)
class Waiting:
    """A fill, or a moment without our orders, and what the mid was then."""

    instrument: int
    venue: int
    kind: str
    sign: int
    price: int
    mid: Fraction
    start_ns: int


def bps(part: Fraction | int, whole: Fraction | int) -> float:
    """Exactly, then rounded once."""
    return float(Fraction(part) / Fraction(whole) * 10_000)


class RawQuality:
    """Folds inputs and outputs of a calm day; compares every quality output on the way."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, int], Raw] = defaultdict(Raw)
        self.venues: dict[int, RawVenue] = defaultdict(RawVenue)
        self.instruments: dict[int, Instrument] = {}
        self.children: dict[int, Sent] = {}
        self.held: set[int] = set()
        self.decisions: dict[int, Any] = {}
        self.first: dict[int, int] = {}
        self.settings: Any = None
        self.fees = RawFees()
        self.due: list[tuple[int, int, int]] = []
        self.waiting: list[tuple[Waiting, int]] = []
        self.drops: dict[tuple[MarkoutDrop, bool], int] = defaultdict(int)
        self.venue_drops: dict[tuple[int, str], int] = defaultdict(int)
        self.compared = self.executions = self.venue_reports = 0

    # time and order

    def fold(self, raw: bytes, outputs: bytes) -> None:
        """Takes one input and what the engine said: to its timers first, then to itself."""
        header = HEADER.unpack(raw)
        told = list(records(outputs))
        later = []
        for kind, record, _ in told:
            rows = kind in (OutputType.QUALITY, OutputType.EXECUTION_QUALITY)
            if record.log_ns < header.log_ns or rows:
                self._run_until(record.log_ns - 1, header.log_ns)
                self._output(kind, record)
            else:
                later.append((kind, record))
        self._run_until(header.log_ns, header.log_ns)
        if not any(kind == OutputType.REFUSAL for kind, _ in later):
            self._input(header, raw)
        for kind, record in later:
            self._output(kind, record)

    def _run_until(self, until_ns: int, input_ns: int) -> None:
        """What was due by then; an instant that a quiet time has passed over is not repeated."""
        while self.due and self.due[0][0] <= until_ns:
            due_ns, kind, subject = heapq.heappop(self.due)
            if kind == MARKOUT:
                self._settle(subject, due_ns)
                continue
            period_ns = getattr(self.settings, GRIDS[kind])
            next_ns = (input_ns // period_ns + 1) * period_ns
            if kind == CONTROL:
                self._start_controls(due_ns)
            elif kind == HALVE:
                for venue in self.venues.values():
                    for histogram in (*venue.feeds.values(), venue.ack, venue.fill):
                        histogram.halve((next_ns - due_ns) // period_ns)
            else:
                self._check_health(due_ns)
                if next_ns - period_ns > due_ns:
                    next_ns -= period_ns
            heapq.heappush(self.due, (next_ns, kind, 0))

    def _check_health(self, now_ns: int) -> None:
        for venue in self.venues.values():
            if venue.clock.running() and venue.quote_ns:
                usual = venue.gaps.estimate(now_ns, self.settings.speed_half_life_ns).mean
                venue.health.silence(now_ns - venue.quote_ns, usual, now_ns)

    # inputs

    def _input(self, header: Any, raw: bytes) -> None:
        now_ns, place = header.log_ns, (header.instrument, header.venue)
        if header.type == InputType.QUOTE:
            self._quote(header, raw)
        elif header.type == InputType.TRADE:
            self.rows[place].counts["trades"] += 1
        elif header.type == InputType.STATUS:
            self._status(header, market.STATUS.unpack(raw).status)
        elif header.type == InputType.VENUE:
            record = reference.VENUE.unpack(raw)
            venue = self.venues[header.venue]
            venue.ack_prior_ns, venue.kind = record.ack_prior_ns, record.kind
        elif header.type == InputType.INSTRUMENT:
            record = reference.INSTRUMENT.unpack(raw)
            self.instruments[header.instrument] = Instrument(
                record.units_per_one,
                record.round_lot_units,
                CLASSES.get(record.asset_class, "other"),
            )
        elif header.type == InputType.LISTING:
            self.rows[place].tick_nanos = reference.LISTING.unpack(raw).tick_nanos
        elif header.type == InputType.FEE:
            fee = reference.FEE.unpack(raw)
            self.rows[place].fees[fee.liquidity] = fee.fixed_nanos, fee.rate_e9
        elif header.type == InputType.FEE_TIER:
            self.fees.add_line(reference.FEE_TIER.unpack(raw))
        elif header.type == InputType.BILLING:
            self.fees.add_billing(reference.BILLING.unpack(raw))
        elif header.type == InputType.SETTINGS:
            self._take_settings(raw, now_ns)
        elif header.type == InputType.EXEC_REPORT:
            self._report(reports.EXEC_REPORT.unpack(raw), now_ns)

    def _take_settings(self, raw: bytes, now_ns: int) -> None:
        assert self.settings is None, "a calm day has one SETTINGS"
        self.settings = reference.SETTINGS.unpack(raw)
        for venue in self.venues.values():
            venue.health.settings = self.settings
        for kind, name in GRIDS.items():
            period_ns = getattr(self.settings, name)
            if period_ns:
                heapq.heappush(self.due, ((now_ns // period_ns + 1) * period_ns, kind, 0))

    def _quote(self, header: Any, raw: bytes) -> None:
        now_ns, place = header.log_ns, (header.instrument, header.venue)
        row, venue = self.rows[place], self.venues[header.venue]
        bid, bid_units, ask, ask_units = market.QUOTE.unpack(raw)[8:]
        level = (bid if bid_units else 0, bid_units, ask if ask_units else 0, ask_units)
        if header.flags & 15:
            row.cut(now_ns)
            row.levels[header.flags & 15] = level
        else:
            self._touch(place, level, now_ns)
        row.near = (self._near(row, 0), self._near(row, 2))
        row.counts["quotes"] += 1
        if venue.quote_ns:
            venue.gaps.add(venue.clock(now_ns), now_ns - venue.quote_ns)
        venue.quote_ns = now_ns
        if header.venue_ns > 0 and row.clock.running():
            feed = venue.feeds[self.instruments[header.instrument].asset_class]
            self._delay(row, feed, now_ns, now_ns - header.venue_ns)

    def _near(self, row: Raw, side: int) -> int:
        """Down the book from the touch until an empty level, or one too far away."""
        total, touch = 0, row.levels[0][side]
        for level in row.levels:
            price, units = level[side], level[side + 1]
            if not units or abs(price - touch) > self.settings.near_ticks * row.tick_nanos:
                break
            total += units
        return total

    def _least_delay(self, row: Raw) -> int:
        """Least of the half-life in which the last one was, and of the one before."""
        span_ns = 1024 * max(1, self.settings.speed_half_life_ns // 1024)
        last = row.delays.seen[-1][0] // span_ns
        return int(min(delay for at, delay in row.delays.seen if at // span_ns >= last - 1))

    def _delay(self, row: Raw, feed: RawHistogram, now_ns: int, delay_ns: int) -> None:
        row.delays.add(row.clock(now_ns), delay_ns)
        row.least_delay_ns = self._least_delay(row)
        step_ns = abs(row.delay_p90_ns) // 1024 + 100
        row.delay_p90_ns += 9 * step_ns if delay_ns > row.delay_p90_ns else -step_ns
        feed.add(delay_ns - row.least_delay_ns)

    def _touch(self, place: tuple[int, int], touch: Level, now_ns: int) -> None:
        """A new touch of one venue; others may gain or lose their place at the best."""
        row, before = self.rows[place], self.rows[place].levels[0]
        row.cut(now_ns)
        row.levels[0] = touch
        if row.clock.running():
            if touch != before:
                row.changes.append((row.clock(now_ns), before, touch))
            self._refill(row, 0, before[0], touch[0], now_ns)
            self._refill(row, 1, -before[2], -touch[2], now_ns)
        rows = {key: row for key, row in self.rows.items() if key[0] == place[0]}
        bids = [row.levels[0][0] for row in rows.values() if row.levels[0][0]]
        asks = [row.levels[0][2] for row in rows.values() if row.levels[0][2]]
        bound = Fraction(self.settings.mid_crossed_e9 if self.settings else 0, 10**9)
        crossed = bids and asks and max(bids) - min(asks) <= int(min(asks) * bound)
        if bids and asks and (max(bids) < min(asks) or (bound and crossed)):
            instrument = self.instruments[place[0]]
            instrument.mid, instrument.mid_ns = Fraction(max(bids) + min(asks), 2), now_ns
        for key, other in rows.items():
            at_bid = bool(bids) and other.levels[0][0] == max(bids)
            at_ask = bool(asks) and other.levels[0][2] == min(asks)
            if (at_bid, at_ask) != (other.at_bid, other.at_ask) and key != place:
                other.cut(now_ns)
            other.at_bid, other.at_ask = at_bid, at_ask

    def _refill(self, row: Raw, side: int, before: int, after: int, now_ns: int) -> None:
        """Prices are signed, so that higher is better on both sides; 0 is an empty one."""
        session_ns, lost = row.clock(now_ns), row.lost[side]
        patience_ns = 1024 * max(1, self.settings.liquidity_half_life_ns // 1024)
        back = lost is not None and after and after >= lost[0]
        if lost is not None and not back and session_ns - lost[1] > patience_ns:
            row.lost[side] = lost = None
        if lost is None:
            if before and (after == 0 or after < before):
                row.lost[side] = before, session_ns
        elif after and after >= lost[0]:
            row.lost[side] = None
            if session_ns > lost[1]:
                row.refills[side].add(session_ns, session_ns - lost[1])

    def _status(self, header: Any, status: int) -> None:
        now_ns, venue = header.log_ns, self.venues[header.venue]
        whole = header.instrument == INSTRUMENT_NONE
        if whole:
            reopened = status == VenueStatus.OPEN and not venue.clock.running()
            venue.open = status == VenueStatus.OPEN
            venue.clock.turn(venue.open, now_ns)
            if reopened and venue.quote_ns:
                venue.quote_ns = now_ns
        else:
            self.rows[header.instrument, header.venue].open = status == VenueStatus.OPEN
        for instrument in self.instruments if whole else [header.instrument]:
            row = self.rows[instrument, header.venue]
            if not (venue.open and row.open):
                self._touch((instrument, header.venue), EMPTY, now_ns)
                row.levels, row.near = [EMPTY] * MAX_LEVELS, (0, 0)
            row.clock.turn(venue.open and row.open, now_ns)
        if whole and status == VenueStatus.OPEN:
            venue.health.good(now_ns)
        elif whole and status == VenueStatus.DOWN:
            venue.health.outage(now_ns)
        elif whole and status == VenueStatus.HALTED:
            venue.health.halt(now_ns)

    # our children

    def _report(self, report: Any, now_ns: int) -> None:
        sent = self.children[report.child_id]
        row = self.rows[sent.child.instrument, sent.child.venue]
        venue = self.venues[sent.child.venue]
        latency_ns = now_ns - sent.sent_ns
        if not sent.answered:
            sent.answered = True
            row.acks.add(row.clock(now_ns), latency_ns)
            venue.acks.add(venue.clock(now_ns), latency_ns)
            venue.ack.add(latency_ns)
        if report.exec_type == ExecType.REJECTED and report.retry_after_ns > 0:
            venue.held_ns = max(venue.held_ns, now_ns + min(report.retry_after_ns, 3600 * NS_PER_S))
        if report.exec_type in (ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT):
            # A canceled trade never was: the next one of its child is the first again.
            kept = report.last_units if report.exec_type == ExecType.TRADE_CORRECT else 0
            sent.cum_units += kept - sent.trades.get(report.ref_trade_id, (0, 0))[0]
            self._take_back(sent, row, venue, report)
        if report.exec_type == ExecType.TRADE_CANCEL:
            sent.trades[report.ref_trade_id] = 0, 0
            row.counts["fills"] -= 1
        elif report.exec_type == ExecType.TRADE_CORRECT:
            sent.trades[report.ref_trade_id] = report.last_units, report.last_nanos
        if report.exec_type == ExecType.TRADE:
            if sent.cum_units == 0 and not sent.rests:
                row.samples["first_fill_ns"].add(row.clock(now_ns), latency_ns)
                venue.fill.add(latency_ns)
            sent.cum_units += report.last_units
            row.counts["fills"] += 1
            self._costs(sent, row, report, now_ns)
            self._fee(sent, row, report)
            self.instruments[sent.child.instrument].fill_ns = now_ns
            self._start_markout(sent, report, now_ns)

    def _take_back(self, sent: Sent, row: Raw, venue: RawVenue, report: Any) -> None:
        """A canceled trade taught nothing, a corrected one something else."""
        canceled, ref = report.exec_type == ExecType.TRADE_CANCEL, report.ref_trade_id
        units = 0 if canceled else report.last_units
        added, told = units - sent.trades[ref][0], sent.told[ref]
        for name, value in self._cost_values(sent, report).items() if not canceled else ():
            if name in told.places:
                row.samples[name].replace(told.places[name], value)
        for name, place in told.places.items() if canceled else ():
            row.samples[name].retract(place, self.settings.cost_half_life_ns)
        priced = sent.child.venue, sent.child.account, sent.child.instrument, told.liquidity
        others = [fill for key, fill in sent.trades.items() if key != ref]
        was = self._expected(priced, row, others, sent.trades[ref])
        if was is not None:
            fill = units, report.last_nanos
            now = 0 if canceled else self._expected(priced, row, others, fill)
            fee_nanos = 0 if canceled else report.fee_nanos
            row.fee_expected += now - was
            row.fee_charged += fee_nanos - told.fee_nanos
            told.fee_nanos = fee_nanos
        if sent.end is not None:
            had, in_row, in_venue, in_ends = sent.end
            had = max(0, had + added)
            sent.end = had, in_row, in_venue, in_ends
            share = min(had, sent.child.units) / sent.child.units
            row.fills.replace(in_row, share)
            venue.fills.replace(in_venue, share)
            row.ends[in_ends] = (*row.ends[in_ends][:2], had)

    def _expected(
        self, place: Any, row: Raw, others: list[tuple[int, int]], fill: tuple[int, int]
    ) -> Any:
        one = self.instruments[place[2]].units_per_one
        expected = self.fees.expected(place, others, fill, one)
        if expected is None and place[3] in row.fees:
            fixed, rate = row.fees[place[3]]
            expected = (fixed + fill[1] * rate // 10**9) * fill[0] // one
        return expected

    def _cost_values(self, sent: Sent, report: Any) -> dict[str, float]:
        price, found = Fraction(report.last_nanos), {}
        if sent.mid and not sent.rests:
            found["effective_bps"] = bps(2 * sent.sign * (price - sent.mid), sent.mid)
        if sent.far and not sent.rests:
            found["improvement_bps"] = bps(sent.sign * (sent.far - price), sent.far)
        one = self.instruments[sent.child.instrument].units_per_one
        fee = Fraction(report.fee_nanos * one, report.last_units)
        found["all_in_bps"] = bps(sent.sign * (price - sent.arrival) + fee, sent.arrival)
        return found

    def _costs(self, sent: Sent, row: Raw, report: Any, now_ns: int) -> None:
        told = sent.told[report.trade_id] = Fill(report.liquidity, report.fee_nanos)
        for name, value in self._cost_values(sent, report).items():
            told.places[name] = row.samples[name].add(row.clock(now_ns), value)

    def _fee(self, sent: Sent, row: Raw, report: Any) -> None:
        fill, child = (report.last_units, report.last_nanos), sent.child
        place = child.venue, child.account, child.instrument, report.liquidity
        expected = self._expected(place, row, list(sent.trades.values()), fill)
        sent.trades[report.trade_id] = fill
        if expected is not None:
            wrong = abs(report.fee_nanos - expected) > self.settings.fee_tolerance_nanos
            row.fee_mismatches += wrong
            row.fee_expected += expected
            row.fee_charged += report.fee_nanos

    def _output(self, kind: OutputType, record: Any) -> None:
        if kind == OutputType.QUALITY:
            self._compare_row(record)
        elif kind == OutputType.EXECUTION_QUALITY:
            self._compare_execution(record)
        elif kind == OutputType.VENUE_QUALITY:
            self._compare_venue(record)
        elif kind == OutputType.DECISION:
            self.decisions[record.out_seq] = record
            if record.children:
                self.first.setdefault(record.order_id, record.out_seq)
        elif kind == OutputType.CHILD:
            self._send(record)
        elif kind == OutputType.CHILD_STATE:
            self._child_state(record)
        elif kind == OutputType.CANCEL_CHILD:
            sent = self.children[record.child_id]
            if sent.state != ChildState.UNKNOWN:
                sent.state = ChildState.CANCEL_PENDING

    def _send(self, record: Any) -> None:
        decision = self.decisions[record.decision_id]
        buy = record.side == Side.BUY
        self.children[record.child_id] = Sent(
            record,
            record.log_ns,
            self._mid(record.instrument, record.log_ns),
            decision.protected_ask_nanos if buy else decision.protected_bid_nanos,
            Fraction(decision.arrival_bid_nanos + decision.arrival_ask_nanos, 2),
        )
        if record.child_id not in self.held:
            self.instruments[record.instrument].open_children += 1
        self.held.discard(record.child_id)

    def _held_state(self, record: Any) -> None:
        """A child that waits for its delay counts as open; dropped, it was never anywhere."""
        waits = record.state in (ChildState.HELD, ChildState.PLANNED)
        self.instruments[record.instrument].open_children += 1 if waits else -1
        (self.held.add if waits else self.held.discard)(record.child_id)

    def _child_state(self, record: Any) -> None:
        if record.child_id not in self.children:
            self._held_state(record)
            return
        sent, now_ns = self.children[record.child_id], record.log_ns
        row = self.rows[sent.child.instrument, sent.child.venue]
        venue = self.venues[sent.child.venue]
        if not record.exec_type:
            cancels = sent.state == ChildState.CANCEL_PENDING
            (venue.health.cancel_timeout if cancels else venue.health.timeout)(now_ns)
        elif sent.state == ChildState.CANCEL_PENDING and record.state not in (
            ChildState.CANCEL_PENDING,
            ChildState.UNKNOWN,
        ):
            venue.health.cancel_timeouts = 0
        sent.state = record.state
        if sent.ended or record.state in OPEN_STATES:
            return
        sent.ended = True
        self.instruments[sent.child.instrument].open_children -= 1
        rejected = record.state == ChildState.REJECTED
        if sent.rests and not rejected:
            return  # what rested had to wait for others, and says nothing of what was there
        is_first = self.first[sent.child.order_id] == sent.child.decision_id
        share = min(record.cum_units, record.units) / record.units
        places = []
        for fills, rejects, clock in (
            (row.fills, row.samples["reject_rate"], row.clock),
            (venue.fills, venue.rejects, venue.clock),
        ):
            if is_first and not sent.rests:
                places.append(fills.add(clock(now_ns), share))
            rejects.add(clock(now_ns), rejected)
        if is_first and not rejected:
            row.ends.append((row.clock(now_ns), record.units, record.cum_units))
            sent.end = record.cum_units, *places, len(row.ends) - 1
        if rejected and venue.held_ns > now_ns:
            venue.health.timeouts = 0  # its rate limit is an answer and no fault
        else:
            venue.health.answer(rejected, now_ns)

    # markouts

    def _mid(self, instrument: int, now_ns: int) -> Fraction | None:
        book = self.instruments[instrument]
        old = now_ns - book.mid_ns > self.settings.mid_age_ns
        return None if old or not book.mid else book.mid

    def _drop(self, reason: MarkoutDrop, sign: int, venue: int = -1) -> None:
        self.drops[reason, sign < 0] += 1
        side = "sell" if sign < 0 else "buy"
        self.venue_drops[venue, f"dropped_{reason.name.lower()}_{side}"] += 1

    def _start_markout(self, sent: Sent, report: Any, now_ns: int) -> None:
        kinds = {
            Liquidity.TAKE: "impact",
            Liquidity.ADD: "adverse",
            Liquidity.HIDDEN: "adverse",
            Liquidity.MID: "mid_adverse",
        }
        if report.liquidity in kinds:
            place, kind = (sent.child.instrument, sent.child.venue), kinds[report.liquidity]
            self._wait(*place, kind, sent.sign, report.last_nanos, now_ns)

    def _start_controls(self, now_ns: int) -> None:
        for instrument, book in self.instruments.items():
            if not book.open_children and self._mid(instrument, now_ns):
                self._wait(instrument, -1, "control", 1, 0, now_ns)

    def _wait(
        self, instrument: int, venue: int, kind: str, sign: int, price: int, now_ns: int
    ) -> None:
        mid = self._mid(instrument, now_ns)
        if mid is None:
            seen = self.instruments[instrument].mid
            self._drop(MarkoutDrop.STALE_MID if seen else MarkoutDrop.NO_MID, sign, venue)
            return
        waiting = Waiting(instrument, venue, kind, sign, price, mid, now_ns)
        for index in range(4):
            horizon_ns = getattr(self.settings, f"horizon_{index + 1}_ns")
            if horizon_ns >= self.settings.resolution_ns:
                self.waiting.append((waiting, index))
                heapq.heappush(self.due, (now_ns + horizon_ns, MARKOUT, len(self.waiting) - 1))

    def _settle(self, subject: int, now_ns: int) -> None:
        waiting, index = self.waiting[subject]
        book, mid = self.instruments[waiting.instrument], self._mid(waiting.instrument, now_ns)
        row = self.rows.get((waiting.instrument, waiting.venue))
        if waiting.kind == "control":
            if book.open_children or book.fill_ns >= waiting.start_ns:
                self._drop(MarkoutDrop.OWN_ORDER, 1)
                return
        elif row is not None and not (row.open and self.venues[waiting.venue].open):
            self._drop(MarkoutDrop.NOT_TRADING, waiting.sign, waiting.venue)
            return
        if mid is None:
            self._drop(MarkoutDrop.STALE_MID, waiting.sign, waiting.venue)
            return
        move = bps(waiting.sign * (mid - waiting.mid), waiting.mid)
        if row is None or waiting.kind == "control":
            book.drift[index].add(now_ns, move)
            return
        session_ns, samples = row.clock(now_ns), row.samples
        if waiting.kind == "impact":
            drift = book.drift[index].estimate(now_ns, self.settings.impact_half_life_ns).mean
            samples[f"impact_{index + 1}_bps"].add(session_ns, move - waiting.sign * drift)
            return
        samples[f"{waiting.kind}_{index + 1}_bps"].add(session_ns, -move)
        if waiting.kind == "adverse":
            earned = bps(2 * waiting.sign * (mid - waiting.price), waiting.mid)
            samples[f"realised_{index + 1}_bps"].add(session_ns, earned)

    # read-outs

    def _compare_row(self, told: Any) -> None:
        row = self.rows[told.instrument, told.venue]
        row.cut(told.log_ns)
        where = f"instrument {told.instrument} venue {told.venue} at {told.log_ns}"
        now_ns, speed = row.clock(told.log_ns), self.settings.speed_half_life_ns
        for name, value in row.counts.items():
            assert getattr(told, name) == value, f"{where}: {name}"
        assert told.feed_delay_min_ns == row.least_delay_ns, f"{where}: least feed delay"
        assert told.feed_delay_p90_ns == row.delay_p90_ns, f"{where}: p90 of the feed delay"
        self._compare_times(row, told, where)
        for name, sample in zip(("bid", "ask"), row.refills, strict=True):
            estimate = sample.estimate(now_ns, self.settings.liquidity_half_life_ns)
            close(where, told, f"refill_{name}_ns", estimate.mean)
            close(where, told, f"refill_{name}_n", estimate.n)
        estimate = row.delays.estimate(now_ns, speed)
        said = told.feed_delay_ns, told.feed_delay_se, told.feed_delay_n
        estimate.check(f"{where}: feed_delay", *said)
        self._compare_shrunk(row, told, where, now_ns)
        self.compared += 1

    def _compare_shrunk(self, row: Raw, told: Any, where: str, now_ns: int) -> None:
        settings, venue = self.settings, self.venues[told.venue]
        venue_ns, weight = venue.clock(told.log_ns), settings.fill_prior_weight_e9 / 1e9
        half_life_ns = settings.fill_half_life_ns
        kinds = {int(VenueKind.DARK): "dark_", int(VenueKind.WHOLESALER): "wholesaler_"}
        told_e9 = getattr(settings, f"fill_prior_{kinds.get(venue.kind, '')}e9")
        told_e9 = told_e9 or settings.fill_prior_e9
        prior = venue.fills.shrunk(venue_ns, half_life_ns, told_e9 / 1e9, weight)
        close(where, told, "fill_ratio", row.fills.shrunk(now_ns, half_life_ns, prior, weight))
        estimate = row.fills.estimate(now_ns, half_life_ns)
        estimate.check(f"{where}: fill", estimate.mean, told.fill_ratio_se, told.fill_ratio_n)
        weight, half_life_ns = settings.ack_prior_weight_e9 / 1e9, settings.speed_half_life_ns
        prior = venue.acks.shrunk(venue_ns, half_life_ns, venue.ack_prior_ns, weight)
        close(where, told, "ack_ns", row.acks.shrunk(now_ns, half_life_ns, prior, weight))
        estimate = row.acks.estimate(now_ns, half_life_ns)
        estimate.check(f"{where}: ack", estimate.mean, told.ack_ns_se, told.ack_n)

    def _compare_times(self, row: Raw, told: Any, where: str) -> None:
        """Each segment counts with the time it lasted, decayed since it ended."""
        weight = weights(row.clock(told.log_ns), self.settings.liquidity_half_life_ns)
        masses = [weight(s.end_ns) * (s.end_ns - s.start_ns) for s in row.segments]
        two_sided = [
            mass if 0 < s.touch[0] <= s.touch[2] else 0.0
            for mass, s in zip(masses, row.segments, strict=True)
        ]
        observed, n = fsum(masses), fsum(weight(at) for at, _, _ in row.changes)
        close(where, told, "observed_ns", observed)
        close(where, told, "touch_changes", n)
        values: dict[str, Callable[[Segment], float]] = {
            "near_bid_units": lambda s: s.near[0],
            "near_ask_units": lambda s: s.near[1],
            "share_at_bid": lambda s: s.at_bid,
            "share_at_ask": lambda s: s.at_ask,
            "two_sided_share": lambda s: 0 < s.touch[0] <= s.touch[2],
        }
        for name, value in values.items():
            estimate = _average(row.segments, masses, value, n)
            close(where, told, name, estimate.mean)
        spread = lambda s: s.touch[2] - s.touch[0]  # noqa: E731
        bids, asks = (
            fsum(weight(at) * (new[side] - old[side]) ** 2 for at, old, new in row.changes)
            for side in (1, 3)
        )
        errors = {
            "bid_units": _average(row.segments, masses, lambda s: s.touch[1], n, bids),
            "ask_units": _average(row.segments, masses, lambda s: s.touch[3], n, asks),
        }
        if not 0.0 < fsum(two_sided) < NEGLIGIBLE:
            wider = [
                (weight(at), (new[2] - new[0]) - (old[2] - old[0]))
                for at, old, new in row.changes
                if 0 < old[0] <= old[2] and 0 < new[0] <= new[2]
            ]
            jumped = fsum(w * moved * moved for w, moved in wider)
            errors["spread_nanos"] = _average(row.segments, two_sided, spread, n, jumped)
        for name, estimate in errors.items():
            said = getattr(told, name), getattr(told, f"{name}_se"), n
            estimate.check(f"{where}: {name}", *said)

    def _compare_execution(self, told: Any) -> None:
        row = self.rows[told.instrument, told.venue]
        where = f"instrument {told.instrument} venue {told.venue} at {told.log_ns}"
        now_ns = row.clock(told.log_ns)
        assert told.fee_mismatches == row.fee_mismatches, f"{where}: fee mismatches"
        assert told.fee_expected_nanos == row.fee_expected, f"{where}: expected fees"
        assert told.fee_charged_nanos == row.fee_charged, f"{where}: charged fees"
        for name, family in FAMILIES.items():
            half_life_ns = getattr(self.settings, f"{family}_half_life_ns")
            estimate = row.samples[name].estimate(now_ns, half_life_ns)
            said = (getattr(told, f"{name}{part}") for part in ("", "_se", "_n"))
            estimate.check(f"{where}: {name}", *said)
        lot = self.instruments[told.instrument].lot_units
        weight = weights(row.ends[-1][0] if row.ends else 0, self.settings.fill_half_life_ns)
        for index in range(8):
            size = lot * 2**index
            asked = [end for end in row.ends if end[1] > (size // 2 if index else 0)]
            had = fsum(weight(at) for at, sent, cum in asked if cum >= min(size, sent))
            lacked = fsum(weight(at) for at, sent, cum in asked if cum < min(size, sent))
            close(where, told, f"available_{index}_n", had + lacked)
            if not 0.0 < had + lacked < NEGLIGIBLE:
                share = had / (had + lacked) if had + lacked else 0.0
                close(where, told, f"available_{index}", share)
        self.executions += 1

    def _compare_venue(self, told: Any) -> None:
        venue = self.venues[told.venue]
        where = f"venue {told.venue} at {told.log_ns}"
        now_ns, half_life_ns = venue.clock(told.log_ns), self.settings.fill_half_life_ns
        for name, sample in (("fill_ratio", venue.fills), ("reject_rate", venue.rejects)):
            said = (getattr(told, f"{name}{part}") for part in ("", "_se", "_n"))
            sample.estimate(now_ns, half_life_ns).check(f"{where}: {name}", *said)
        feed = RawHistogram.merged(venue.feeds.values())
        classes = {f"feed_{name}": venue.feeds[name] for name in (*CLASSES.values(), "other")}
        for name, raw in {"feed": feed, "ack": venue.ack, "fill": venue.fill, **classes}.items():
            quantiles = {p: getattr(told, f"{name}_p{p}_ns") for p in (50, 90, 99)}
            raw.check(f"{where}: {name}", getattr(told, f"{name}_n"), quantiles)
        gaps = venue.gaps.estimate(now_ns, self.settings.speed_half_life_ns)
        close(where, told, "usual_gap_ns", gaps.mean)
        health = venue.health
        for name, wanted in (
            ("health", health.state),
            ("since_ns", health.since_ns),
            ("quote_ns", venue.quote_ns),
            ("relapses", health.relapses),
            ("rejects_in_row", health.rejects),
            ("timeouts_in_row", health.timeouts),
            ("cancel_timeouts_in_row", health.cancel_timeouts),
            *((name, self.venue_drops[told.venue, name]) for name in DROPPED),
            ("clean", health.clean),
            ("clean_needed", health.needed),
        ):
            assert getattr(told, name) == wanted, f"{where}: {name} {getattr(told, name)}"
        self.venue_reports += 1


def close(where: str, told: Any, name: str, wanted: float) -> None:
    """Agreement to 1e-9."""
    value = getattr(told, name)
    assert isclose(value, wanted, rel_tol=1e-9, abs_tol=1e-18), f"{where}: {name} {value} {wanted}"


def _average(
    segments: list[Segment],
    masses: list[float],
    value: Callable[[Segment], float],
    n: float,
    jumps: float = 0.0,
) -> Estimate:
    """Mean over time, how much the value varies over it, and what its changes moved it by."""
    mass = fsum(masses)
    if not mass:
        return Estimate(n=n)
    pairs = [(mass, value(segment)) for mass, segment in zip(masses, segments, strict=True)]
    mean = fsum(mass * x for mass, x in pairs) / mass
    variance = fsum(mass * (x - mean) ** 2 for mass, x in pairs) / mass
    return Estimate(mean, variance, mean * mean + variance, n, jumps / n if n else None)

"""Venue quality again in the plainest way: keep every tick, loop over segments at each read-out.

No decayed sums are carried along: a weight is 2^-(steps/1024), with steps counted on the absolute
grid of half-life/1024, and every segment since the start is added up anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from schemas import market, reference, reports
from schemas.codes import ChildState, ExecType, InputType, OutputType, VenueStatus
from schemas.envelope import HEADER
from schemas.units import INSTRUMENT_NONE, INT64_MAX
from tests.builders import records

OPEN_STATES = (
    ChildState.SENT,
    ChildState.ACKNOWLEDGED,
    ChildState.PARTIAL,
    ChildState.CANCEL_PENDING,
    ChildState.UNKNOWN,
)
EMPTY = (0, 0, 0, 0)
NEGLIGIBLE = 1e-200
"""A mean over less than this is of a past that has decayed to nothing."""


@dataclass(slots=True)
class Segment:
    """A time in which a venue's touch and its place at the best did not change."""

    start_ns: int
    end_ns: int
    touch: tuple[int, int, int, int]
    at_bid: bool
    at_ask: bool


@dataclass(slots=True)
class Raw:
    """Everything seen of one instrument at one venue."""

    touch: tuple[int, int, int, int] = EMPTY
    since_ns: int = 0
    at_bid: bool = False
    at_ask: bool = False
    segments: list[Segment] = field(default_factory=list)
    delays: list[tuple[int, int]] = field(default_factory=list)
    fills: list[tuple[int, float]] = field(default_factory=list)
    acks: list[tuple[int, int]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {"quotes": 0, "trades": 0, "fills": 0})

    def cut(self, now_ns: int) -> None:
        """Ends the segment that stands."""
        if self.since_ns:
            segment = Segment(self.since_ns, now_ns, self.touch, self.at_bid, self.at_ask)
            self.segments.append(segment)
        self.since_ns = now_ns


@dataclass(slots=True)
class Sent:
    """A child on its way."""

    child: Any
    sent_ns: int
    answered: bool = False
    ended: bool = False


class RawQuality:
    """Folds inputs and outputs of a calm day; compares every QUALITY output on the way."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, int], Raw] = defaultdict(Raw)
        self.children: dict[int, Sent] = {}
        self.settings: Any = None
        self.ack_priors: dict[int, int] = {}
        self.venues = self.instruments = self.compared = 0

    def fold(self, raw: bytes, outputs: bytes) -> None:
        """Takes one input and what the engine said; read-outs come before the input's own facts."""
        header = HEADER.unpack(raw)
        told = list(records(outputs))
        for kind, record, _ in told:
            if kind == OutputType.QUALITY:
                self._compare(record)
        if not any(kind == OutputType.REFUSAL for kind, _, _ in told):
            self._input(header, raw)
        for kind, record, _ in told:
            if kind == OutputType.CHILD:
                self.children[record.child_id] = Sent(record, record.log_ns)
            elif kind == OutputType.CHILD_STATE and record.exec_type:
                self._child_state(record)

    def _input(self, header: Any, raw: bytes) -> None:
        now_ns, place = header.log_ns, (header.instrument, header.venue)
        if header.type == InputType.QUOTE:
            if header.flags & 15 == 0:
                bid, bid_units, ask, ask_units = market.QUOTE.unpack(raw)[8:]
                touch = (bid if bid_units else 0, bid_units, ask if ask_units else 0, ask_units)
                self._touch(place, touch, now_ns)
            self.rows[place].counts["quotes"] += 1
            if header.venue_ns > 0:
                self.rows[place].delays.append((now_ns, now_ns - header.venue_ns))
        elif header.type == InputType.TRADE:
            self.rows[place].counts["trades"] += 1
        elif header.type == InputType.STATUS:
            self._status(header, raw)
        elif header.type == InputType.VENUE:
            self.ack_priors[header.venue] = reference.VENUE.unpack(raw).ack_prior_ns
        elif header.type == InputType.INSTRUMENT:
            self.instruments = max(self.instruments, header.instrument + 1)
        elif header.type == InputType.SETTINGS:
            self.settings = reference.SETTINGS.unpack(raw)
        elif header.type == InputType.EXEC_REPORT:
            report = reports.EXEC_REPORT.unpack(raw)
            sent = self.children[report.child_id]
            row = self.rows[sent.child.instrument, sent.child.venue]
            row.counts["fills"] += report.exec_type == ExecType.TRADE
            if not sent.answered:
                sent.answered = True
                row.acks.append((now_ns, now_ns - sent.sent_ns))

    def _status(self, header: Any, raw: bytes) -> None:
        if market.STATUS.unpack(raw).status == VenueStatus.OPEN:
            return
        whole = header.instrument == INSTRUMENT_NONE
        for instrument in range(self.instruments) if whole else [header.instrument]:
            self._touch((instrument, header.venue), EMPTY, header.log_ns)

    def _child_state(self, record: Any) -> None:
        sent = self.children[record.child_id]
        if not sent.ended and record.state not in OPEN_STATES:
            sent.ended = True
            row = self.rows[sent.child.instrument, sent.child.venue]
            share = min(record.cum_units, record.units) / record.units
            row.fills.append((record.log_ns, share))

    def _touch(self, place: tuple[int, int], touch: tuple[int, ...], now_ns: int) -> None:
        """A new touch of one venue; others may gain or lose their place at the best."""
        self.rows[place].cut(now_ns)
        self.rows[place].touch = (touch[0], touch[1], touch[2], touch[3])
        rows = {key: row for key, row in self.rows.items() if key[0] == place[0]}
        bids = [row.touch[0] for row in rows.values() if row.touch[0]]
        asks = [row.touch[2] for row in rows.values() if row.touch[2]]
        for key, row in rows.items():
            at_bid = bool(bids) and row.touch[0] == max(bids)
            at_ask = bool(asks) and row.touch[2] == min(asks)
            if (at_bid, at_ask) != (row.at_bid, row.at_ask) and key != place:
                row.cut(now_ns)
            row.at_bid, row.at_ask = at_bid, at_ask

    def _compare(self, told: Any) -> None:
        row = self.rows[told.instrument, told.venue]
        row.cut(told.log_ns)
        where = f"instrument {told.instrument} venue {told.venue} at {told.log_ns}"
        for name, value in row.counts.items():
            assert getattr(told, name) == value, f"{where}: {name}"
        for name, estimate in self._estimates(row, told).items():
            error = abs(getattr(told, name) - estimate)
            assert error <= 1e-9 * max(abs(estimate), 1e-9), f"{where}: {name}"
        least = min((delay for _, delay in row.delays), default=INT64_MAX)
        assert told.feed_delay_min_ns == least, f"{where}: least feed delay"
        self.compared += 1

    def _estimates(self, row: Raw, told: Any) -> dict[str, float]:
        now_ns, settings = told.log_ns, self.settings
        values = _time_weighted(row, _weights(now_ns, settings.liquidity_half_life_ns))
        speed = _weights(now_ns, settings.speed_half_life_ns)
        fade = _weights(now_ns, settings.fill_half_life_ns)
        delay_weight = sum(speed(at) for at, _ in row.delays)
        # The mean does not depend on when it is read; weights of the last delay keep it finite.
        last = _weights(row.delays[-1][0] if row.delays else 0, settings.speed_half_life_ns)
        delay_mass = sum(last(at) for at, _ in row.delays)
        delay = sum(last(at) * value for at, value in row.delays)
        values["feed_delay_ns"] = delay / delay_mass if delay_mass else 0.0
        values["feed_delay_weight"] = delay_weight
        fill_mass = settings.fill_prior_weight_e9 / 1e9
        prior = settings.fill_prior_e9 / 1e9 * fill_mass
        values["fill_weight"] = sum(fade(at) for at, _ in row.fills)
        filled = sum(fade(at) * share for at, share in row.fills)
        values["fill_ratio"] = (filled + prior) / (values["fill_weight"] + fill_mass)
        ack_mass = settings.ack_prior_weight_e9 / 1e9
        values["ack_weight"] = sum(speed(at) for at, _ in row.acks)
        acked = sum(speed(at) * latency for at, latency in row.acks)
        prior = self.ack_priors[told.venue] * ack_mass
        values["ack_ns"] = (acked + prior) / (values["ack_weight"] + ack_mass)
        return values


def _weights(now_ns: int, half_life_ns: int) -> Callable[[int], float]:
    grid_ns = max(1, half_life_ns // 1024)
    return lambda then_ns: 2.0 ** -min(1000.0, (now_ns // grid_ns - then_ns // grid_ns) / 1024)


def _time_weighted(row: Raw, weight: Callable[[int], float]) -> dict[str, float]:
    """Each segment counts with the time it lasted, decayed since it ended."""
    sums: dict[str, float] = defaultdict(float)
    for segment in row.segments:
        mass = weight(segment.end_ns) * (segment.end_ns - segment.start_ns)
        bid, bid_units, ask, ask_units = segment.touch
        sums["observed"] += mass
        sums["bid_units"] += mass * bid_units
        sums["ask_units"] += mass * ask_units
        sums["share_at_bid"] += mass * segment.at_bid
        sums["share_at_ask"] += mass * segment.at_ask
        if 0 < bid <= ask:
            sums["two_sided"] += mass
            sums["spread"] += mass * (ask - bid)
    observed, two_sided = sums["observed"], sums["two_sided"]
    shares = ("bid_units", "ask_units", "share_at_bid", "share_at_ask")
    values = {name: sums[name] / observed if observed else 0.0 for name in shares}
    values["two_sided_share"] = two_sided / observed if observed else 0.0
    if two_sided == 0.0 or two_sided > NEGLIGIBLE:
        values["spread_nanos"] = sums["spread"] / two_sided if two_sided else 0.0
    values["observed_ns"] = observed
    return values

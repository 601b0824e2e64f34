"""The simulator again, as dumb as possible: keep everything, replay it all on one sorted timeline.

Prices and sizes are the records' integers. A report is the tuple that `told` names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from schemas.codes import (
    ChildState,
    ExecInst,
    ExecType,
    InputType,
    Liquidity,
    OrdType,
    QuoteFlag,
    Reason,
    Side,
    TimeInForce,
    TradeCondition,
    VenueStatus,
)
from schemas.units import INSTRUMENT_NONE

INELIGIBLE = (
    TradeCondition.OFF_EXCHANGE
    | TradeCondition.AUCTION
    | TradeCondition.CROSS
    | TradeCondition.EXTENDED_HOURS
    | TradeCondition.OUT_OF_SEQUENCE
    | TradeCondition.DERIVED_PRICE
    | TradeCondition.SUSPICIOUS
)
TRADING = (VenueStatus.UNKNOWN, VenueStatus.OPEN)
FINISHED = (ExecType.CANCELED, ExecType.REJECTED, ExecType.EXPIRED)
SIDES = ("buy", "sell")
SHOWN = dict[int, tuple[int, int]]


@dataclass
class Order:
    """A child at a venue."""

    record: Any
    side: str
    cum: int = 0
    state: str = "in flight"
    ahead: int | None = None

    @property
    def leaves(self) -> int:
        return 0 if self.state == "done" else int(self.record.units) - self.cum

    def takes(self, price: int) -> bool:
        """Whether a price on the other side is good enough."""
        if self.record.ord_type == OrdType.MARKET:
            return True
        limit = self.record.limit_nanos
        return bool(price <= limit if self.side == "buy" else price >= limit)

    def is_through(self, price: int) -> bool:
        return self.takes(price) and price != self.record.limit_nanos


@dataclass
class Place:
    """One instrument at one venue."""

    shown: dict[str, SHOWN] = field(default_factory=lambda: {"bid": {}, "ask": {}})
    taken: dict[str, dict[int, int]] = field(default_factory=lambda: {"bid": {}, "ask": {}})
    resting: list[Order] = field(default_factory=list)
    status: int = 0

    def ladder(self, side: str) -> list[tuple[int, int]]:
        """(price, units) from the top down to the first gap or disorder."""
        steps: list[tuple[int, int]] = []
        for level in range(10):
            price, units = self.shown[side].get(level, (0, 0))
            worse = not steps or (price < steps[-1][0] if side == "bid" else price > steps[-1][0])
            if not units or not worse:
                break
            steps.append((price, units))
        return steps

    def offers(self, side: str) -> list[tuple[int, int]]:
        """(price, units left after our own earlier fills)."""
        taken = self.taken[side]
        return [(price, max(0, units - taken.get(price, 0))) for price, units in self.ladder(side)]

    def take(self, side: str, price: int, units: int) -> None:
        self.taken[side][price] = self.taken[side].get(price, 0) + units

    def remember_less(self) -> None:
        """What is displayed no more was ours: it can come back."""
        for side in ("bid", "ask"):
            now = dict(self.ladder(side))
            kept = {
                price: min(units, now.get(price, 0)) for price, units in self.taken[side].items()
            }
            self.taken[side] = {price: units for price, units in kept.items() if units}


class Model:
    """Replays (records, children, cancels) and tells the reports, in order."""

    def __init__(
        self,
        latencies: list[tuple[int, int]],
        fees: dict[tuple[int, int, int], tuple[int, int]],
        units_per_one: list[int],
        passive_model: str,
    ) -> None:
        self.latencies, self.fees, self.units_per_one = latencies, fees, units_per_one
        self.has_queue = passive_model == "queue_depleted"
        self.places: dict[tuple[int, int], Place] = {}
        self.venue_status: dict[int, int] = {}
        self.orders: dict[int, Order] = {}
        self.reports: list[tuple[Any, ...]] = []
        self.trades = 0
        self.now = 0

    def run(
        self, records: list[Any], arrivals: list[tuple[int, str, Any]]
    ) -> list[tuple[Any, ...]]:
        """`arrivals` are (time, "child" | "cancel", CHILD record) in the order handed in."""
        timeline = [(record.log_ns, 0, at, record) for at, record in enumerate(records)]
        timeline += [(arrival[0], 1, at, arrival) for at, arrival in enumerate(arrivals)]
        for now, is_arrival, _, what in sorted(timeline, key=lambda entry: entry[:3]):
            self.now = now
            if is_arrival:
                self.arrival(what[1], what[2])
            else:
                self.market(what)
        return sorted(self.reports, key=lambda report: report[0])

    def place(self, instrument: int, venue: int) -> Place:
        return self.places.setdefault((instrument, venue), Place())

    def is_trading(self, instrument: int, venue: int) -> bool:
        return (
            self.venue_status.get(venue, 0) in TRADING
            and self.place(instrument, venue).status in TRADING
        )

    # the market

    def market(self, record: Any) -> None:
        if record.type == InputType.STATUS:
            self.change_status(record)
            return
        if record.venue >= len(self.latencies) or record.instrument >= len(self.units_per_one):
            return
        place = self.place(record.instrument, record.venue)
        if record.type == InputType.QUOTE:
            level = record.flags & QuoteFlag.LEVEL_MASK
            place.shown["bid"][level] = (record.bid_nanos, record.bid_units)
            place.shown["ask"][level] = (record.ask_nanos, record.ask_units)
            if not record.flags & QuoteFlag.MORE:
                place.remember_less()
                if self.is_trading(record.instrument, record.venue):
                    self.quote_meets_resting(place)
        elif self.is_trading(record.instrument, record.venue):
            continuous = record.conditions & (TradeCondition.REGULAR | TradeCondition.ISO)
            if continuous and not record.conditions & INELIGIBLE:
                self.print_meets_resting(place, record)

    def change_status(self, record: Any) -> None:
        whole = record.instrument == INSTRUMENT_NONE
        everywhere = range(len(self.units_per_one))
        if whole:
            self.venue_status[record.venue] = record.status
        else:
            self.place(record.instrument, record.venue).status = record.status
        if record.status in TRADING:
            return
        for instrument in everywhere if whole else (record.instrument,):
            place = self.place(instrument, record.venue)
            place.shown = {"bid": {}, "ask": {}}
            place.taken = {"bid": {}, "ask": {}}
            if record.status == VenueStatus.CLOSED:
                for side in SIDES:
                    for order in self.queue(place, side):
                        self.tell(order, ExecType.EXPIRED, reason=Reason.VENUE_NOT_OPEN)
                place.resting.clear()

    def queue(self, place: Place, side: str) -> list[Order]:
        """Resting orders of a side, best price first, then first come."""
        sign = -1 if side == "buy" else 1
        mine = [order for order in place.resting if order.side == side]
        return sorted(mine, key=lambda order: sign * order.record.limit_nanos)

    def quote_meets_resting(self, place: Place) -> None:
        for side, other in (("buy", "ask"), ("sell", "bid")):
            for order in self.queue(place, side):
                for price, _ in place.ladder(other):
                    left = dict(place.offers(other))[price]
                    units = min(left, order.leaves)
                    if order.is_through(price) and units:
                        place.take(other, price, units)
                        self.trade(order, order.record.limit_nanos, units, Liquidity.ADD)
                self.see_queue(place, order)
        place.resting = [order for order in place.resting if order.leaves]

    def print_meets_resting(self, place: Place, record: Any) -> None:
        volume = record.units
        for side in SIDES:
            for order in self.queue(place, side):
                reaches = 0
                if order.is_through(record.price_nanos):
                    order.ahead = 0
                    reaches = volume
                elif (
                    self.has_queue
                    and record.price_nanos == order.record.limit_nanos
                    and order.ahead is not None
                ):
                    reaches = max(0, volume - order.ahead)
                    order.ahead = max(0, order.ahead - volume)
                units = min(reaches, order.leaves)
                if units:
                    volume -= units
                    self.trade(order, order.record.limit_nanos, units, Liquidity.ADD)
        place.resting = [order for order in place.resting if order.leaves]

    def see_queue(self, place: Place, order: Order) -> None:
        """The queue ahead is known once the price lies within what is displayed."""
        steps = place.ladder("bid" if order.side == "buy" else "ask")
        if order.ahead is not None or not steps:
            return
        limit, last = order.record.limit_nanos, steps[-1][0]
        if limit >= last if order.side == "buy" else limit <= last:
            order.ahead = dict(steps).get(limit, 0)

    # children

    def arrival(self, kind: str, record: Any) -> None:
        if kind == "cancel":
            self.cancel(record)
            return
        side = "buy" if record.side == Side.BUY else "sell"
        order = self.orders[record.child_id] = Order(record, side)
        reason = self.objection(order)
        if reason:
            self.tell(order, ExecType.REJECTED, reason=reason)
            return
        self.tell(order, ExecType.NEW)
        place = self.place(record.instrument, record.venue)
        wanted = record.units if record.time_in_force == TimeInForce.FOK else record.min_units
        if self.available(place, order) < wanted:
            self.tell(order, ExecType.CANCELED)
            return
        other = "ask" if side == "buy" else "bid"
        for price, left in place.offers(other):
            units = min(left, order.leaves)
            if order.takes(price) and units:
                place.take(other, price, units)
                self.trade(order, price, units, Liquidity.TAKE)
        if (
            order.leaves
            and record.time_in_force == TimeInForce.DAY
            and record.ord_type == OrdType.LIMIT
        ):
            order.state = "resting"
            self.see_queue(place, order)
            place.resting.append(order)
        elif order.leaves:
            self.tell(order, ExecType.CANCELED)

    def available(self, place: Place, order: Order) -> int:
        other = "ask" if order.side == "buy" else "bid"
        return sum(units for price, units in place.offers(other) if order.takes(price))

    def objection(self, order: Order) -> int:
        record = order.record
        where = (record.instrument, record.venue)
        if record.venue >= len(self.latencies):
            return Reason.UNKNOWN_VENUE
        if record.instrument >= len(self.units_per_one):
            return Reason.UNKNOWN_INSTRUMENT
        if not self.is_trading(*where):
            return Reason.VENUE_NOT_OPEN
        return self.objection_to_terms(order, self.place(*where))

    def objection_to_terms(self, order: Order, place: Place) -> int:
        record = order.record
        day = record.time_in_force == TimeInForce.DAY and record.ord_type == OrdType.LIMIT
        post = bool(record.exec_inst & ExecInst.POST_ONLY)
        needed = [Liquidity.ADD] * day + [Liquidity.TAKE] * (not post)
        if post and not day:
            return Reason.UNSUPPORTED_EXEC_INST
        if record.min_units > record.units or (record.min_units and post):
            return Reason.UNSUPPORTED_MIN_QTY
        if any((record.instrument, record.venue, code) not in self.fees for code in needed):
            return Reason.FEE_UNKNOWN
        if post and self.available(place, order):
            return Reason.BAD_PRICE
        return Reason.NONE

    def cancel(self, record: Any) -> None:
        order = self.orders.get(record.child_id)
        if order is None or order.state != "resting":
            self.tell(Order(record, "buy"), ExecType.CANCEL_REJECT, reason=Reason.UNKNOWN_CHILD)
            return
        self.place(record.instrument, record.venue).resting.remove(order)
        self.tell(order, ExecType.CANCELED)

    # reports

    def trade(self, order: Order, price: int, units: int, liquidity: int) -> None:
        order.cum += units
        if order.cum == order.record.units:
            order.state = "done"
        self.trades += 1
        where = (order.record.instrument, order.record.venue)
        fixed, rate = self.fees[*where, liquidity]
        one = fixed + price * rate // 10**9
        fee = one * units // self.units_per_one[where[0]]
        status = ChildState.PARTIAL if order.leaves else ChildState.FILLED
        self.tell(order, ExecType.TRADE, (self.trades, price, units, fee, liquidity), status)

    def tell(
        self,
        order: Order,
        what: int,
        fill: tuple[int, ...] = (0, 0, 0, 0, 0),
        status: int = 0,
        reason: int = 0,
    ) -> None:
        record = order.record
        if what in FINISHED:
            order.state = "done"
        known = record.venue < len(self.latencies)
        back = self.latencies[record.venue][1] if known else 0
        quantities = (order.cum, order.leaves) if what != ExecType.CANCEL_REJECT else (-1, -1)
        states = {
            ExecType.NEW: ChildState.ACKNOWLEDGED,
            ExecType.CANCELED: ChildState.CANCELED,
            ExecType.REJECTED: ChildState.REJECTED,
            ExecType.EXPIRED: ChildState.EXPIRED,
        }
        status = int(states.get(ExecType(what), status))
        place = (record.instrument, record.venue)
        self.reports.append(
            (
                *(self.now + back, self.now, record.child_id, *place),
                *(int(what), status, int(reason), *quantities, *fill),
            )
        )


def told(report: Any) -> tuple[Any, ...]:
    """The fields of an EXEC_REPORT that the model predicts, in its order."""
    return (
        report.log_ns,
        report.venue_ns,
        report.child_id,
        report.instrument,
        report.venue,
        report.exec_type,
        report.ord_status,
        report.reject_reason,
        report.cum_units,
        report.leaves_units,
        report.trade_id,
        report.last_nanos,
        report.last_units,
        report.fee_nanos,
        report.liquidity,
    )

"""Builds input records as a trader would name them; sources number themselves densely."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from aggregates.kernel import GENERATION
from schemas import decisions, market, orders, reference, reports, shares
from schemas.codes import (
    ExecType,
    InputType,
    KillScope,
    Liquidity,
    OrdType,
    OutputType,
    PolicyKind,
    Side,
    TimeInForce,
    VenueKind,
    VenueStatus,
)
from schemas.envelope import OUT_HEADER
from schemas.layout import Layout
from schemas.units import INSTRUMENT_NONE, SOURCE_REFERENCE, VENUE_NONE, price_nanos

MS = 1_000_000
S = 1_000_000_000
START_NS = 1_700_000_000 * S
ORDERS, REPORTS, DROP_COPIES, HOLDINGS, CLOCK, BUDGETS = 200, 220, 230, 240, 250, 252
"""Source ids of a desk, a broker, its drop copy, its balances and the clock; venue v's feed is
source 1 + v."""

OUTPUT_LAYOUTS: dict[int, Layout] = {
    OutputType.DECISION: decisions.DECISION,
    OutputType.CHILD: decisions.CHILD,
    OutputType.CANCEL_CHILD: decisions.CANCEL_CHILD,
    OutputType.ORDER_STATE: decisions.ORDER_STATE,
    OutputType.CHILD_STATE: decisions.CHILD_STATE,
    OutputType.REFUSAL: decisions.REFUSAL,
    OutputType.QUALITY: decisions.QUALITY,
    OutputType.ALARM: decisions.ALARM,
    OutputType.EXECUTION_QUALITY: decisions.EXECUTION_QUALITY,
    OutputType.VENUE_QUALITY: decisions.VENUE_QUALITY,
    OutputType.STATUS_REQUEST: decisions.STATUS_REQUEST,
    OutputType.REPLACE_CHILD: decisions.REPLACE_CHILD,
    OutputType.BREAK: decisions.BREAK,
    OutputType.POSITION: decisions.POSITION,
    OutputType.VENUE_SUMS: shares.VENUE_SUMS,
    OutputType.BUDGET_STATE: shares.BUDGET_STATE,
    OutputType.MASS_CANCEL_REPORT: shares.MASS_CANCEL_REPORT,
}

POLICY_DEFAULTS: dict[str, Any] = {
    "name": b"test",
    "version": 1,
    "split": 1,
    "fee_aware": 1,
    "max_levels": 10,
    "max_children": 64,
    "max_attempts": 5,
    "posting": 15,
    "stale_ns": 10 * S,
    "ack_timeout_ns": 500 * MS,
    "retry_ns": 50 * MS,
    "horizon_ns": 60 * S,
}
POSTING_DEFAULTS: dict[str, Any] = {
    "enabled": 1,
    "max_urgency": 9,
    "horizon": 2,
    "rest_ns": 10 * S,
    "min_life_ns": 5 * MS,
    "check_ns": 5 * MS,
    "max_posts": 20,
}
SETTINGS_DEFAULTS: dict[str, Any] = {
    "liquidity_half_life_ns": 60 * S,
    "speed_half_life_ns": 60 * S,
    "fill_half_life_ns": 600 * S,
    "cost_half_life_ns": 600 * S,
    "impact_half_life_ns": 600 * S,
    "horizon_1_ns": 50 * MS,
    "horizon_2_ns": S,
    "horizon_3_ns": 15 * S,
    "horizon_4_ns": 60 * S,
    "mid_age_ns": 10 * S,
    "stale_floor_ns": 5 * S,
    "fee_tolerance_nanos": 10 * MS,
    "stale_multiple": 20,
    "reject_burst": 3,
    "timeout_burst": 2,
    "clean_run": 10,
    "clean_run_max": 160,
    "near_ticks": 5,
    "identity_window_ns": 86_400 * S,
    "linger_ns": 60 * S,
    "fill_prior_e9": 900_000_000,
    "fill_prior_weight_e9": 4 * S,
    "ack_prior_weight_e9": 4 * S,
}


def nanos(price: str | int) -> int:
    """Price in nanos of decimal text; integers are nanos already."""
    return price if isinstance(price, int) else price_nanos(price)


class Tape:
    """Input records in order. Each method appends one record and returns its bytes.

    Every method takes `log_ns` and `source_seq` for records that must not be next in line, and any
    field of its layout by name.
    """

    def __init__(self, now_ns: int = START_NS) -> None:
        self.now_ns = now_ns
        self.last: Counter[int] = Counter()
        self.data = bytearray()

    def wait(self, elapsed_ns: int) -> None:
        """Lets time pass."""
        self.now_ns += elapsed_ns

    def put(self, layout: Layout, record_type: int, source: int, /, **values: Any) -> bytes:
        """Appends one record of `source`."""
        source = values.get("source", source)
        if "source_seq" not in values:
            self.last[source] += 1
            values["source_seq"] = self.last[source]
        values = {"type": record_type, "source": source, "log_ns": self.now_ns, **values}
        record = layout.pack(**values)
        self.data += record
        return record

    def add(self, raw: bytes) -> bytes:
        """Appends bytes as they are."""
        self.data += raw
        return raw

    # reference

    def engine(self, version_hash: bytes = GENERATION, **values: Any) -> bytes:
        values = {"version_hash": version_hash, **values}
        return self.put(reference.ENGINE, InputType.ENGINE, SOURCE_REFERENCE, **values)

    def venue(self, venue: int, key: str, **values: Any) -> bytes:
        defaults = {
            "kind": VenueKind.LIT,
            "is_protected": 1,
            "status": VenueStatus.OPEN,
            "ack_prior_ns": MS,
        }
        values = {**defaults, "venue": venue, "key": key.encode(), **values}
        return self.put(reference.VENUE, InputType.VENUE, SOURCE_REFERENCE, **values)

    def instrument(self, instrument: int, key: str, **values: Any) -> bytes:
        defaults = {
            "quote_ccy": b"USD",
            "units_per_one": 1,
            "tick_nanos": nanos("0.01"),
            "round_lot_units": 1,
            "default_policy": 1,
        }
        values = {**defaults, "instrument": instrument, "key": key.encode(), **values}
        return self.put(reference.INSTRUMENT, InputType.INSTRUMENT, SOURCE_REFERENCE, **values)

    def listing(self, instrument: int, venue: int, **values: Any) -> bytes:
        defaults = {"tick_nanos": nanos("0.01"), "lot_units": 1}
        values = {**defaults, "instrument": instrument, "venue": venue, **values}
        return self.put(reference.LISTING, InputType.LISTING, SOURCE_REFERENCE, **values)

    def fee(self, instrument: int, venue: int, fixed: str | int = 0, **values: Any) -> bytes:
        """Taker fee per whole one; `rate_e9` adds a share of the price."""
        defaults = {"liquidity": Liquidity.TAKE, "fixed_nanos": nanos(fixed)}
        values = {**defaults, "instrument": instrument, "venue": venue, **values}
        return self.put(reference.FEE, InputType.FEE, SOURCE_REFERENCE, **values)

    def fee_tier(self, venue: int, tier: int = 0, **values: Any) -> bytes:
        """One line of a schedule: everybody's taker fee for all instruments unless told."""
        defaults = {"liquidity": Liquidity.TAKE, "instrument": INSTRUMENT_NONE}
        values = {**defaults, "venue": venue, "tier": tier, **values}
        return self.put(reference.FEE_TIER, InputType.FEE_TIER, SOURCE_REFERENCE, **values)

    def billing(self, venue: int, **values: Any) -> bytes:
        """What chooses the tier of an account, or of everybody."""
        values = {"instrument": INSTRUMENT_NONE, "venue": venue, **values}
        return self.put(reference.BILLING, InputType.BILLING, SOURCE_REFERENCE, **values)

    def policy(self, policy: int, kind: int = PolicyKind.LOWEST_COST, **values: Any) -> bytes:
        values = {**POLICY_DEFAULTS, "policy": policy, "kind": kind, **values}
        return self.put(reference.POLICY, InputType.POLICY, SOURCE_REFERENCE, **values)

    def limits(self, instrument: int, **values: Any) -> bytes:
        defaults = {
            "max_order_units": 10**9,
            "max_notional_ones": 10**12,
            "collar_e9": 50_000_000,
        }
        values = {**defaults, "instrument": instrument, **values}
        return self.put(reference.LIMITS, InputType.LIMITS, SOURCE_REFERENCE, **values)

    def account(self, account: bytes = b"ACC1", **values: Any) -> bytes:
        """Limits of an account; none unless named."""
        values = {"account": account, "venue": VENUE_NONE, "instrument": INSTRUMENT_NONE, **values}
        return self.put(reference.ACCOUNT, InputType.ACCOUNT, SOURCE_REFERENCE, **values)

    def posting(self, policy: int, **values: Any) -> bytes:
        """How remainders of a policy rest."""
        values = {**POSTING_DEFAULTS, "policy": policy, **values}
        return self.put(reference.POSTING, InputType.POSTING, SOURCE_REFERENCE, **values)

    def settings(self, **values: Any) -> bytes:
        values = {**SETTINGS_DEFAULTS, **values}
        return self.put(reference.SETTINGS, InputType.SETTINGS, SOURCE_REFERENCE, **values)

    # market

    def quote(
        self,
        instrument: int,
        venue: int,
        bid: tuple[str | int, int],
        ask: tuple[str | int, int],
        level: int = 0,
        **values: Any,
    ) -> bytes:
        """Both sides of a level as (price, units)."""
        values = {"flags": level, **values}
        return self.put(
            market.QUOTE,
            InputType.QUOTE,
            1 + venue,
            instrument=instrument,
            venue=venue,
            bid_nanos=nanos(bid[0]),
            bid_units=bid[1],
            ask_nanos=nanos(ask[0]),
            ask_units=ask[1],
            **values,
        )

    def trade(
        self, instrument: int, venue: int, price: str | int, units: int, **values: Any
    ) -> bytes:
        defaults = {"instrument": instrument, "venue": venue, "price_nanos": nanos(price)}
        values = {**defaults, "units": units, "conditions": 1, **values}
        return self.put(market.TRADE, InputType.TRADE, 1 + venue, **values)

    def status(
        self, venue: int, status: int, instrument: int = INSTRUMENT_NONE, **values: Any
    ) -> bytes:
        values = {"instrument": instrument, "venue": venue, "status": status, **values}
        return self.put(market.STATUS, InputType.STATUS, 1 + venue, **values)

    def timer(self, **values: Any) -> bytes:
        return self.put(market.TIMER, InputType.TIMER, CLOCK, **values)

    # desk and broker

    def order(
        self, instrument: int, cl_ord_id: str | bytes, side: int, units: int, /, **values: Any
    ) -> bytes:
        """A parent; `limit` as price text makes it a limit order."""
        limit = values.pop("limit", None)
        name = cl_ord_id.encode() if isinstance(cl_ord_id, str) else cl_ord_id
        defaults = {
            "instrument": instrument,
            "venue": VENUE_NONE,
            "cl_ord_id": name,
            "account": b"ACC1",
            "client": b"CLI1",
            "side": side,
            "order_units": units,
            "ord_type": OrdType.MARKET if limit is None else OrdType.LIMIT,
            "limit_nanos": nanos(limit or 0),
            "time_in_force": TimeInForce.DAY,
            "transact_ns": self.now_ns,
            "receive_ns": self.now_ns,
            "locate_id": b"" if side in (Side.BUY, Side.SELL) else b"LOC1",
            "capacity": ord("A"),
        }
        return self.put(orders.NEW_ORDER, InputType.NEW_ORDER, ORDERS, **defaults | values)

    def cancel(self, instrument: int, cl_ord_id: str | bytes, **values: Any) -> bytes:
        name = cl_ord_id.encode() if isinstance(cl_ord_id, str) else cl_ord_id
        defaults = {
            "instrument": instrument,
            "venue": VENUE_NONE,
            "cl_ord_id": b"X" + name[:31],
            "orig_cl_ord_id": name,
            "account": b"ACC1",
            "transact_ns": self.now_ns,
        }
        return self.put(orders.CANCEL_ORDER, InputType.CANCEL_ORDER, ORDERS, **defaults | values)

    def amend(
        self,
        instrument: int,
        orig: str | bytes,
        new: str | bytes,
        side: int,
        units: int,
        /,
        **values: Any,
    ) -> bytes:
        """The whole new order under a new ClOrdID."""
        old = orig.encode() if isinstance(orig, str) else orig
        values = {"type": InputType.AMEND_ORDER, "orig_cl_ord_id": old, **values}
        return self.order(instrument, new, side, units, **values)

    def end_of_day(self, **values: Any) -> bytes:
        defaults = {"instrument": INSTRUMENT_NONE, "venue": VENUE_NONE}
        return self.put(orders.END_OF_DAY, InputType.END_OF_DAY, ORDERS, **defaults | values)

    def rearm(self, account: bytes = b"ACC1", person: bytes = b"Ada", **values: Any) -> bytes:
        defaults = {"instrument": INSTRUMENT_NONE, "venue": VENUE_NONE}
        values = {**defaults, "account": account, "person": person, **values}
        return self.put(orders.REARM, InputType.REARM, ORDERS, **values)

    def drop_copy(
        self, child_id: int, units: int, price: str | int, trade_id: int, **values: Any
    ) -> bytes:
        """A second copy of a trade, from another source than the reports."""
        values = {"last_units": units, "last_nanos": nanos(price), "trade_id": trade_id, **values}
        defaults = {"exec_type": ExecType.TRADE, "cum_units": -1, "leaves_units": -1}
        values = {**defaults, "child_id": child_id, **values}
        return self.put(reports.EXEC_REPORT, InputType.DROP_COPY, DROP_COPIES, **values)

    def inventory(self, instrument: int, venue: int, units: int, **values: Any) -> bytes:
        """All that an account holds at a venue."""
        values = {"account": b"ACC1", "instrument": instrument, "venue": venue, **values}
        return self.put(orders.INVENTORY, InputType.INVENTORY, HOLDINGS, units=units, **values)

    def kill(self, scope: int = KillScope.ALL, engaged: int = 1, **values: Any) -> bytes:
        defaults = {"instrument": INSTRUMENT_NONE, "venue": VENUE_NONE}
        values = {**defaults, "scope": scope, "engaged": engaged, **values}
        return self.put(orders.KILL, InputType.KILL, ORDERS, **values)

    def venue_prior(self, venue: int, **values: Any) -> bytes:
        """What all shards have learned of a venue."""
        defaults = {"instrument": INSTRUMENT_NONE, "fill_ratio_e9": -1}
        values = {**defaults, "venue": venue, **values}
        return self.put(reference.VENUE_PRIOR, InputType.VENUE_PRIOR, SOURCE_REFERENCE, **values)

    def budget(self, account: bytes, budget_ones: int, **values: Any) -> bytes:
        """This shard's share of an account's limit."""
        defaults = {"instrument": INSTRUMENT_NONE, "venue": VENUE_NONE}
        values = {**defaults, "account": account, "budget_ones": budget_ones, **values}
        return self.put(orders.BUDGET, InputType.BUDGET, BUDGETS, **values)

    def order_status(self, instrument: int, cl_ord_id: str | bytes, **values: Any) -> bytes:
        """Asks for the state of a parent."""
        return self.cancel(instrument, cl_ord_id, type=InputType.ORDER_STATUS, **values)

    def mass_cancel(self, scope: int = KillScope.ALL, **values: Any) -> bytes:
        """Ends every open parent in a scope."""
        defaults = {"instrument": INSTRUMENT_NONE, "venue": VENUE_NONE, "cl_ord_id": b"MASS"}
        values = {**defaults, "scope": scope, **values}
        return self.put(orders.MASS_CANCEL, InputType.MASS_CANCEL, ORDERS, **values)

    def report(self, child_id: int, exec_type: int, **values: Any) -> bytes:
        """What a venue says of a child; `cum_units` and `leaves_units` default to not said."""
        defaults = {"instrument": 0, "venue": 0, "cum_units": -1, "leaves_units": -1}
        values = {**defaults, "child_id": child_id, "exec_type": exec_type, **values}
        return self.put(reports.EXEC_REPORT, InputType.EXEC_REPORT, REPORTS, **values)

    def fill(
        self, child_id: int, units: int, price: str | int, trade_id: int, **values: Any
    ) -> bytes:
        values = {
            "last_units": units,
            "last_nanos": nanos(price),
            "trade_id": trade_id,
            "liquidity": Liquidity.TAKE,
            **values,
        }
        return self.report(child_id, ExecType.TRADE, **values)


def set_up(tape: Tape, venues: tuple[str, ...] = ("XAAA", "XBBB"), **policy: Any) -> None:
    """Reference inputs for instrument 0 at free venues, policy 1 (settings of it by name)."""
    for venue, key in enumerate(venues):
        tape.venue(venue, key)
    tape.instrument(0, "TEST")
    for venue in range(len(venues)):
        tape.listing(0, venue)
        tape.fee(0, venue)
    tape.policy(1, **policy)
    tape.limits(0)
    tape.settings()
    tape.engine()


def records(outputs: bytes) -> Iterator[tuple[OutputType, Any, bytes]]:
    """(type, named tuple of the fixed part, whole bytes) of each output record."""
    offset = 0
    while offset < len(outputs):
        head = OUT_HEADER.unpack(outputs, offset)
        kind = OutputType(head.type)
        raw = outputs[offset : offset + head.size]
        yield kind, OUTPUT_LAYOUTS[kind].unpack(raw), raw
        offset += head.size


def of_type(outputs: bytes, kind: OutputType) -> list[Any]:
    """Named tuples of the outputs of one type."""
    return [record for found, record, _ in records(outputs) if found == kind]


def children(outputs: bytes) -> list[Any]:
    """Children sent."""
    return of_type(outputs, OutputType.CHILD)

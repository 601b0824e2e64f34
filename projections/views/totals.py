"""What a run came to: counts, ends of orders, fills by venue, and cost against the baselines."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from projections.views.names import Names
from schemas import decisions
from schemas.codes import AlarmKind, ExecType, OrderState, OutputType, Reason, Side
from schemas.wire import code_name, iter_raw_outputs

BASELINES = ("best_price", "sweep")
FINAL = (OrderState.DONE, OrderState.CANCELED, OrderState.EXPIRED)


@dataclass
class Gap:
    """Difference of two costs over the same quantity, by instrument, in nanos * units.

    `unequal` counts decisions whose baseline places another quantity, so they do not compare.
    """

    saved: Counter[int] = field(default_factory=Counter)
    notional: Counter[int] = field(default_factory=Counter)
    count: int = 0
    unequal: int = 0

    def add(self, instrument: int, saved: int, notional: int) -> None:
        """Adds one comparison; `notional` is mid * units."""
        self.saved[instrument] += saved
        self.notional[instrument] += notional
        self.count += 1

    def bps(self, names: Names) -> float | None:
        """Saved share of the notional in 1e-4, None when nothing was compared."""
        notional = money(self.notional, names)
        return 1e4 * money(self.saved, names) / notional if notional else None


def money(by_instrument: Counter[int], names: Names) -> float:
    """Sum in whole quote currency of nanos * units by instrument, in dense-id order."""
    total = 0.0
    for instrument in sorted(by_instrument):
        units_per_one = names.instrument(instrument).units_per_one
        total += by_instrument[instrument] / (units_per_one * 1e9)
    return total


@dataclass
class VenueFills:
    """What one venue did with our children."""

    children: int = 0
    fills: int = 0
    units: Counter[int] = field(default_factory=Counter)
    notional: Counter[int] = field(default_factory=Counter)
    fee_nanos: int = 0


class RunTotals:
    """Fold of output records."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.types: Counter[int] = Counter()
        self.refusals: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self.alarms: Counter[str] = Counter()
        self.venues: dict[int, VenueFills] = {}
        self.gaps: dict[tuple[int, str], Gap] = {}
        self.realised = Gap()
        self.accepted = 0
        self._mid_x2: dict[int, int] = {}

    @property
    def orders(self) -> int:
        """Orders that were accepted or refused."""
        return self.accepted + sum(self.refusals.values())

    @property
    def fills(self) -> int:
        """Fills booked."""
        return sum(venue.fills for venue in self.venues.values())

    def add(self, outputs: Any) -> None:
        """Folds the records of `outputs`."""
        for kind, raw in iter_raw_outputs(outputs):
            self.add_record(kind, raw)

    def add_record(self, kind: int, raw: Any) -> None:
        """Folds one record."""
        self.types[kind] += 1
        if kind == OutputType.DECISION:
            self._decision(decisions.DECISION.unpack(raw))
        elif kind == OutputType.CHILD:
            self._venue(decisions.CHILD.unpack(raw).venue).children += 1
        elif kind == OutputType.CHILD_STATE:
            self._child_state(decisions.CHILD_STATE.unpack(raw))
        elif kind == OutputType.ORDER_STATE:
            self._order_state(decisions.ORDER_STATE.unpack(raw))
        elif kind == OutputType.REFUSAL:
            self.refusals[code_name(Reason, decisions.REFUSAL.unpack(raw).reason)] += 1
        elif kind == OutputType.ALARM:
            self.alarms[code_name(AlarmKind, decisions.ALARM.unpack(raw).kind)] += 1

    def venue_rows(self) -> list[dict[str, Any]]:
        """One row a venue, in the order of their keys."""
        rows = [
            {
                "venue": self.names.venue(venue),
                "children": found.children,
                "fills": found.fills,
                "notional": round(money(found.notional, self.names), 2),
                "fees": round(found.fee_nanos / 1e9, 4),
            }
            for venue, found in self.venues.items()
        ]
        return sorted(rows, key=lambda row: str(row["venue"]))

    def saved_bps(self, policy: int, baseline: str) -> float | None:
        """Expected saving of a policy against a baseline in bps, None without a comparison."""
        gap = self.gaps.get((policy, baseline))
        return gap.bps(self.names) if gap else None

    def _venue(self, venue: int) -> VenueFills:
        return self.venues.setdefault(venue, VenueFills())

    def _decision(self, decision: Any) -> None:
        self.accepted += decision.attempt == 1
        mid_x2 = decision.displayed_bid_nanos + decision.displayed_ask_nanos
        self._mid_x2[decision.order_id] = decision.arrival_bid_nanos + decision.arrival_ask_nanos
        units = decision.allocated_units
        if not units or not decision.displayed_bid_nanos or not decision.displayed_ask_nanos:
            return
        cost = joined(decision, "expected_cost")
        for name in BASELINES:
            gap = self.gaps.setdefault((decision.policy, name), Gap())
            if getattr(decision, f"{name}_units") == units:
                saved = joined(decision, f"{name}_cost") - cost
                gap.add(decision.instrument, saved, mid_x2 * units // 2)
            else:
                gap.unequal += 1

    def _child_state(self, state: Any) -> None:
        if state.exec_type != ExecType.TRADE:
            return
        venue = self._venue(state.venue)
        venue.fills += 1
        venue.units[state.instrument] += state.last_units
        venue.notional[state.instrument] += state.last_units * state.last_nanos
        venue.fee_nanos += state.fee_nanos

    def _order_state(self, order: Any) -> None:
        if order.state not in FINAL or order.order_id not in self._mid_x2:
            return  # a final order may speak again, of a late fill
        self.ends[code_name(Reason, order.reason)] += 1
        mid_x2 = self._mid_x2.pop(order.order_id)
        if not order.cum_units or not mid_x2:
            return
        sign = 1 if order.side == Side.BUY else -1
        benchmark = mid_x2 * order.cum_units // 2
        fees = order.fee_nanos * self.names.instrument(order.instrument).units_per_one
        paid = sign * (joined(order, "notional") - benchmark) + fees
        self.realised.add(order.instrument, paid, benchmark)


def joined(record: Any, name: str) -> int:
    """A 128-bit value from its two words."""
    high: int = getattr(record, f"{name}_hi")
    low: int = getattr(record, f"{name}_lo")
    return high << 64 | low

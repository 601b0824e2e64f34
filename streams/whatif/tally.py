"""What became of each parent, told from output records alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from schemas.codes import ExecType, OutputType, Side
from schemas.decisions import CHILD_STATE, DECISION, ORDER_STATE
from schemas.wire import iter_raw_outputs, text

Key = tuple[str, str, int]
"""(account, ClOrdID, instrument): the identity that both arms share."""


@dataclass
class Parent:
    """A parent's benchmark and fills; `notional` in nanos * units."""

    instrument: int
    sign: int
    units: int = 0
    filled: int = 0
    notional: int = 0
    fee_nanos: int = 0
    arrival_ns: int = 0
    mid_nanos: float = 0.0
    by_venue: dict[int, int] = field(default_factory=dict)


class Tally:
    """Takes the place of a journal: it keeps parents and no records."""

    def __init__(self) -> None:
        self.parents: dict[Key, Parent] = {}
        self._keys: dict[int, Key] = {}

    def note(self, inputs: Any, outputs: bytes) -> None:  # noqa: ARG002
        """Takes what a step said."""
        self.add(outputs)

    def flush(self) -> None:
        """Nothing waits."""

    def add(self, outputs: Any) -> None:
        """Folds output records."""
        for kind, raw in iter_raw_outputs(outputs):
            if kind == OutputType.DECISION:
                self._decision(DECISION.unpack(raw))
            elif kind == OutputType.ORDER_STATE:
                self._order(ORDER_STATE.unpack(raw))
            elif kind == OutputType.CHILD_STATE:
                self._child(CHILD_STATE.unpack(raw))

    def _decision(self, made: Any) -> None:
        if made.order_id in self._keys:
            return
        key = text(made.account), text(made.cl_ord_id), int(made.instrument)
        self._keys[made.order_id] = key
        bid, ask = made.arrival_bid_nanos, made.arrival_ask_nanos
        is_valid = 0 < bid < ask
        self.parents[key] = Parent(
            instrument=made.instrument,
            sign=1 if made.side == Side.BUY else -1,
            arrival_ns=made.log_ns,
            mid_nanos=(bid + ask) / 2 if is_valid else 0.0,
        )

    def _order(self, state: Any) -> None:
        key = self._keys.get(state.order_id)
        if key is None:
            return
        parent = self.parents[key]
        parent.units, parent.filled = state.order_units, state.cum_units
        parent.notional = (state.notional_hi << 64) + state.notional_lo
        parent.fee_nanos = state.fee_nanos

    def _child(self, state: Any) -> None:
        key = self._keys.get(state.order_id)
        if key is not None and state.exec_type == ExecType.TRADE:
            venues = self.parents[key].by_venue
            venues[state.venue] = venues.get(state.venue, 0) + state.last_units

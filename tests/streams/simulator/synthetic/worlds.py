"""Small synthetic markets for tests, an engine in them, and a ledger that watches both."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from aggregates import kernel
from schemas.codes import ChildState, ExecType, InputType, OutputType
from schemas.decisions import ALARM, CHILD, CHILD_STATE, ORDER_STATE
from schemas.orders import NEW_ORDER
from schemas.reports import EXEC_REPORT
from schemas.wire import iter_inputs, iter_raw_outputs
from streams.evaluation.arms import EngineArm, Setting, reference_of
from streams.evaluation.worlds import Shape, drawn_preset
from streams.simulator.synthetic.drive import Drive, order_times
from streams.simulator.synthetic.market import SyntheticMarket, market_arguments
from streams.simulator.synthetic.terms import Preset

_EXEC_TYPE_AT = EXEC_REPORT.offsets()["exec_type"][0]
OPEN = (
    ChildState.SENT,
    ChildState.ACKNOWLEDGED,
    ChildState.PARTIAL,
    ChildState.CANCEL_PENDING,
    ChildState.UNKNOWN,
)


class Ledger:
    """A second count of every parent, from the engine's outputs alone; checked after each step."""

    def __init__(self) -> None:
        self.children: dict[int, tuple[int, int, int, int]] = {}
        self.booked: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self.of_order: dict[int, list[int]] = defaultdict(list)
        self.alarmed: set[int] = set()
        self.units: dict[int, int] = {}
        self.reports: Counter[int] = Counter()
        self.steps = 0
        self.alarms: Counter[int] = Counter()

    def __call__(self, inputs: Any, outputs: bytes) -> None:
        self.steps += 1
        for kind, report in iter_inputs(inputs):
            if kind == InputType.EXEC_REPORT:
                self.reports[report[_EXEC_TYPE_AT]] += 1
        touched = set()
        for kind, raw in iter_raw_outputs(outputs):
            if kind == OutputType.CHILD:
                child = CHILD.unpack(raw)
                state = int(ChildState.SENT)
                self.children[child.child_id] = (child.order_id, child.units, 0, state)
                self.of_order[child.order_id].append(child.child_id)
                touched.add(child.order_id)
            elif kind == OutputType.CHILD_STATE:
                touched.add(self._child(CHILD_STATE.unpack(raw)))
            elif kind == OutputType.ALARM:
                alarm = ALARM.unpack(raw)
                self.alarms[alarm.kind] += 1
                self.alarmed.add(alarm.order_id)
            elif kind == OutputType.ORDER_STATE:
                self._order(ORDER_STATE.unpack(raw))
        for order_id in touched:
            self._check(order_id)

    def _child(self, state: Any) -> int:
        order_id, units, _, _ = self.children[state.child_id]
        self.children[state.child_id] = (order_id, units, state.cum_units, state.state)
        if state.exec_type == ExecType.TRADE:
            self.booked[order_id].append((state.last_units, state.last_nanos))
        elif state.exec_type in (ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT):
            self.alarmed.add(order_id)
        return order_id

    def _order(self, order: Any) -> None:
        """Cash and position: what the parent says it has is what its fills add up to."""
        self.units[order.order_id] = order.order_units
        if order.order_id in self.alarmed:
            return
        fills = self.booked[order.order_id]
        assert order.cum_units == sum(units for units, _ in fills)
        notional = (order.notional_hi << 64) + order.notional_lo
        assert notional == sum(units * nanos for units, nanos in fills)

    def _check(self, order_id: int) -> None:
        """No overfill of ours: what is out and what was filled never exceed the parent."""
        if order_id in self.alarmed or order_id not in self.units:
            return
        mine = [self.children[child_id] for child_id in self.of_order[order_id]]
        out = sum(units - cum for _, units, cum, state in mine if state in OPEN)
        filled = sum(units for units, _ in self.booked[order_id])
        assert out + filled <= self.units[order_id]

    @property
    def open_children(self) -> int:
        """Children whose outcome is not final."""
        return sum(state in OPEN for _, _, _, state in self.children.values())


def small_preset(venues: int = 5, seed: int = 3) -> Preset:
    """A drawn market of few venues."""
    return drawn_preset(Shape(venues=venues), seed)


def run_with(
    faults: list[bytes], orders: int = 8, seed: int = 3, venues: int = 5, gap_ms: int = 100
) -> tuple[Ledger, SyntheticMarket]:
    """The native engine through a small market with faults, invariants checked on both sides."""
    preset = small_preset(venues, seed)
    setting = Setting(preset=preset, seed=seed, orders=orders, gap_ms=gap_ms)
    market = SyntheticMarket(*market_arguments(preset, seed, faults, checks=True))
    records = setting.parents()
    market.add_orders(records)
    engine = kernel.load()
    engine.step(reference_of(preset, EngineArm()))
    ledger = Ledger()
    Drive(engine, market, order_times(records, NEW_ORDER.size), ledger).run(setting.end_ns)
    return ledger, market

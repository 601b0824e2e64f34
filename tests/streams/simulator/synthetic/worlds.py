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

CHANGES = (ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT)
_EXEC_TYPE_AT = EXEC_REPORT.offsets()["exec_type"][0]
OPEN = (
    ChildState.SENT,
    ChildState.ACKNOWLEDGED,
    ChildState.PARTIAL,
    ChildState.CANCEL_PENDING,
    ChildState.UNKNOWN,
)


ENDS = (
    ExecType.CANCELED,
    ExecType.REJECTED,
    ExecType.EXPIRED,
    ExecType.DONE_FOR_DAY,
    ExecType.ORDER_STATUS,
)


class Ledger:
    """A second count of every parent, checked after each step.

    Fills are counted from what the venues reported, each trade once; the engine must have booked
    the same. What is out comes from the engine's children and their states, and with the fills it
    never exceeds the parent, unless a venue did what no router can foresee: it filled more than a
    child's size, or a child that it had said was over.
    """

    def __init__(self) -> None:
        self.children: dict[int, tuple[int, int, int]] = {}
        self.of_order: dict[int, list[int]] = defaultdict(list)
        self.trades: dict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
        self.ended: set[int] = set()
        self.excused: set[int] = set()
        self.orders: dict[int, Any] = {}
        self.reports: Counter[int] = Counter()
        self.alarms: Counter[int] = Counter()
        self.steps = 0

    def __call__(self, inputs: Any, outputs: bytes) -> None:
        self.steps += 1
        touched = set()
        for kind, raw in iter_inputs(inputs):
            if kind == InputType.EXEC_REPORT:
                self.reports[raw[_EXEC_TYPE_AT]] += 1
                touched.add(self._report(EXEC_REPORT.unpack(raw)))
        for kind, output in iter_raw_outputs(outputs):
            if kind == OutputType.CHILD:
                child = CHILD.unpack(output)
                self.children[child.child_id] = child.order_id, child.units, int(ChildState.SENT)
                self.of_order[child.order_id].append(child.child_id)
                touched.add(child.order_id)
            elif kind == OutputType.CHILD_STATE:
                state = CHILD_STATE.unpack(output)
                order_id, units, _ = self.children[state.child_id]
                self.children[state.child_id] = order_id, units, state.state
                touched.add(order_id)
            elif kind == OutputType.ALARM:
                self.alarms[ALARM.unpack(output).kind] += 1
            elif kind == OutputType.ORDER_STATE:
                order = ORDER_STATE.unpack(output)
                self.orders[order.order_id] = order
                touched.add(order.order_id)
        for order_id in touched & self.orders.keys():
            self._check(order_id)

    def _report(self, report: Any) -> int:
        """What a venue said of a child; the parent's id, 0 for a child that nobody sent."""
        child_id = report.child_id
        if child_id not in self.children:
            return 0
        order_id, units, _ = self.children[child_id]
        trades = self.trades[child_id]
        if report.exec_type == ExecType.TRADE:
            if report.last_units <= 0 or report.trade_id in trades:
                return order_id
            trades[report.trade_id] = report.last_units, report.last_nanos
            if child_id in self.ended or sum(done for done, _ in trades.values()) > units:
                self.excused.add(order_id)
        elif report.exec_type in CHANGES and report.ref_trade_id in trades:
            busts = report.exec_type == ExecType.TRADE_CANCEL
            now = (0, 0) if busts else (report.last_units, report.last_nanos)
            trades[report.ref_trade_id] = now
        elif report.exec_type in ENDS:
            self.ended.add(child_id)
        return order_id

    def _check(self, order_id: int) -> None:
        order, mine = self.orders[order_id], self.of_order[order_id]
        fills = [trade for child_id in mine for trade in self.trades[child_id].values()]
        filled = sum(units for units, _ in fills)
        assert order.cum_units == filled, "the engine booked what was not reported, or not all"
        notional = (order.notional_hi << 64) + order.notional_lo
        assert notional == sum(units * nanos for units, nanos in fills)
        if order_id in self.excused:
            return
        out = sum(self._leaves(child_id) for child_id in mine)
        assert out + filled <= order.order_units, "more is out than the parent allows"

    def _leaves(self, child_id: int) -> int:
        _, units, state = self.children[child_id]
        done = sum(units for units, _ in self.trades[child_id].values())
        return max(0, units - done) if state in OPEN else 0

    @property
    def open_children(self) -> int:
        """Children whose outcome is not final."""
        return sum(state in OPEN for _, _, state in self.children.values())


def small_preset(venues: int = 5, seed: int = 3) -> Preset:
    """A drawn market of few venues."""
    return drawn_preset(Shape(venues=venues), seed)


def run_with(
    faults: list[bytes],
    orders: int = 8,
    seed: int = 3,
    venues: int = 5,
    gap_ms: int = 100,
    core: str = "native",
) -> tuple[Ledger, SyntheticMarket]:
    """An engine through a small market with faults, invariants checked on both sides."""
    preset = small_preset(venues, seed)
    setting = Setting(preset=preset, seed=seed, orders=orders, gap_ms=gap_ms)
    market = SyntheticMarket(*market_arguments(preset, seed, faults, checks=True))
    records = setting.parents()
    market.add_orders(records)
    engine = kernel.load(core)
    engine.step(reference_of(preset, EngineArm()))
    ledger = Ledger()
    Drive(engine, market, order_times(records, NEW_ORDER.size), ledger).run(setting.end_ns)
    return ledger, market

"""Scripted children at one venue: one takes, one rests and is canceled, one is replaced."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from schemas.codes import InputType, OrdType, OutputType, Side, TimeInForce
from schemas.decisions import CHILD
from schemas.market import QUOTE
from schemas.reports import EXEC_REPORT
from schemas.units import NS_PER_MS, NS_PER_S
from schemas.wire import iter_inputs
from streams.simulator.synthetic.faults import FaultKind, fault
from streams.simulator.synthetic.market import SyntheticMarket, market_arguments
from tests.streams.simulator.synthetic.worlds import small_preset

EARLY, TAKES, RESTS, MOVES = 9, 1, 2, 3
VENUE = 0


def child(child_id: int, units: int, limit_nanos: int, time_in_force: TimeInForce) -> bytes:
    """A CHILD record to buy at the scripted venue."""
    return CHILD.pack(
        size=CHILD.size,
        type=int(OutputType.CHILD),
        child_id=child_id,
        units=units,
        limit_nanos=limit_nanos,
        venue=VENUE,
        side=int(Side.BUY),
        ord_type=int(OrdType.LIMIT),
        time_in_force=int(time_in_force),
    )


class Script:
    """What the venue said: reports by child in order of arrival, and the raw inputs."""

    def __init__(self, kind: FaultKind | None = None, chance: float = 1.0, seed: int = 3) -> None:
        preset = small_preset(seed=seed)
        start = preset.market.start_ns
        faults = []
        if kind is not None:
            faults = [fault(kind, VENUE, start + NS_PER_S, start + 3 * NS_PER_S, chance)]
        self.market = SyntheticMarket(*market_arguments(preset, seed, faults, checks=True))
        self.reports: dict[int, list[Any]] = defaultdict(list)
        self.inputs = b""
        self.bid = self.ask = self.ask_units = 0
        self._pull(start + 500 * NS_PER_MS)
        self.market.submit(child(EARLY, 10, self.ask, TimeInForce.IOC), self.market.now_ns)
        self._pull(start + NS_PER_S + 10 * NS_PER_MS)
        now = self.market.now_ns
        self.market.submit(child(TAKES, 60, self.ask, TimeInForce.IOC), now)
        self.market.submit(child(RESTS, 100, self.bid - 10**8, TimeInForce.DAY), now)
        self.market.submit(child(MOVES, 100, self.bid - 10**8, TimeInForce.DAY), now)
        self._pull(now + 200 * NS_PER_MS)
        self.market.cancel(RESTS, self.market.now_ns)
        self.market.replace(MOVES, 80, self.bid - 2 * 10**8, self.market.now_ns)
        self._pull(start + 4 * NS_PER_S)

    def said(self, child_id: int) -> list[int]:
        """Exec types of a child, as they came."""
        return [report.exec_type for report in self.reports[child_id]]

    def _pull(self, until_ns: int) -> None:
        batch = self.market.pull(until_ns, 1 << 40)
        self.inputs += batch
        for kind, raw in iter_inputs(batch):
            if kind == InputType.EXEC_REPORT:
                report = EXEC_REPORT.unpack(raw)
                self.reports[report.child_id].append(report)
            elif kind == InputType.QUOTE:
                quote = QUOTE.unpack(raw)
                if (quote.venue, quote.instrument, quote.flags) == (
                    VENUE,
                    0,
                    0,
                ) and quote.ask_units:
                    self.bid, self.ask = quote.bid_nanos, quote.ask_nanos

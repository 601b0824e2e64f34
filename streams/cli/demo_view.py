"""The live view of the demo: venues, last decisions, money saved."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Any, Self

from rich import box
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from projections.views.names import Names
from projections.views.note import bps, one_line
from projections.views.quality import QualityTable
from projections.views.reasons import duration
from projections.views.totals import RunTotals
from schemas.codes import OutputType, PolicyKind
from schemas.events import SmartRoutingDecisionEvent
from schemas.units import NS_PER_MS, NS_PER_S
from schemas.wire import decode_output, iter_inputs, iter_raw_outputs
from streams.cli.quality_cells import latency, percent
from streams.runtime_embedded.demo import Demo

REFRESH_NS = 250 * NS_PER_MS
KEPT = 8
LOWEST_COST = int(PolicyKind.LOWEST_COST)


class DemoView:
    """Folds outputs as they become visible and redraws a few times a second."""

    def __init__(self) -> None:
        self.names = Names()
        self.totals, self.quality = RunTotals(self.names), QualityTable()
        self.last: deque[str] = deque(maxlen=KEPT)
        self.live = Live(auto_refresh=False, transient=True)
        self.started_ns = self.drawn_ns = 0

    def __enter__(self) -> Self:
        self.live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.live.__exit__(kind, error, trace)

    def update(self, show: Demo, outputs: bytes) -> None:
        """Takes outputs and draws when it is time."""
        now_ns = show.clock.elapsed_ns()
        if not self.names.venues:
            self.started_ns = now_ns
            for kind, raw in iter_inputs(show.reference):
                self.names.add(kind, raw)
        for kind, record in iter_raw_outputs(outputs):
            self.totals.add_record(kind, record)
            self.quality.add_record(kind, record)
            if kind == OutputType.DECISION:
                self._decision(decode_output(record))
        if now_ns - self.drawn_ns >= REFRESH_NS:
            self.drawn_ns = now_ns
            self.live.update(self._picture(show, now_ns), refresh=True)

    def _decision(self, decision: Any) -> None:
        assert isinstance(decision, SmartRoutingDecisionEvent)
        self.last.append(one_line(decision, self.names))

    def _picture(self, show: Demo, now_ns: int) -> Group:
        decided = Text("\n".join(self.last), no_wrap=True, overflow="ellipsis")
        heading = Text("last decisions", style="bold")
        return Group(self._head(show, now_ns), self._venues(), heading, decided)

    def _head(self, show: Demo, now_ns: int) -> Text:
        elapsed_s = max(1e-9, (now_ns - self.started_ns) / NS_PER_S)
        types = self.totals.types
        lag = f", {duration(show.lag_ns)} behind the clock" if show.lag_ns > NS_PER_S else ""
        return Text(
            f"venuefold demo, {elapsed_s:.0f} s, {show.ticks / elapsed_s:,.0f} ticks/s{lag}  "
            f"(Ctrl-C stops)\n"
            f"orders {self.totals.orders:,}  decisions {types[OutputType.DECISION]:,}  "
            f"children {types[OutputType.CHILD]:,}  fills {self.totals.fills:,}\n"
            f"lowest_cost saves {bps(self.totals.saved_bps(LOWEST_COST, 'best_price'))} against "
            f"the single best price, {bps(self.totals.saved_bps(LOWEST_COST, 'sweep'))} against a "
            "fee-blind sweep",
            style="bold",
        )

    def _venues(self) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        titles = ("venue", "quotes", "at bid", "at ask", "fill", "ack", "feed", "children", "fills")
        for place, title in enumerate(titles):
            table.add_column(title, justify="right" if place else "left")
        sent = {row["venue"]: row for row in self.totals.venue_rows()}
        for row in self.quality.by_venue(self.names):
            ours = sent.get(row["venue"], {})
            table.add_row(
                row["venue"],
                f"{row['quotes']:,}",
                percent(row["share_at_bid"], 0),
                percent(row["share_at_ask"], 0),
                percent(row["fill_ratio"], 0),
                latency(row["ack_ns"]),
                latency(row["feed_delay_ns"]),
                f"{ours.get('children', 0):,}",
                f"{ours.get('fills', 0):,}",
            )
        return table

"""Whole records from a run's output log, for the API."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from projections.views import note
from projections.views.explanation import Story, tell
from projections.views.names import Names
from projections.views.view import local_id
from schemas.codes import InputType, OutputType
from schemas.envelope import OUT_HEADER
from schemas.errors import InvariantError, NotFoundError
from schemas.events import Event, SmartRoutingDecisionEvent
from schemas.orders import NEW_ORDER
from schemas.units import NS_PER_S
from schemas.wire import decode_output, iter_inputs, iter_raw_outputs, text
from streams.log.segments import CHAIN_BYTES, SegmentReader
from streams.log.shard_log import ShardLog
from streams.replay.lookup import order_input

TOLD_NS = 120 * NS_PER_S
"""What follows a decision is looked for this long behind it."""
OF_AN_ORDER = (
    OutputType.DECISION,
    OutputType.CHILD,
    OutputType.CHILD_STATE,
    OutputType.ORDER_STATE,
)


class LogRecords:
    """Reads one run, also while it is written."""

    def __init__(self, run: Path) -> None:
        self.run = run

    def directory(self, shard: int) -> Path:
        """Folder of a shard."""
        return self.run / f"shard-{shard:03d}"

    def read(self, row: dict[str, Any]) -> bytes:
        """The whole record of a DECISIONS row, from where the row says that it is."""
        path = self.directory(row["shard"]) / f"outputs-{row['segment_seq']:020d}.seg"
        with path.open("rb") as file:
            file.seek(row["frame_offset"] + row["record_offset"])
            raw = file.read(row["record_bytes"])
        if len(raw) != row["record_bytes"] or OUT_HEADER.unpack(raw).out_seq != row["out_seq"]:
            raise InvariantError(
                f"{path}: output {row['out_seq']} is not where the read models say; rebuild them"
            )
        return raw

    def given(self, order_id: int) -> dict[str, Any] | None:
        """The terms of an order from the input at its position, which may not be projected yet."""
        shard, seq = local_id(order_id)
        directory = self.directory(shard)
        if not any(directory.glob("inputs-*.seg")):
            return None
        reader = SegmentReader(directory, "inputs", max(1, seq), verify_chain=False, shard=shard)
        try:
            frame = next(iter(reader), None)
        except NotFoundError:
            return None
        if frame is None or not frame.first_seq <= seq <= frame.last_seq:
            return None
        records = islice(iter_inputs(frame.payload), seq - frame.first_seq, None)
        kind, raw = next(records, (0, b""))
        if kind != InputType.NEW_ORDER:
            return None
        fields = NEW_ORDER.unpack(raw)._asdict()
        return {n: text(v) if isinstance(v, bytes) else v for n, v in fields.items()}

    def explain(self, row: dict[str, Any], order: dict[str, Any], names: Names) -> dict[str, Any]:
        """Sections of text about a decision."""
        story = self.story(row, names)
        shard, order_id = local_id(row["order_id"])
        return {
            "decision_id": row["id"],
            "order_id": row["order_id"],
            "cl_ord_id": order.get("cl_ord_id", ""),
            "summary": note.one_line(story.decision, names),
            "order": list(note.order_lines(story)),
            "market": list(note.market_lines(story)),
            "venues": venue_rows(story),
            "choice": list(note.choice_lines(story)),
            "cost": list(note.cost_lines(story)),
            "outcome": list(note.outcome_lines(story)),
            "place": list(note.place_lines(story, self._chain(shard, row["out_seq"]))),
            "order_position": order_id,
        }

    def story(self, row: dict[str, Any], names: Names) -> Story:
        """The decision with its order and everything that was said of it since."""
        decision = decode_output(self.read(row))
        assert isinstance(decision, SmartRoutingDecisionEvent)
        log = ShardLog(self.directory(row["shard"]), row["shard"])
        order = order_input(log, decision.order_id)
        return tell(decision, names, order, self._events(decision, log))

    def _events(self, decision: SmartRoutingDecisionEvent, log: ShardLog) -> list[Event]:
        """Outputs about the decision's order, from the decision on."""
        found: list[Event] = []
        reader = SegmentReader(log.directory, "outputs", decision.out_seq, verify_chain=False)
        for frame in reader:
            for kind, raw in iter_raw_outputs(frame.payload):
                if kind in OF_AN_ORDER:
                    event = decode_output(raw)
                    if event.order_id == decision.order_id:  # type: ignore[union-attr]
                        found.append(event)
                        if getattr(event, "state", "") in {"done", "canceled", "expired"}:
                            return found
            if frame.last_log_ns - decision.log_ns > TOLD_NS:
                break
        return found

    def _chain(self, shard: int, out_seq: int) -> str:
        reader = SegmentReader(self.directory(shard), "outputs", out_seq, verify_chain=False)
        chains = next(iter(reader)).record_chains
        return bytes(chains[:CHAIN_BYTES]).hex() if chains is not None else ""


def venue_rows(story: Story) -> list[dict[str, str]]:
    """The venue table as objects."""
    titles, rows = note.venue_table(story)
    return [dict(zip(titles, row, strict=True)) for row in rows]

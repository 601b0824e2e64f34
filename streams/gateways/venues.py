"""Simulated venues of one shard behind its topics: children in, reports out, each exactly once.

What the venues were sent is written to a file before it enters the market, so a restart makes the
same market again and with it every report, numbered as before; the engine drops those it has.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from schemas.codes import ExecType, InputType, Liquidity, OutputType, ReportFlag
from schemas.decisions import CANCEL_CHILD, CHILD, REPLACE_CHILD, STATUS_REQUEST
from schemas.envelope import OUT_HEADER
from schemas.reports import EXEC_REPORT
from streams.gateways.feed import SharedFeed
from streams.gateways.plain import SOURCE_REPORTS, PlainGateway
from streams.runtime_embedded.gateway import Arrivals, Rows
from streams.runtime_embedded.sent_log import Sent
from streams.sources.records import number

HELD_BACK = 4
"""Kind of a sent-log entry: a child that a kill held back."""
LAYOUTS = {
    OutputType.CHILD: CHILD,
    OutputType.CANCEL_CHILD: CANCEL_CHILD,
    OutputType.STATUS_REQUEST: STATUS_REQUEST,
    OutputType.REPLACE_CHILD: REPLACE_CHILD,
}
"""What the router sends to a broker gateway."""
KILLED_TEXT, UNKNOWN_TEXT = b"killed at the gateway", b"never received"
REMEMBERED = 100_000


class Known(msgspec.Struct):
    """What a restart goes on from; `place` is how far the children were read."""

    venues: bytes
    market_ns: int
    numbers: bytes
    told: dict[int, tuple[int, int, int]]
    place: str


class ShardVenues(PlainGateway):
    """A PlainGateway that gets its market from a shared feed and numbers what it gives."""

    def __init__(self, feed: SharedFeed, shard: int, directory: Path) -> None:
        self.feed, self.shard = feed, shard
        self.numbers = np.zeros(256, dtype=np.uint64)
        self.told: dict[int, tuple[int, int, int]] = {}
        self.place = ""
        self._taken_ns = feed.plain.config.start_ns - 1
        super().__init__(feed.plain.config, directory)
        self.file = directory / "state"

    def hold_back(self, raw: bytes, sent_ns: int) -> None:
        """Answers a child that a kill covers instead of sending it."""
        out_seq = OUT_HEADER.unpack(raw).out_seq
        if out_seq > self.taken_out_seq:
            self.sent.append(Sent(HELD_BACK, self.market_ns, sent_ns, out_seq, raw))
            self._hold_back(raw)

    def keep(self) -> None:
        """Writes everything that a restart needs; whole or not at all."""
        known = Known(
            venues=self.save(),
            market_ns=self.market_ns,
            numbers=self.numbers.tobytes(),
            told=self.told,
            place=self.place,
        )
        draft = self.file.with_suffix(".new")
        draft.write_bytes(msgspec.msgpack.encode(known))
        draft.replace(self.file)

    def kept(self) -> Known | None:
        """What was kept last."""
        if not self.file.exists():
            return None
        return msgspec.msgpack.decode(self.file.read_bytes(), type=Known)

    def resume(self, known: Known, now_ns: int) -> Arrivals:
        """Goes on from there; gives the reports since, old ones among them."""
        self.numbers = np.frombuffer(known.numbers, dtype=np.uint64).copy()
        self.told, self.place = known.told, known.place
        return self.restore(known.venues, now_ns)

    def _load(self, saved: bytes) -> int:
        sent_bytes = super()._load(saved)
        self._taken_ns = self.market_ns
        return sent_bytes

    def _start(self, first_ns: int) -> None:
        """The feed begins where its owner says."""

    def _due(self, until_ns: int) -> Rows:
        rows = self.feed.take(self.shard, self._taken_ns, until_ns).copy()
        self._taken_ns = until_ns
        number(rows, self.numbers)
        return rows

    def _told(self, reports: Rows) -> Rows:
        told = super()._told(reports)
        for report in told:
            self._remember(report)
        return told

    def _remember(self, report: Any) -> None:
        child = int(report["child_id"])
        cum, leaves, _ = self.told.get(child, (0, 0, 0))
        said_cum, said_leaves = int(report["cum_units"]), int(report["leaves_units"])
        self.told[child] = (
            max(cum, said_cum),
            said_leaves if said_leaves >= 0 else leaves,
            int(report["exec_type"]),
        )
        if len(self.told) > REMEMBERED:
            self.told.pop(next(iter(self.told)))

    def _again(self, entry: Sent) -> None:
        if entry.kind == HELD_BACK:
            self._hold_back(entry.record)
        else:
            super()._again(entry)

    def _take(self, raw: bytes, sent_ns: int) -> None:
        header = OUT_HEADER.unpack(raw)
        if header.type == OutputType.STATUS_REQUEST:
            self.taken_out_seq = header.out_seq
            self._answer(self._status(raw))
        elif header.type == OutputType.REPLACE_CHILD:
            self.taken_out_seq = header.out_seq
            self._answer(self._report(raw, ExecType.REPLACE_REJECT))
        else:
            if header.type == OutputType.CHILD:
                child = CHILD.unpack(raw)
                self.told[child.child_id] = (0, child.units, 0)
            super()._take(raw, sent_ns)

    def _hold_back(self, raw: bytes) -> None:
        self.taken_out_seq = OUT_HEADER.unpack(raw).out_seq
        self._answer(self._report(raw, ExecType.REJECTED, text=KILLED_TEXT))

    def _status(self, raw: bytes) -> bytes:
        """What is known of a child; one that never came is rejected, so it can be forgotten."""
        child = STATUS_REQUEST.unpack(raw).child_id
        if child not in self.told:
            return self._report(raw, ExecType.REJECTED, text=UNKNOWN_TEXT)
        cum, leaves, _ = self.told[child]
        return self._report(raw, ExecType.ORDER_STATUS, cum_units=cum, leaves_units=leaves)

    def _report(self, raw: bytes, exec_type: ExecType, **values: Any) -> bytes:
        record = LAYOUTS[OutputType(OUT_HEADER.unpack(raw).type)].unpack(raw)
        said = {"cum_units": 0, "leaves_units": 0, **values}
        return EXEC_REPORT.pack(
            type=int(InputType.EXEC_REPORT),
            venue=record.venue,
            source=SOURCE_REPORTS,
            instrument=record.instrument,
            child_id=record.child_id,
            exec_type=int(exec_type),
            liquidity=int(Liquidity.NONE),
            report_flags=int(ReportFlag.MODELLED),
            **said,
        )

    def _answer(self, report: bytes) -> None:
        rows = self._numbered(np.frombuffer(report, EXEC_REPORT.dtype))
        self.late = np.concatenate([self.late, rows])

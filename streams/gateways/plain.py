"""The plain simulated market at the pace of the clock, as the gateway of one shard.

Its time is the clock's: a record of the market arrives at its own `log_ns`. The market is a fold
over (market records, what it was sent), so its state at a snapshot and the entries of the sent log
after it give it again, and with it every report that was under way when the process ended.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from schemas.codes import ExecType, InputType, Liquidity, OutputType, ReportFlag
from schemas.commands import Refused, VenueFault
from schemas.decisions import CANCEL_CHILD, CHILD
from schemas.envelope import OUT_HEADER
from schemas.errors import InputError
from schemas.reports import EXEC_REPORT
from schemas.units import NS_PER_MS
from streams.runtime_embedded.gateway import Arrivals, Rows, no_market, no_reports
from streams.runtime_embedded.sent_log import FAULT_OFF, FAULT_ON, OUTPUT, Sent, SentLog
from streams.simulator.market import replay_market
from streams.simulator.plain import PlainConfig, PlainMarket

SOURCE_REPORTS = 220
SPAN_NS = 20 * NS_PER_MS
LOST_TEXT = b"not received: the venue was out"


class Saved(msgspec.Struct):
    """What a restart goes on from."""

    market: bytes
    market_ns: int
    sent_bytes: int
    taken_out_seq: int
    reports: int
    down: list[int]
    held: bytes
    late: bytes
    lost: list[bytes]


class PlainGateway:
    """A PlainMarket that children trade in."""

    def __init__(self, config: PlainConfig, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.config = config
        self.plain = PlainMarket(config)
        self.market = replay_market(
            self.plain.reference(),
            self.plain.venue_latencies,
            seed=config.seed,
        )
        self.sent = SentLog(directory / "sent.log")
        self.market_ns = config.start_ns
        self.taken_out_seq = 0
        self.reports = 0
        self.down: set[int] = set()
        self.held: list[Rows] = []
        self.late = no_reports()
        self.lost: list[bytes] = []
        self._start(0)

    def reference(self) -> bytes:
        return self.plain.reference()

    def poll(self, until_ns: int) -> Arrivals:
        if until_ns <= self.market_ns:
            return Arrivals()
        self.market_ns = until_ns
        market = self._due(until_ns)
        if len(market):
            self.market.advance(market)
        raw = self.market.pop_reports(until_ns)
        return Arrivals(self._shown(market), self._told(np.frombuffer(raw, EXEC_REPORT.dtype)))

    def send(self, output: Any, sent_ns: int) -> None:
        out_seq = OUT_HEADER.unpack(output).out_seq
        if out_seq <= self.taken_out_seq:
            return
        raw, sent_ns = bytes(output), max(sent_ns, self.market_ns)
        self.sent.append(Sent(OUTPUT, self.market_ns, sent_ns, out_seq, raw))
        self._take(raw, sent_ns)

    def disturb(self, fault: VenueFault) -> Refused | None:
        if not 0 <= fault.venue < self.config.venues:
            return Refused("unknown_venue", f"venues are 0 to {self.config.venues - 1}")
        if fault.fault != "outage":
            return Refused("unknown_fault", "this market knows `outage`")
        kind = FAULT_ON if fault.is_on else FAULT_OFF
        self.sent.append(Sent(kind, self.market_ns, self.market_ns, fault.venue, b""))
        self._switch(fault.venue, fault.is_on)
        return None

    def outages(self) -> list[int]:
        return sorted(self.down)

    def save(self) -> bytes:
        held = np.concatenate([*self.held, no_reports()])
        return msgspec.msgpack.encode(
            Saved(
                market=self.market.state_bytes(),
                market_ns=self.market_ns,
                sent_bytes=self.sent.size,
                taken_out_seq=self.taken_out_seq,
                reports=self.reports,
                down=sorted(self.down),
                held=held.tobytes(),
                late=self.late.tobytes(),
                lost=list(self.lost),
            )
        )

    def restore(self, saved: bytes, now_ns: int) -> Arrivals:
        sent_bytes = self._load(saved) if saved else 0
        reports = [no_reports()]
        for entry in self.sent.read(sent_bytes):
            reports.append(self.poll(entry.market_ns).reports)
            self._again(entry)
        reports.append(self.poll(now_ns).reports)
        return Arrivals(no_market(), np.concatenate(reports))

    def close(self) -> None:
        self.sent.close()

    def _load(self, saved: bytes) -> int:
        """Takes over a saved state; where the sent log goes on from it."""
        state = msgspec.msgpack.decode(saved, type=Saved)
        self.market.restore(state.market)
        self.market_ns, self.taken_out_seq = state.market_ns, state.taken_out_seq
        self.reports, self.down, self.lost = state.reports, set(state.down), state.lost
        self.held = [np.frombuffer(state.held, EXEC_REPORT.dtype)]
        self.late = np.frombuffer(state.late, EXEC_REPORT.dtype)
        self._start(state.market_ns + 1 - self.config.start_ns)
        return state.sent_bytes

    def _start(self, first_ns: int) -> None:
        """Market records from `first_ns` after the start on."""
        first_ns = max(0, first_ns)
        self._chunks = self.plain.chunks(span_ns=SPAN_NS, first_ns=first_ns)
        self._ready: list[Rows] = []
        self._ready_ns = self.config.start_ns + first_ns

    def _due(self, until_ns: int) -> Rows:
        """Market records through `until_ns` that were not given yet."""
        while self._ready_ns <= until_ns:
            chunk = next(self._chunks)
            self._ready_ns = int(chunk["log_ns"][-1]) + 1
            self._ready.append(chunk)
        if not self._ready:
            return no_market()
        ready = self._ready[0] if len(self._ready) == 1 else np.concatenate(self._ready)
        end = int(np.searchsorted(ready["log_ns"], until_ns, "right"))
        self._ready = [ready[end:]] if end < len(ready) else []
        return ready[:end]

    def _shown(self, market: Rows) -> Rows:
        """Market records without those of venues that are out."""
        if not self.down or not len(market):
            return market
        return market[~np.isin(market["venue"], sorted(self.down))]

    def _told(self, reports: Rows) -> Rows:
        """Reports that reach us, numbered; those of venues that are out wait."""
        if self.down and len(reports):
            is_held = np.isin(reports["venue"], sorted(self.down))
            if is_held.any():
                self.held.append(reports[is_held].copy())
            reports = reports[~is_held]
        late, self.late = self.late, no_reports()
        return np.concatenate([late, self._numbered(reports)])

    def _numbered(self, reports: Rows) -> Rows:
        numbered = reports.copy()
        numbered["source_seq"] = self.reports + 1 + np.arange(len(numbered))
        numbered["report_id"] = numbered["source_seq"]
        self.reports += len(numbered)
        return numbered

    def _again(self, entry: Sent) -> None:
        if entry.kind == OUTPUT:
            self._take(entry.record, entry.sent_ns)
        else:
            self._switch(entry.subject, entry.kind == FAULT_ON)

    def _take(self, raw: bytes, sent_ns: int) -> None:
        header = OUT_HEADER.unpack(raw)
        self.taken_out_seq = header.out_seq
        if header.type == OutputType.CANCEL_CHILD:
            self._take_cancel(CANCEL_CHILD.unpack(raw), sent_ns)
        elif CHILD.unpack(raw).venue in self.down:
            self.lost.append(raw)
        else:
            self.market.submit(raw, sent_ns)

    def _take_cancel(self, cancel: Any, sent_ns: int) -> None:
        if cancel.venue in self.down:
            return
        try:
            self.market.cancel(cancel.child_id, sent_ns)
        except InputError:
            return  # it has ended, or was never received

    def _switch(self, venue: int, is_on: bool) -> None:
        if is_on:
            self.down.add(venue)
        elif venue in self.down:
            self.down.remove(venue)
            self._release(venue)

    def _release(self, venue: int) -> None:
        """A venue that comes back tells what it did, and what it never received."""
        waiting = np.concatenate([*self.held, no_reports()])
        is_its = waiting["venue"] == venue
        self.held = [waiting[~is_its]]
        gone = [raw for raw in self.lost if CHILD.unpack(raw).venue == venue]
        self.lost = [raw for raw in self.lost if CHILD.unpack(raw).venue != venue]
        never = np.frombuffer(b"".join(self._never(raw) for raw in gone), EXEC_REPORT.dtype)
        told = self._numbered(np.concatenate([waiting[is_its], never]))
        self.late = np.concatenate([self.late, told])

    def _never(self, raw: bytes) -> bytes:
        record = CHILD.unpack(raw)
        return EXEC_REPORT.pack(
            type=int(InputType.EXEC_REPORT),
            venue=record.venue,
            source=SOURCE_REPORTS,
            instrument=record.instrument,
            child_id=record.child_id,
            cum_units=0,
            leaves_units=0,
            text=LOST_TEXT,
            exec_type=int(ExecType.REJECTED),
            liquidity=int(Liquidity.NONE),
            report_flags=int(ReportFlag.MODELLED),
        )

"""The synthetic market at the pace of the clock, as the gateway of one shard.

Its time is the clock's: a record of the market arrives at its own `log_ns`. The market is a fold
over (time, what it was sent), so its state at a snapshot and the journal after it give it again,
and with it every report that was under way when the process ended.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from schemas.codes import ExecType, InputType, Liquidity, OutputType, ReportFlag
from schemas.commands import Refused, VenueFault
from schemas.decisions import CANCEL_CHILD, CHILD, REPLACE_CHILD, STATUS_REQUEST
from schemas.envelope import OUT_HEADER, SLOT, SLOTS
from schemas.market import QUOTE
from schemas.reports import EXEC_REPORT
from schemas.units import NS_PER_S
from streams.runtime_embedded.gateway import Arrivals, Rows, no_market, no_reports
from streams.runtime_embedded.sent_log import (
    FAULT_OFF,
    FAULT_ON,
    INJECTED,
    OUTPUT,
    Sent,
    SentLog,
)
from streams.simulator.synthetic.faults import FaultKind, fault
from streams.simulator.synthetic.market import REPORT_SOURCE, reference_stream, synthetic_market
from streams.simulator.synthetic.terms import Preset

ALL = 1 << 40
STEP_NS = 5 * NS_PER_S
FAULT_NS = 30 * NS_PER_S
"""How long a fault other than an outage lasts once it was switched on."""
FAULTS = tuple(kind.name.lower() for kind in FaultKind)
LOST_TEXT = b"not received: the venue was out"
ASKS = {
    OutputType.CANCEL_CHILD: CANCEL_CHILD,
    OutputType.REPLACE_CHILD: REPLACE_CHILD,
    OutputType.STATUS_REQUEST: STATUS_REQUEST,
}


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


class MarketGateway:
    """A synthetic market that children trade in; `sent.log` in `directory` is its journal."""

    def __init__(self, preset: Preset, seed: int, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.preset = preset
        self.market = synthetic_market(preset, seed)
        self.sent = SentLog(directory / "sent.log")
        self.market_ns = preset.market.start_ns
        self.taken_out_seq = 0
        self.reports = 0
        self.down: set[int] = set()
        self.held: list[Rows] = []
        self.late = no_reports()
        self.lost: list[bytes] = []

    def reference(self) -> bytes:
        return b"".join(reference_stream(self.preset).records)

    def poll(self, until_ns: int) -> Arrivals:
        if until_ns <= self.market_ns:
            return Arrivals()
        self.market_ns = until_ns
        market, reports = parted(self.market.pull(until_ns, ALL))
        return Arrivals(self._shown(market), self._told(reports))

    def send(self, output: Any, sent_ns: int) -> None:
        out_seq = OUT_HEADER.unpack(output).out_seq
        if out_seq <= self.taken_out_seq:
            return
        raw, sent_ns = bytes(output), max(sent_ns, self.market_ns)
        self.sent.append(Sent(OUTPUT, self.market_ns, sent_ns, out_seq, raw))
        self._take(raw, sent_ns)

    def disturb(self, fault: VenueFault) -> Refused | None:
        if not 0 <= fault.venue < len(self.preset.venues):
            return Refused("unknown_venue", f"venues are 0 to {len(self.preset.venues) - 1}")
        if fault.fault == "outage":
            kind = FAULT_ON if fault.is_on else FAULT_OFF
            self.sent.append(Sent(kind, self.market_ns, self.market_ns, fault.venue, b""))
            self._switch(fault.venue, fault.is_on)
            return None
        if fault.fault not in FAULTS:
            return Refused("unknown_fault", f"this market knows outage, {', '.join(FAULTS)}")
        if not fault.is_on:
            return Refused("unknown_fault", f"{fault.fault} ends by itself")
        record = lasting_fault(FaultKind[fault.fault.upper()], fault.venue, self.market_ns)
        self.sent.append(Sent(INJECTED, self.market_ns, self.market_ns, fault.venue, record))
        self.market.inject(record)
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
            reports += self._reports_until(entry.market_ns)
            self._again(entry)
        reports += self._reports_until(now_ns)
        return Arrivals(no_market(), np.concatenate(reports))

    def _reports_until(self, until_ns: int) -> list[Rows]:
        """Reports through `until_ns`, the market's records let go in pieces."""
        return [
            self.poll(min(until_ns, at_ns + STEP_NS)).reports
            for at_ns in range(self.market_ns, until_ns, STEP_NS)
        ]

    def close(self) -> None:
        self.sent.close()

    def _load(self, saved: bytes) -> int:
        """Takes over a saved state; where the journal goes on from it."""
        state = msgspec.msgpack.decode(saved, type=Saved)
        self.market.restore(state.market)
        self.market_ns, self.taken_out_seq = state.market_ns, state.taken_out_seq
        self.reports, self.down, self.lost = state.reports, set(state.down), state.lost
        self.held = [np.frombuffer(state.held, EXEC_REPORT.dtype)]
        self.late = np.frombuffer(state.late, EXEC_REPORT.dtype)
        return state.sent_bytes

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
        self.reports += len(numbered)
        return numbered

    def _again(self, entry: Sent) -> None:
        if entry.kind == OUTPUT:
            self._take(entry.record, entry.sent_ns)
        elif entry.kind == INJECTED:
            self.market.inject(entry.record)
        else:
            self._switch(entry.subject, entry.kind == FAULT_ON)

    def _take(self, raw: bytes, sent_ns: int) -> None:
        header = OUT_HEADER.unpack(raw)
        self.taken_out_seq = header.out_seq
        if header.type == OutputType.CHILD:
            if CHILD.unpack(raw).venue in self.down:
                self.lost.append(raw)
            else:
                self.market.submit(raw, sent_ns)
            return
        asked = ASKS[header.type].unpack(raw)
        if asked.venue in self.down:
            return  # nobody answers; what it did with the child it tells when it is back
        if header.type == OutputType.CANCEL_CHILD:
            self.market.cancel(asked.child_id, sent_ns)
        elif header.type == OutputType.REPLACE_CHILD:
            self.market.replace(asked.child_id, asked.units, asked.limit_nanos, sent_ns)
        else:
            self.market.query(asked.child_id, asked.venue, sent_ns)

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

    def _never(self, raw: bytes, text: bytes = LOST_TEXT) -> bytes:
        record = CHILD.unpack(raw)
        return EXEC_REPORT.pack(
            type=int(InputType.EXEC_REPORT),
            venue=record.venue,
            source=REPORT_SOURCE,
            instrument=record.instrument,
            child_id=record.child_id,
            cum_units=0,
            leaves_units=0,
            text=text,
            exec_type=int(ExecType.REJECTED),
            liquidity=int(Liquidity.NONE),
            report_flags=int(ReportFlag.MODELLED),
        )


def lasting_fault(kind: FaultKind, venue: int, since_ns: int) -> bytes:
    """A FAULT record that ends by itself."""
    return fault(kind, venue, since_ns, since_ns + FAULT_NS)


def parted(records: bytes) -> tuple[Rows, Rows]:
    """Market records and reports of a pull, each in their order."""
    slots = np.frombuffer(records, np.uint8).reshape(-1, SLOT)
    size = SLOTS[InputType.EXEC_REPORT]
    is_report = np.zeros(len(slots), dtype=bool)
    end = 0
    for at in np.flatnonzero(slots[:, 0] == InputType.EXEC_REPORT).tolist():
        if at >= end:  # else it is within the report before it
            end = at + size
            is_report[at:end] = True
    market = np.ascontiguousarray(slots[~is_report]).reshape(-1).view(QUOTE.dtype)
    return market, np.ascontiguousarray(slots[is_report]).reshape(-1).view(EXEC_REPORT.dtype)

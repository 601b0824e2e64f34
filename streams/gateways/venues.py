"""Simulated venues of one shard behind its topics: children in, reports out, each exactly once.

What the venues were sent is written to a file before it enters the market, so a restart makes the
same market again and with it every report, numbered as before; the engine drops those it has.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from schemas.envelope import OUT_HEADER
from schemas.reports import EXEC_REPORT
from schemas.units import INSTRUMENT_NONE
from streams.replay.sharding import shard_of
from streams.runtime_embedded.gateway import Arrivals, Rows
from streams.runtime_embedded.market_gateway import MarketGateway
from streams.runtime_embedded.sent_log import Sent
from streams.simulator.synthetic.terms import Preset
from streams.sources.records import number

HELD_BACK = 5
"""Kind of a sent-log entry: a child that was answered instead of sent."""
HELD_BACK_TEXT = b"held back at the gateway"
_INSTRUMENT_AT = slice(8, 12)


class Known(msgspec.Struct):
    """What a restart goes on from; `place` is how far the children were read."""

    venues: bytes
    numbers: bytes
    place: str


class ShardVenues(MarketGateway):
    """A market of the shard's instruments only; inside it they have dense ids of their own."""

    def __init__(self, preset: Preset, instruments: list[int], seed: int, directory: Path) -> None:
        own = tuple(preset.instruments[each] for each in instruments)
        super().__init__(msgspec.structs.replace(preset, instruments=own), seed, directory)
        self.file = directory / "state"
        self.numbers = np.zeros(256, dtype=np.uint64)
        self.place = ""
        self._outside = np.array(instruments, dtype=np.uint32)
        self._inside = {outside: inside for inside, outside in enumerate(instruments)}

    def poll(self, until_ns: int) -> Arrivals:
        """What has arrived, numbered by source; a poll that comes again numbers it alike."""
        arrivals = super().poll(until_ns)
        number(arrivals.market, self.numbers)
        return Arrivals(self._told_outside(arrivals.market), self._told_outside(arrivals.reports))

    def send(self, output: Any, sent_ns: int) -> None:
        """Takes what the router sends to its venues, each out_seq once."""
        super().send(self._told_inside(output), sent_ns)

    def hold_back(self, output: bytes, sent_ns: int) -> None:
        """Answers a child that is killed or too old, instead of sending it."""
        out_seq = OUT_HEADER.unpack(output).out_seq
        if out_seq > self.taken_out_seq:
            raw = self._told_inside(output)
            self.sent.append(Sent(HELD_BACK, self.market_ns, sent_ns, out_seq, raw))
            self._hold_back(raw)

    def keep(self) -> None:
        """Writes everything that a restart needs; whole or not at all."""
        known = Known(venues=self.save(), numbers=self.numbers.tobytes(), place=self.place)
        draft = self.file.with_suffix(".new")
        draft.write_bytes(msgspec.msgpack.encode(known))
        draft.replace(self.file)

    def resume(self, now_ns: int) -> Arrivals:
        """Goes on from what was kept, or from the start; gives the reports since."""
        saved = b""
        if self.file.exists():
            known = msgspec.msgpack.decode(self.file.read_bytes(), type=Known)
            saved, self.place = known.venues, known.place
            self.numbers = np.frombuffer(known.numbers, dtype=np.uint64).copy()
        elif not self.sent.size:
            return Arrivals()  # a new market: its first quotes are to be heard
        return self.restore(saved, now_ns)

    def _told_outside(self, rows: Rows) -> Rows:
        """Rows with the ids of the installation."""
        own = rows["instrument"] != INSTRUMENT_NONE
        rows["instrument"][own] = self._outside[rows["instrument"][own]]
        return rows

    def _told_inside(self, output: Any) -> bytes:
        """An output with the id that its instrument has in this market."""
        raw = bytearray(output)
        inside = self._inside[int.from_bytes(raw[_INSTRUMENT_AT], "little")]
        raw[_INSTRUMENT_AT] = inside.to_bytes(4, "little")
        return bytes(raw)

    def _again(self, entry: Sent) -> None:
        if entry.kind == HELD_BACK:
            self._hold_back(entry.record)
        else:
            super()._again(entry)

    def _hold_back(self, raw: bytes) -> None:
        self.taken_out_seq = OUT_HEADER.unpack(raw).out_seq
        answer = np.frombuffer(self._never(raw, HELD_BACK_TEXT), EXEC_REPORT.dtype)
        self.late = np.concatenate([self.late, self._numbered(answer)])


def owned_instruments(preset: Preset, shards: int) -> dict[int, list[int]]:
    """Dense ids of the preset's instruments by the shard that owns them; no other shards."""
    found: dict[int, list[int]] = {}
    for index, terms in enumerate(preset.instruments):
        found.setdefault(shard_of(terms.key, shards), []).append(index)
    return dict(sorted(found.items()))

"""A synthetic market as a gateway that a restart continues: it keeps a journal of its own.

The journal holds the market's bytes at a moment, and every child, cancel and fault since with the
market's time at which it came. Pulling is deterministic, so the bytes and what came later are the
whole market. A torn last line is dropped: nobody was told of what it asked for.
"""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Any

from schemas.errors import CorruptLogError
from streams.simulator.synthetic.market import SyntheticMarket, synthetic_market
from streams.simulator.synthetic.terms import Preset

_HEAD = struct.Struct("<IIBqq")
"""Payload bytes, CRC of kind, times and payload, kind, time of the market, time of sending."""
_BASE, _PULL, _CHILD, _CANCEL, _REPLACE, _FAULT, _ORDERS = range(7)
_CANCELS = struct.Struct("<Q")
_REPLACES = struct.Struct("<Qqq")
ALL = 1 << 40


class MarketGateway:
    """The market in `folder`, new or continued; not for several threads."""

    def __init__(self, preset: Preset, seed: int, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.market: SyntheticMarket = synthetic_market(preset, seed)
        self.state, self.journal = folder / "market.state", folder / "market.journal"
        self.is_continued = self.state.exists() or self.journal.exists()
        base = 0
        if self.state.exists():
            state = self.state.read_bytes()
            self.market.restore(state)
            base = zlib.crc32(state)
        if self.journal.exists() and self._replay(base):
            self._file = self.journal.open("ab")
        else:
            self._file = self.journal.open("wb")
            self._note(_BASE, base, 0, b"")

    @property
    def now_ns(self) -> int:
        """Time through which everything has happened."""
        return self.market.now_ns

    @property
    def next_record_ns(self) -> int:
        """Time of the next record that is known."""
        return self.market.next_record_ns

    @property
    def shortest_out_ns(self) -> int:
        """No child arrives sooner than so long after it was sent."""
        return self.market.shortest_out_ns

    def pull(self, until_ns: int, most_bytes: int = ALL) -> bytes:
        """Input records through `until_ns`, written down as handed out before they are returned.

        The same pulls after a restart would hand out the same records: a reader that keeps its own
        log goes on after the last source_seq it has.
        """
        self._note(_PULL, until_ns, most_bytes, b"")
        return self.market.pull(until_ns, most_bytes)

    def submit(self, record: Any, sent_ns: int) -> None:
        """A CHILD record leaves at `sent_ns`."""
        self._note(_CHILD, self.market.now_ns, sent_ns, bytes(record))
        self.market.submit(record, sent_ns)

    def cancel(self, child_id: int, sent_ns: int) -> None:
        """A cancel leaves."""
        self._note(_CANCEL, self.market.now_ns, sent_ns, _CANCELS.pack(child_id))
        self.market.cancel(child_id, sent_ns)

    def replace(self, child_id: int, units: int, limit_nanos: int, sent_ns: int) -> None:
        """A replace leaves."""
        payload = _REPLACES.pack(child_id, units, limit_nanos)
        self._note(_REPLACE, self.market.now_ns, sent_ns, payload)
        self.market.replace(child_id, units, limit_nanos, sent_ns)

    def inject(self, fault: bytes) -> None:
        """A FAULT record, see `faults.fault`; its times are the market's."""
        self._note(_FAULT, self.market.now_ns, 0, fault)
        self.market.inject(fault)

    def add_orders(self, records: bytes) -> None:
        """NEW_ORDER records that the market hands out in their place."""
        self._note(_ORDERS, self.market.now_ns, 0, records)
        self.market.add_orders(records)

    def checkpoint(self) -> None:
        """Writes the market's bytes and begins a new journal; a crash leaves the old or the new."""
        state = self.market.state_bytes()
        fresh = self.state.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(state)
            file.flush()
            os.fsync(file.fileno())
        # From here the old journal is void: it names the bytes it continues, and these are others.
        fresh.replace(self.state)
        self._file.close()
        self._file = self.journal.open("wb")
        self._note(_BASE, zlib.crc32(state), 0, b"")

    def flush(self) -> None:
        """Everything asked for so far survives a crash of the machine."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Lets go of the journal."""
        self._file.close()

    def _note(self, kind: int, first: int, second: int, payload: bytes) -> None:
        crc = _crc(kind, first, second, payload)
        self._file.write(_HEAD.pack(len(payload), crc, kind, first, second) + payload)
        self._file.flush()

    def _replay(self, base: int) -> bool:
        """Does again what the journal holds; False when it continues other bytes than these."""
        raw = self.journal.read_bytes()
        at = 0
        while at + _HEAD.size <= len(raw):
            size, crc, kind, first, second = _HEAD.unpack_from(raw, at)
            payload = raw[at + _HEAD.size : at + _HEAD.size + size]
            if len(payload) < size:
                break
            if crc != _crc(kind, first, second, payload):
                raise CorruptLogError(f"{self.journal}: byte {at} is damaged; start a new market")
            if at == 0 and (kind != _BASE or first != base):
                return False
            if at:
                self._apply(kind, first, second, payload)
            at += _HEAD.size + size
        if at < len(raw):
            with self.journal.open("r+b") as file:
                file.truncate(at)
        return at > 0

    def _apply(self, kind: int, first: int, second: int, payload: bytes) -> None:
        market = self.market
        if kind == _PULL:
            market.pull(first, second)
        elif kind == _CHILD:
            market.submit(payload, second)
        elif kind == _CANCEL:
            market.cancel(_CANCELS.unpack(payload)[0], second)
        elif kind == _REPLACE:
            child_id, units, limit_nanos = _REPLACES.unpack(payload)
            market.replace(child_id, units, limit_nanos, second)
        elif kind == _FAULT:
            market.inject(payload)
        else:
            market.add_orders(payload)


def _crc(kind: int, first: int, second: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(struct.pack("<Bqq", kind, first, second)))

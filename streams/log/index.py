"""Find decisions and orders in the output log. Built from the segments, never the other way."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, compress
from pathlib import Path

import msgspec
import numpy as np

from schemas.codes import OutputType
from schemas.envelope import OUT_HEADER
from schemas.errors import CorruptLogError, NotFoundError
from streams.log.output_rows import IDENTITY_OFFSETS, LAYOUTS, OutputRows, batches
from streams.log.segment import Segment
from streams.log.segments import Frame, SegmentReader
from streams.log.table import Row, Table

PLACE_DTYPE = np.dtype(
    [
        ("segment_seq", "<u8"),
        ("frame_offset", "<u8"),
        ("order_id", "<u8"),
        ("record_offset", "<u4"),
        ("type", "<u4"),
    ]
)
PLACE = struct.Struct("<QQQII")
STATE_KEY = b"s"
VERSION = 2
"""Of the rows; an index of another one is built again."""
ACCOUNT_BYTES = 16
LOG_NS_OFFSET = OUT_HEADER.offsets()["log_ns"][0]
CL_ORD_ID_BYTES = 32


@dataclass(frozen=True, slots=True)
class Location:
    """Where an output record is: `record_offset` counts from the start of the frame."""

    out_seq: int
    type: OutputType
    order_id: int
    segment: Path
    frame_offset: int
    record_offset: int


class IndexState(msgspec.Struct):
    """How far the index goes, the chain there, and which rows it has."""

    last_seq: int
    chain_head: str
    version: int = 1


class DecisionIndex:
    """Decision id, order id and (ClOrdID, account) -> locations of output records.

    Keys: `d` out_seq; `t` time out_seq of decisions; `o` order_id out_seq; `c` cl_ord_id account
    out_seq. Each batch of rows is
    written with the state that it leads to, so a crash leaves a shorter index, never a wrong one.
    """

    def __init__(self, path: Path | str, read_only: bool = False) -> None:
        self.path = Path(path)
        self._table = Table(self.path, read_only)

    @property
    def last_seq(self) -> int:
        """Last output that is indexed."""
        return self._state().last_seq

    def rebuild(self) -> int:
        """Build from nothing; how many outputs were read."""
        self._table.clear()
        return self._extend(SegmentReader(self.path.parent, "outputs", verify_chain=False))

    def update(self) -> int:
        """Add what the log has gained, or rebuild when it is not the log that was indexed."""
        state = self._state()
        if state.last_seq == 0:
            return self.rebuild()
        reader = SegmentReader(self.path.parent, "outputs", state.last_seq, verify_chain=False)
        try:
            first = next(iter(reader), None)
        except NotFoundError:
            return self.rebuild()
        if first is None or first.record_chains is None:
            return self.rebuild()
        if bytes(first.record_chains[:32]).hex() != state.chain_head:
            return self.rebuild()
        rest = [first.starting_at(state.last_seq + 1)] if first.count > 1 else []
        return self._extend(chain(rest, reader))

    def lookup_decision(self, decision_id: int) -> Location:
        """The DECISION record with this out_seq; NotFoundError when there is none."""
        key = b"d" + decision_id.to_bytes(8, "big")
        value = self._table.get(key)
        if value is None:
            raise NotFoundError(f"decision {decision_id}: not in this run's output log")
        return self._location(key, value)

    def decisions_between(self, start_ns: int, end_ns: int, most: int) -> list[Location]:
        """The first `most` decisions with start_ns <= log_ns < end_ns, in order."""
        found: list[Location] = []
        for key, value in self._table.scan(b"t", start_ns.to_bytes(8, "big")):
            if int.from_bytes(key[1:9], "big") >= end_ns or len(found) == most:
                break
            found.append(self._location(key, value))
        return found

    def lookup_order(self, order_id: int) -> list[Location]:
        """All records of a parent order, in out_seq order; empty when there are none."""
        return self._locations(b"o" + order_id.to_bytes(8, "big"))

    def find(self, cl_ord_id: str, account: str | None = None) -> list[Location]:
        """All records of the orders with this ClOrdID, refusals included, in out_seq order."""
        prefix = b"c" + cl_ord_id.encode().ljust(CL_ORD_ID_BYTES, b"\0")
        if account is not None:
            prefix += account.encode().ljust(ACCOUNT_BYTES, b"\0")
        found = {place.out_seq: place for place in self._locations(prefix)}
        for order_id in sorted({place.order_id for place in found.values()} - {0}):
            found |= {place.out_seq: place for place in self.lookup_order(order_id)}
        return [found[seq] for seq in sorted(found)]

    def read(self, place: Location) -> bytes:
        """The record's bytes, after the checksum of its frame."""
        segment = Segment(place.segment, "outputs")
        if place.frame_offset + place.record_offset >= segment.size:
            raise segment.damaged(segment.size, place.out_seq, "it ends before an indexed record")
        header = segment.data[place.frame_offset : place.frame_offset + 64]
        first_seq = int.from_bytes(header[16:24], "little")
        check = segment.check(place.frame_offset, first_seq, None)
        if check.fault != "none":
            reason = f"bad frame ({check.fault})"
            raise segment.damaged(place.frame_offset, place.out_seq, reason)
        start = place.frame_offset + place.record_offset
        size = int.from_bytes(segment.data[start : start + 4], "little")
        return bytes(segment.data[start : start + size])

    def close(self) -> None:
        """Close the files."""
        self._table.close()

    def _extend(self, frames: Iterable[Frame]) -> int:
        records = 0
        for batch in batches(frames):
            rows = OutputRows(batch)
            last = batch[-1]
            state = IndexState(last.last_seq, last.chain_head.hex(), VERSION)
            self._table.write([*index_rows(rows), (STATE_KEY, msgspec.json.encode(state))])
            records += len(rows.out_seq)
        return records

    def _state(self) -> IndexState:
        value = self._table.get(STATE_KEY)
        if value is None:
            return IndexState(0, "")
        try:
            state = msgspec.json.decode(value, type=IndexState)
            return state if state.version == VERSION else IndexState(0, "")
        except msgspec.DecodeError as error:
            raise CorruptLogError(f"{self.path}: damaged ({error}); rebuild the index") from error

    def _locations(self, prefix: bytes) -> list[Location]:
        places = (self._location(key, value) for key, value in self._table.scan(prefix))
        return sorted(places, key=lambda place: place.out_seq)

    def _location(self, key: bytes, value: bytes) -> Location:
        segment_seq, frame_offset, order_id, record_offset, kind = PLACE.unpack(value)
        return Location(
            out_seq=int.from_bytes(key[-8:], "big"),
            type=OutputType(kind),
            order_id=order_id,
            segment=self.path.parent / f"outputs-{segment_seq:020d}.seg",
            frame_offset=frame_offset,
            record_offset=record_offset,
        )


def index_rows(rows: OutputRows) -> Iterator[Row]:
    """Rows of the index for a batch of records."""
    for kind in LAYOUTS:
        chosen = rows.of_type(kind)
        if not len(chosen):
            continue
        order_ids = rows.order_ids(kind, chosen)
        places = split(place_values(rows, kind, chosen, order_ids))
        out_seqs = big_endian(rows.out_seq[chosen])
        if kind is OutputType.DECISION:
            yield from zip(keys(b"d", out_seqs), places, strict=True)
            times = big_endian(rows.word(rows.start[chosen], LOG_NS_OFFSET))
            yield from zip(keys(b"t", times, out_seqs), places, strict=True)
        of_order = zip(keys(b"o", big_endian(order_ids), out_seqs), places, strict=True)
        yield from compress(of_order, order_ids != 0)
        if kind in IDENTITY_OFFSETS:
            identities = rows.identities(kind, chosen)
            named = zip(keys(b"c", identities, out_seqs), places, strict=True)
            yield from compress(named, identities[:, 0] != 0)


def place_values(
    rows: OutputRows, kind: OutputType, chosen: np.ndarray, order_ids: np.ndarray
) -> np.ndarray:
    """Values of the index, shape (chosen, PLACE.size) bytes."""
    values = np.zeros(len(chosen), dtype=PLACE_DTYPE)
    values["segment_seq"] = rows.segment_seq[chosen]
    values["frame_offset"] = rows.frame_offset[chosen]
    values["record_offset"] = rows.record_offset[chosen]
    values["type"] = kind
    values["order_id"] = order_ids
    return values.view(np.uint8).reshape(len(chosen), PLACE_DTYPE.itemsize)


def big_endian(values: np.ndarray) -> np.ndarray:
    """Numbers as 8 bytes that sort like the numbers, shape (n, 8)."""
    return values.astype(">u8").view(np.uint8).reshape(len(values), 8)


def keys(tag: bytes, *parts: np.ndarray) -> list[bytes]:
    """One key a row: the tag, then the row of each part."""
    tags = np.full((len(parts[0]), 1), tag[0], dtype=np.uint8)
    return split(np.concatenate([tags, *parts], axis=1))


def split(table: np.ndarray) -> list[bytes]:
    """The rows of a table of bytes."""
    width = table.shape[1]
    content = table.tobytes()
    return [content[at : at + width] for at in range(0, len(content), width)]

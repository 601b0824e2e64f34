"""Proves that an output record is the one that was logged, up to an anchor that others can hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from schemas.errors import CorruptLogError
from streams.log._journal import chain_origin
from streams.log.segment import Segment, first_seq, list_segments
from streams.log.segments import CHAIN_BYTES, Frame
from streams.log.shard_log import ShardLog


@dataclass(frozen=True, slots=True)
class ChainProof:
    """A record's place in the chain, recomputed.

    `chain` is SHA-256(`before` + record). `anchor` is the first anchor at or after the record, None
    where there is none; every record up to it was read and leads to the head that it keeps.
    """

    out_seq: int
    before: str
    record_sha256: str
    chain: str
    anchor: int | None
    anchor_seq: int | None
    anchor_head: str | None
    signed_by: str | None

    def lines(self) -> list[str]:
        """The proof as a person reads it."""
        found = [
            f"record  {self.record_sha256} (SHA-256 of its bytes)",
            f"before  {self.before}",
            f"after   {self.chain} = SHA-256(before, record), as logged",
        ]
        if self.anchor is None or self.anchor_seq is None:
            return [
                *found,
                "no anchor follows yet; each snapshot and the end write one",
            ]
        steps = self.anchor_seq - self.out_seq
        signed = f"signed by {self.signed_by}" if self.signed_by else "not signed"
        text = f"anchor {self.anchor} at output {self.anchor_seq}, {steps:,} records on, keeps "
        return [*found, f"{text}{self.anchor_head} ({signed}): the chain leads there"]


def chain_proof(log: ShardLog, out_seq: int) -> ChainProof:
    """The chain at `out_seq` and on to the next anchor; CorruptLogError when it breaks."""
    before, frames = start(log, out_seq)
    first = next(frames).starting_at(out_seq)
    end = int(first.record_offsets()[1]) if first.count > 1 else len(first.payload)
    record = bytes(first.payload[:end])
    chain = hashlib.sha256(before + record).digest()
    if chain != chain_at(first, out_seq):
        raise CorruptLogError(
            f"{first.path}: output {out_seq} is not what was chained; see `sor log check`"
        )
    entry = next_anchor(log, out_seq)
    row = entry["outputs"] if entry else None
    if row is not None:
        require_reaches(log, first, frames, row["seq"], bytes.fromhex(row["chain_head"]))
    return ChainProof(
        out_seq=out_seq,
        before=before.hex(),
        record_sha256=hashlib.sha256(record).hexdigest(),
        chain=chain.hex(),
        anchor=entry["number"] if entry else None,
        anchor_seq=row["seq"] if row else None,
        anchor_head=row["chain_head"] if row else None,
        signed_by=entry.get("key") if entry else None,
    )


def start(log: ShardLog, out_seq: int) -> tuple[bytes, Iterator[Frame]]:
    """The chain before a record, and the frames from the one that holds it."""
    if out_seq == first_seq(log.directory, "outputs"):
        segment = Segment(list_segments(log.directory, "outputs")[0], "outputs")
        head = chain_origin("outputs", log.shard) if out_seq == 1 else segment.chain_head
        return head, iter(log.reader("outputs", out_seq))
    frames = iter(log.reader("outputs", out_seq - 1))
    first = next(frames)
    head = chain_at(first, out_seq - 1)
    return head, chained(first, frames, out_seq)


def chained(first: Frame, frames: Iterator[Frame], out_seq: int) -> Iterator[Frame]:
    """The frames, without a first one that ends before the record."""
    if first.last_seq >= out_seq:
        yield first
    yield from frames


def chain_at(frame: Frame, out_seq: int) -> bytes:
    """The chain value that a frame keeps for one of its records."""
    assert frame.record_chains is not None
    at = (out_seq - frame.first_seq) * CHAIN_BYTES
    return bytes(frame.record_chains[at : at + CHAIN_BYTES])


def next_anchor(log: ShardLog, out_seq: int) -> dict[str, Any] | None:
    """The first anchor of the shard's outputs at or after a record."""
    found = [
        entry
        for entry in log.anchor_log().entries()
        if entry["shard"] == log.shard and entry["outputs"] and entry["outputs"]["seq"] >= out_seq
    ]
    return min(found, key=lambda entry: int(entry["outputs"]["seq"]), default=None)


def require_reaches(
    log: ShardLog, first: Frame, frames: Iterator[Frame], seq: int, head: bytes
) -> None:
    """Reads on, each record proven, to the anchored one."""
    frame = first
    while frame.last_seq < seq:
        following = next(frames, None)
        if following is None:
            raise CorruptLogError(
                f"{log.directory}: outputs end at {frame.last_seq}, but {seq} was anchored; see "
                "`sor log check`"
            )
        frame = following
    if chain_at(frame, seq) != head:
        raise CorruptLogError(
            f"{frame.path}: the chain at output {seq} is not the one that was anchored; see "
            "`sor log check`"
        )

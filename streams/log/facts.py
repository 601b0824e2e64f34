"""What a run's log holds and costs: records, bytes, pace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.codes import InputType
from schemas.envelope import HEADER, SLOT
from schemas.units import NS_PER_S
from streams.log.run import FORMAT_VERSION, RunDirectory
from streams.log.segment import STREAMS, list_segments
from streams.log.segments import Frame
from streams.log.shard_log import ShardLog

DAY_NS = 86_400 * NS_PER_S
TICK_TYPES = (InputType.QUOTE, InputType.TRADE)
RETENTION = (
    "everything is kept until `sor log prune`, which by default keeps the newest 2 snapshots and "
    "what they need"
)
Watch = Callable[[str, int], None]
"""Told (what is being read, records read so far)."""


def unwatched(what: str, records: int) -> None:
    """Says nothing."""


@dataclass
class StreamFacts:
    """One stream of one shard. `file_bytes` is what lies on disk, `record_bytes` the records."""

    segments: int = 0
    frames: int = 0
    records: int = 0
    record_bytes: int = 0
    file_bytes: int = 0
    first_seq: int = 0
    last_seq: int = 0
    ticks: int = 0
    first_tick_ns: int = 0
    last_log_ns: int = 0

    def add(self, frame: Frame) -> None:
        """Counts a frame."""
        self.frames += 1
        self.records += frame.count
        self.record_bytes += len(frame.payload)
        self.first_seq = self.first_seq or frame.first_seq
        self.last_seq = frame.last_seq
        self.last_log_ns = max(self.last_log_ns, frame.last_log_ns)
        if frame.stream == "inputs":
            self._count_ticks(frame)

    def _count_ticks(self, frame: Frame) -> None:
        offsets = frame.record_offsets().astype(np.int64)
        types = np.frombuffer(frame.payload, dtype=np.uint8)[offsets]
        rows = np.flatnonzero(np.isin(types, TICK_TYPES))
        if len(rows) and not self.ticks:
            first = HEADER.unpack(frame.payload, int(offsets[rows[0]]))
            self.first_tick_ns = first.log_ns
        self.ticks += len(rows)


def stream_facts(log: ShardLog, stream: str, watch: Watch = unwatched) -> StreamFacts:
    """Reads a stream once, checking frames but not the chain."""
    facts = StreamFacts()
    paths = list_segments(log.directory, stream)
    facts.segments = len(paths)
    facts.file_bytes = sum(path.stat().st_size for path in paths)
    for frame in log.reader(stream, verify_chain=False):
        facts.add(frame)
        watch(f"reading {stream}", facts.records)
    return facts


def run_facts(run: RunDirectory, watch: Watch = unwatched) -> dict[str, Any]:
    """What `sor log info --json` prints."""
    shards = [shard_facts(run.shard(number), watch) for number in run.shards()]
    inputs = [shard["streams"]["inputs"] for shard in shards]
    file_bytes = sum(s["file_bytes"] for shard in shards for s in shard["streams"].values())
    ticks = sum(stream["ticks"] for stream in inputs)
    started = min((s["first_tick_ns"] for s in inputs if s["ticks"]), default=0)
    span_ns = max((s["last_log_ns"] for s in inputs), default=0) - started if started else 0
    return {
        "run": str(run.path),
        "kind": run.manifest.get("kind"),
        "complete": run.manifest.get("complete"),
        "format_version": FORMAT_VERSION,
        "versions": run.manifest.get("versions", {}),
        "config_hash": run.manifest.get("config_hash"),
        "file_bytes": file_bytes,
        "ticks": ticks,
        "bytes_per_tick": bytes_per_tick(inputs),
        "span_s": round(span_ns / NS_PER_S, 3),
        "gb_per_day": gb_per_day(file_bytes, span_ns),
        "retention": RETENTION,
        "shards": shards,
    }


def shard_facts(log: ShardLog, watch: Watch = unwatched) -> dict[str, Any]:
    """Streams, snapshots and anchors of one shard."""
    streams = {name: vars(stream_facts(log, name, watch)) for name in STREAMS}
    anchors = log.anchor_log().entries()
    return {
        "shard": log.shard,
        "streams": streams,
        "snapshots": [{"seq": seq, "state_bytes": size} for seq, size in snapshot_sizes(log)],
        "anchors": len(anchors),
        "signed_anchors": sum("signature" in anchor for anchor in anchors),
        "durability": anchors[-1].get("durability") if anchors else None,
    }


def snapshot_sizes(log: ShardLog) -> Iterator[tuple[int, int]]:
    """(seq, bytes of state) of each snapshot, oldest first."""
    store = log.snapshots(read_only=True)
    try:
        yield from ((info.seq, info.state_bytes) for info in store.entries())
    finally:
        store.close()


def bytes_per_tick(inputs: list[dict[str, Any]]) -> float | None:
    """Bytes on disk of the input log for 64 bytes of records, which is what a tick takes."""
    slots = sum(stream["record_bytes"] for stream in inputs) // SLOT
    return round(sum(stream["file_bytes"] for stream in inputs) / slots, 2) if slots else None


def gb_per_day(file_bytes: int, span_ns: int) -> float | None:
    """1e9 bytes a day at the pace of the run, None when no time passed."""
    return round(file_bytes / 1e9 * DAY_NS / span_ns, 4) if span_ns > 0 else None

"""Removes old snapshots and the segments that only they need, without breaking the chain.

The log may start later than at seq 1 when an anchor keeps the chain head of what was removed and a
snapshot keeps the state there. The anchor is durable before anything is removed, segments go
oldest first and snapshots last, so a crash in between leaves a longer log, never a broken one.
Reference records among what goes are kept beside the segments, so that names survive.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from schemas.errors import InputError
from schemas.units import NS_PER_S
from streams.log.carried import Carried
from streams.log.export import frame_rows, write_lines
from streams.log.facts import Watch, unwatched
from streams.log.files import sync_directory
from streams.log.segment import STREAMS, Segment, list_segments, named_seq
from streams.log.segments import Frame
from streams.log.shard_log import ShardLog
from streams.log.snapshot_file import SnapshotInfo

NEWEST_KEPT = 2
DAY_NS = 86_400 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Policy:
    """What must stay. Where terms differ, the one that keeps more wins."""

    snapshots: int = NEWEST_KEPT
    days: float | None = None
    file_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.snapshots < NEWEST_KEPT:
            raise InputError(f"--keep-snapshots {self.snapshots}: at least {NEWEST_KEPT} stay")
        if self.days is not None and self.days < 0:
            raise InputError(f"--keep-days {self.days}: give 0 or more")
        if self.file_bytes is not None and self.file_bytes < 0:
            raise InputError(f"--keep-bytes {self.file_bytes}: give 0 or more")


@dataclass
class Plan:
    """What goes from one shard, and the oldest snapshot that stays."""

    shard: int
    kept: SnapshotInfo | None = None
    snapshots_kept: int = 0
    snapshots_removed: int = 0
    segments: dict[str, list[Path]] = field(default_factory=dict)
    file_bytes: int = 0

    def facts(self) -> dict[str, Any]:
        """The plan as plain values."""
        return {
            "shard": self.shard,
            "starts_at_seq": self.kept.seq + 1 if self.kept else 1,
            "snapshots_kept": self.snapshots_kept,
            "snapshots_removed": self.snapshots_removed,
            "segments": [str(path) for paths in self.segments.values() for path in paths],
            "bytes": self.file_bytes,
        }

    def line(self) -> str:
        """The plan as a person reads it."""
        if self.kept is None:
            return (
                f"shard {self.shard}: nothing, {self.snapshots_kept} snapshots are kept and the "
                f"newest {NEWEST_KEPT} always stay"
            )
        segments = sum(map(len, self.segments.values()))
        return (
            f"shard {self.shard}: {segments} segments ({self.file_bytes:,} bytes) and "
            f"{self.snapshots_removed} snapshots; re-execution starts after seq {self.kept.seq}"
        )


def plan_prune(log: ShardLog, policy: Policy) -> Plan:
    """What the policy lets go of in one shard; changes nothing."""
    store = log.snapshots(read_only=True)
    try:
        infos = store.entries()
    finally:
        store.close()
    oldest = oldest_kept(log, infos, policy)
    if oldest is None:
        return Plan(log.shard, snapshots_kept=len(infos))
    kept = infos[oldest]
    segments = {
        "inputs": segments_before(log.directory, "inputs", kept.seq),
        "outputs": segments_before(log.directory, "outputs", kept.out_seq),
    }
    return Plan(
        shard=log.shard,
        kept=kept,
        snapshots_kept=len(infos) - oldest,
        snapshots_removed=oldest,
        segments={stream: paths for stream, paths in segments.items() if paths},
        file_bytes=total_bytes(segments),
    )


def oldest_kept(log: ShardLog, infos: list[SnapshotInfo], policy: Policy) -> int | None:
    """Place of the oldest snapshot that stays, None when everything does."""
    place = len(infos) - policy.snapshots
    if place < 0:
        return None
    if policy.days is not None:
        end_ns = max(info.log_ns for info in infos)
        since_ns = end_ns - int(policy.days * DAY_NS)
        place = min(place, sum(info.log_ns <= since_ns for info in infos) - 1)
    if policy.file_bytes is not None:
        place = min(place, place_for_bytes(log, infos, policy.file_bytes))
    return place if place >= 0 else None


def place_for_bytes(log: ShardLog, infos: list[SnapshotInfo], most: int) -> int:
    """Place of the oldest snapshot with which no more than `most` bytes of segments stay."""
    directory = log.directory
    whole = sum(path.stat().st_size for s in STREAMS for path in list_segments(directory, s))
    if whole <= most:
        return -1
    for place, info in enumerate(infos):
        gone = {
            "inputs": segments_before(directory, "inputs", info.seq),
            "outputs": segments_before(directory, "outputs", info.out_seq),
        }
        if whole - total_bytes(gone) <= most:
            return place
    return len(infos)


def segments_before(directory: Path, stream: str, seq: int) -> list[Path]:
    """Segments that hold nothing after `seq`; the last segment always stays."""
    paths = list_segments(directory, stream)
    return [path for path, after in pairwise(paths) if named_seq(after) <= seq + 1]


def total_bytes(segments: dict[str, list[Path]]) -> int:
    """Size of files."""
    return sum(path.stat().st_size for paths in segments.values() for path in paths)


def execute_prune(
    log: ShardLog, plan: Plan, export: Path | None = None, watch: Watch = unwatched
) -> None:
    """Proves what goes, exports it where asked, anchors the cut, removes it."""
    if plan.kept is None:
        return
    carried = Carried(log.directory)
    for stream, paths in plan.segments.items():
        frames = frames_of(log, stream, paths, watch)
        if stream == "inputs":
            frames = carried.gathered(frames)
        proven_or_exported(log, stream, paths, frames, export)
    if "inputs" in plan.segments:
        carried.write()
    if plan.segments:
        log.anchor_cut(
            {stream: cut_row(log, stream, paths) for stream, paths in plan.segments.items()}
        )
    for paths in plan.segments.values():
        for path in paths:
            path.unlink()
            sync_directory(log.directory)
    store = log.snapshots()
    try:
        store.prune(plan.snapshots_kept)
    finally:
        store.close()
    if "outputs" in plan.segments:
        log.rebuild_index()


def cut_row(log: ShardLog, stream: str, removed: list[Path]) -> dict[str, Any]:
    """Position and chain head at the end of what goes, from the segment that follows."""
    after = next(path for path in list_segments(log.directory, stream) if path > removed[-1])
    segment = Segment(after, stream)
    if segment.fault is not None:
        raise segment.damaged(0, named_seq(after), segment.fault)
    return {"seq": segment.first_seq - 1, "chain_head": segment.chain_head.hex()}


def proven_or_exported(
    log: ShardLog, stream: str, paths: list[Path], frames: Iterator[Frame], export: Path | None
) -> None:
    """Reads what goes with its chain; nothing is pruned from a damaged log."""
    if export is None:
        for _ in frames:
            pass
        return
    folder = export / log.directory.name
    folder.mkdir(parents=True, exist_ok=True)
    lines = folder / (paths[0].stem + ".jsonl")
    taken = [file for file in (lines, *(folder / p.name for p in paths)) if file.exists()]
    if taken:
        raise InputError(f"{taken[0]}: exists; export to another folder")
    write_lines(lines, frame_rows(log.shard, stream, frames))
    for path in paths:
        shutil.copy2(path, folder / path.name)
    sync_directory(folder)


def frames_of(log: ShardLog, stream: str, paths: list[Path], watch: Watch) -> Iterator[Frame]:
    """Frames of the first segments, proven, and the first one that follows them not given."""
    for frame in log.reader(stream):
        if frame.path > paths[-1]:
            return
        watch(f"reading {stream}", frame.last_seq)
        yield frame

"""The embedded event log: segment files, snapshots, an index, a run's folder."""

from streams.log._journal import SegmentWriter, chain_origin
from streams.log.errors import DamagedLogError, LogWriteError
from streams.log.index import DecisionIndex, Location
from streams.log.recovery import Anchor, LogReport, check, recover
from streams.log.run import RunDirectory
from streams.log.segments import Frame, SegmentReader, TornTail
from streams.log.shard_log import Recovery, ShardLog
from streams.log.snapshot_file import SnapshotInfo
from streams.log.snapshots import Snapshot, SnapshotStore

__all__ = [
    "Anchor",
    "DamagedLogError",
    "DecisionIndex",
    "Frame",
    "Location",
    "LogReport",
    "LogWriteError",
    "Recovery",
    "RunDirectory",
    "SegmentReader",
    "SegmentWriter",
    "ShardLog",
    "Snapshot",
    "SnapshotInfo",
    "SnapshotStore",
    "TornTail",
    "chain_origin",
    "check",
    "recover",
]

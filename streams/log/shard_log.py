"""The two streams of one shard: what came in, and what the engine said about it."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from schemas.errors import CorruptLogError, InputError
from streams.clock import SystemClock
from streams.log._journal import SegmentWriter
from streams.log.anchor_log import AnchorLog
from streams.log.files import replace_durably, sync_directory
from streams.log.index import DecisionIndex
from streams.log.recovery import Anchor, LogReport, check, cut, recover
from streams.log.seal import sealed
from streams.log.segment import STREAMS, first_seq
from streams.log.segments import Frame, SegmentReader
from streams.log.signing import Signer
from streams.log.snapshot_file import SnapshotInfo
from streams.log.snapshots import Snapshot, SnapshotStore

DEFAULT_CODEC = "delta"
DEFAULT_DURABILITY = "group"
INPUT_SEQ_OFFSET = 24
"""Place in an output record of the input position that it reflects."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """State of both streams when the writers opened; appends continue after it."""

    inputs: LogReport
    outputs: LogReport


class ShardLog:
    """One shard's folder: segments of both streams, snapshots, index, anchor."""

    def __init__(
        self,
        directory: Path,
        shard: int,
        writable: bool = False,
        facts: Mapping[str, Any] | None = None,
        signer: Signer | None = None,
    ) -> None:
        self.directory = directory
        self.shard = shard
        self.writable = writable
        self._facts = dict(facts or {})
        self._signer = signer
        self.codec, self.durability = DEFAULT_CODEC, DEFAULT_DURABILITY
        self.reference_version: int | None = None
        """Version of the reference data where the next anchor is; set by who knows it."""
        self.state_hash: str | None = None
        """State hash at the end of the inputs, for the anchor at the close; set by who knows it."""
        self._modes: dict[str, str] = {}
        self._writers: dict[str, SegmentWriter] = {}
        self._synced: set[str] = set()

    @property
    def inputs(self) -> SegmentWriter:
        """Writer of the input log; InputError before `open_writers`."""
        return self._writer("inputs")

    @property
    def outputs(self) -> SegmentWriter:
        """Writer of the output log; InputError before `open_writers`."""
        return self._writer("outputs")

    def open_writers(
        self,
        durability: str | None = None,
        outputs_durability: str = "none",
        codec: str | None = None,
        **limits: int,
    ) -> Recovery:
        """Recover both streams and open their writers where they end.

        Outputs reach their file only after their inputs are durable. They need no sync of their
        own, they can be derived again. `durability` is "group" or "none" (inputs count as durable
        once they are written: for research), `codec` is "delta" (input frames hold differences) or
        "none"; both as the run's configuration says when not given. `limits` are the writer's
        group_bytes, group_us, segment_bytes and queue_bytes.
        """
        if self.writable:
            self.directory.mkdir(exist_ok=True)
            sync_directory(self.directory.parent)
        recovery = self.recover()
        modes = self._modes = {
            "inputs": durability or self.durability,
            "outputs": outputs_durability,
        }
        self._synced = {stream for stream, mode in modes.items() if mode == "group"}
        for stream, report in (("inputs", recovery.inputs), ("outputs", recovery.outputs)):
            self._writers[stream] = SegmentWriter(
                str(self.directory),
                stream,
                self.shard,
                next_seq=report.last_seq + 1,
                chain_head=report.chain_head,
                durability=modes[stream],
                inputs=self._writers.get("inputs"),
                codec=codec or self.codec,
                **limits,
            )
        return recovery

    def recover(self, full: bool = False) -> Recovery:
        """Cut unfinished writes, and outputs of inputs that the log does not hold."""
        if not self.writable or self._writers:
            raise InputError(
                f"{self.directory}: recovery changes files; open the run with writable=True, "
                "and recover before its writers open"
            )
        anchors = self.anchors()
        where, shard = self.directory, self.shard
        known, known_out = self._known()
        anchor = anchors.get("inputs")
        inputs = recover(where, "inputs", full, anchor, shard=shard, known_seq=known)
        if inputs.last_seq < known:  # the snapshot knows outputs of inputs that are gone
            known_out = 0
        outputs = recover(where, "outputs", full, None, True, shard, known_out)
        if cut_outputs_after(where, outputs, inputs.last_seq):
            outputs = recover(where, "outputs", full, shard=shard)
        self.snapshots().discard_after(inputs.last_seq)
        return Recovery(inputs, outputs)

    def _known(self) -> tuple[int, int]:
        """Positions of the newest snapshot, which was taken of durable records; zeros for none."""
        try:
            infos = self.snapshots().entries()
        except CorruptLogError:
            return 0, 0
        return (infos[-1].seq, infos[-1].out_seq) if infos else (0, 0)

    def check(self, verify_chain: bool = True) -> Recovery:
        """Read both streams whole, against the anchor; changes nothing."""
        anchors = self.anchors()
        inputs, outputs = (
            check(
                self.directory,
                stream,
                verify_chain,
                anchor=anchors.get(stream),
                shard=self.shard,
            )
            for stream in STREAMS
        )
        return Recovery(inputs, outputs)

    def reader(
        self, stream: str, start_seq: int | None = None, verify_chain: bool = True
    ) -> SegmentReader:
        """A cursor over `stream`, from `start_seq` or the first record kept."""
        return SegmentReader(self.directory, stream, start_seq, verify_chain, self.shard)

    def snapshots(self, read_only: bool | None = None) -> SnapshotStore:
        """The shard's snapshots; read-only unless the run is open for writing."""
        is_read_only = self._is_read_only(read_only)
        kept = None if is_read_only or not self._writers else self.anchor_snapshot
        return SnapshotStore(self.directory / "snapshots", is_read_only, kept)

    def index(self, read_only: bool | None = None) -> DecisionIndex:
        """The index by decision and order; read-only unless the run is open for writing."""
        return DecisionIndex(self.directory / "index", self._is_read_only(read_only))

    def start(self) -> Snapshot | None:
        """What re-execution starts from: None, or the oldest snapshot of a log that was pruned."""
        firsts = {s: first_seq(self.directory, s) for s in STREAMS}
        if max(firsts.values()) <= 1:
            return None
        store = self.snapshots(read_only=True)
        try:
            for info in store.entries():
                if info.seq + 1 >= firsts["inputs"] and info.out_seq + 1 >= firsts["outputs"]:
                    return store.load(info.seq)
        finally:
            store.close()
        raise CorruptLogError(
            f"{self.directory}: inputs start at seq {firsts['inputs']} and no snapshot covers what "
            "was pruned before; restore the snapshots from a copy"
        )

    def anchor_cut(self, rows: Mapping[str, Any]) -> None:
        """Keep the positions and chain heads up to which records are about to be removed."""
        self._publish("prune", rows)

    def rebuild_index(self) -> int:
        """Build the index again from the segments; how many outputs it covers."""
        path = self.directory / "index"
        if self.writable and path.exists():
            shutil.rmtree(path)  # a damaged one could not even be opened
        index = self.index(read_only=False)
        try:
            return index.rebuild()
        finally:
            index.close()

    def anchors(self) -> dict[str, Anchor]:
        """The last positions that were written down as durable, by stream."""
        path = self.directory / "anchor.json"
        try:
            rows = msgspec.json.decode(path.read_bytes())
            return {
                stream: Anchor(rows[stream]["seq"], bytes.fromhex(rows[stream]["chain_head"]))
                for stream in STREAMS
                if stream in rows
            }
        except FileNotFoundError:
            return {}
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise CorruptLogError(
                f"{path}: not an anchor ({error}); delete it to give up the proof that no "
                "durable record was lost"
            ) from error

    def anchor_log(self) -> AnchorLog:
        """The run's anchors, of all shards."""
        return AnchorLog(self.directory.parent, self._signer)

    def write_anchor(self, reason: str = "request") -> None:
        """Write down what is durable now, so that losing it later is noticed.

        `reason` says when: `close`, `snapshot` or `request`.
        """
        anchors = self.anchors()
        for stream in self._synced:
            anchors[stream] = Anchor(*self._writers[stream].position())
        rows = {
            stream: {"seq": anchor.seq, "chain_head": anchor.chain_head.hex()}
            for stream, anchor in sorted(anchors.items())
        }
        entry = self._publish(reason, rows, self.state_hash if reason == "close" else None)
        number = {"number": entry["number"]}
        replace_durably(self.directory / "anchor.json", sealed({**rows, **number}))

    def sign_with(self, signer: Signer | None) -> None:
        """Sign the anchors that are written from now on."""
        self._signer = signer

    def _publish(
        self, reason: str, rows: Mapping[str, Any], state_hash: str | None = None
    ) -> dict[str, Any]:
        """Add the anchor to the run's, with what was running."""
        return self.anchor_log().append(
            {
                "shard": self.shard,
                "reason": reason,
                "written_ns": SystemClock().now_ns(),
                **{stream: rows.get(stream) for stream in STREAMS},
                "state_hash": state_hash,
                "durability": self._modes,
                **self._facts,
                "reference_version": self.reference_version,
            }
        )

    def anchor_snapshot(self, info: SnapshotInfo) -> None:
        """Anchor both chains where a snapshot was taken; it was taken of durable records."""
        self._publish(
            "snapshot",
            {
                "inputs": {"seq": info.seq, "chain_head": info.input_chain.hex()},
                "outputs": {"seq": info.out_seq, "chain_head": info.output_chain.hex()},
            },
            info.state_hash.hex(),
        )

    def close(self) -> None:
        """Make everything durable, write the anchor, end the writers."""
        if not self._writers:
            return
        try:
            for writer in self._writers.values():
                writer.close()
            self._synced = set(self._writers)  # closing syncs
            self.write_anchor("close")
        finally:
            self._writers = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _writer(self, stream: str) -> SegmentWriter:
        if stream not in self._writers:
            raise InputError(f"{self.directory}: call open_writers() before writing {stream}")
        return self._writers[stream]

    def _is_read_only(self, read_only: bool | None) -> bool:
        return not self.writable if read_only is None else read_only


def cut_outputs_after(directory: Path, outputs: LogReport, input_seq: int) -> bool:
    """Cut outputs of inputs after `input_seq`; whether there were any.

    A power cut can keep unsynced outputs and lose the unsynced inputs that they came from. Nobody
    was shown them: outputs leave the process only when their inputs are durable.
    """
    tail = SegmentReader(directory, "outputs", outputs.first_seq, verify_chain=False)
    if max((last_input_seq(frame) for frame in tail), default=0) <= input_seq:
        return False
    for frame in SegmentReader(directory, "outputs", verify_chain=False):
        if last_input_seq(frame) > input_seq:
            cut(directory, "outputs", frame.path, frame.offset)
            return True
    return False


def last_input_seq(frame: Frame) -> int:
    """Input position of the last record of a frame of outputs."""
    last = int(frame.record_offsets()[-1])
    (seq,) = struct.unpack_from("<Q", frame.payload, last + INPUT_SEQ_OFFSET)
    return int(seq)

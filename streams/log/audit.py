"""Reads everything that a run keeps and names each file and position that is not as written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from schemas.errors import CorruptLogError, InputError, NotFoundError
from streams.log._journal import chain_origin, chain_records
from streams.log.anchor_log import AnchorLog
from streams.log.carried import read_carried
from streams.log.errors import DamagedFileError, DamagedLogError
from streams.log.facts import Watch, unwatched
from streams.log.recovery import Anchor, LogReport, check
from streams.log.run import RunDirectory, read_manifest
from streams.log.seal import seal_fault
from streams.log.segment import STREAMS, Segment, list_segments, named_seq
from streams.log.segments import Frame
from streams.log.shard_log import ShardLog
from streams.log.signing import Verifier
from streams.log.snapshot_file import SnapshotInfo


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written: `offset` in bytes and `seq` where they are known."""

    file: str
    offset: int | None
    seq: int | None
    what: str


@dataclass
class Audit:
    """What was read and what was found; `notes` are facts that are no damage."""

    records: int = 0
    anchors: int = 0
    signed: int = 0
    snapshots: int = 0
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether everything is as it was written."""
        return not self.findings

    @contextmanager
    def noted(self, file: Path) -> Iterator[None]:
        """Turns damage into a finding, and goes on."""
        try:
            yield
        except DamagedLogError as damage:
            found = Finding(str(damage.path), damage.offset, damage.seq, damage.reason)
            self.findings.append(found)
        except DamagedFileError as damage:
            found = Finding(str(damage.path), damage.offset, None, damage.reason)
            self.findings.append(found)
        except (CorruptLogError, NotFoundError) as damage:
            self.findings.append(Finding(str(file), None, None, str(damage)))


def audit_run(path: Path, verifier: Verifier | None = None, watch: Watch = unwatched) -> Audit:
    """Checks manifest, anchors, both streams of every shard and the snapshots of a run.

    An index is not checked: it is built again from the segments.
    """
    audit = Audit()
    manifest = audit_manifest(audit, path)
    entries: list[dict[str, Any]] = []
    anchor_log = AnchorLog(path)
    is_read = False
    with audit.noted(anchor_log.path):
        entries = anchor_log.entries(verifier)
        is_read = True
        require_anchors(anchor_log, verifier is not None, bool(manifest), entries)
    audit.anchors = len(entries)
    audit.signed = sum("signature" in entry for entry in entries)
    with RunDirectory(path, manifest, None) as run:
        for number in run.shards():
            anchors = [entry for entry in entries if entry["shard"] == number]
            shard = ShardAudit(audit, run.shard(number), anchors, "inputs" in manifest, watch)
            shard.execute(is_read)
    return audit


def audit_manifest(audit: Audit, path: Path) -> dict[str, Any]:
    """The manifest, empty when it cannot be read; NotFoundError when there is no run."""
    file = path / "manifest.json"
    if not file.is_file():
        read_manifest(path)
    fault = seal_fault(file.read_bytes())
    if fault is not None:
        audit.findings.append(Finding(str(file), 0, None, fault))
    try:
        return read_manifest(path)
    except (CorruptLogError, InputError):
        if fault is None:
            raise
        return {}


def require_anchors(
    log: AnchorLog, is_signed: bool, is_closed: bool, entries: list[dict[str, Any]]
) -> None:
    """A closed run has whole anchors; with a key there is at least one."""
    if log.torn_bytes() and is_closed:
        offset = log.path.stat().st_size - log.torn_bytes()
        raise DamagedFileError(log.path, offset, "the last anchor is cut off")
    if is_signed and not entries:
        raise DamagedFileError(log.path, 0, "there is no anchor, so nothing is signed")


class ShardAudit:
    """Checks one shard's streams against all their anchors, and its snapshots."""

    def __init__(
        self,
        audit: Audit,
        log: ShardLog,
        anchors: list[dict[str, Any]],
        is_closed: bool,
        watch: Watch,
    ) -> None:
        self.audit, self.log, self.is_closed, self.watch = audit, log, is_closed, watch
        self.before: dict[str, bytes] = {
            stream: chain_origin(stream, log.shard) for stream in STREAMS
        }
        pruned = [entry for entry in anchors if entry.get("reason") == "prune"]
        self.cuts = {stream: set(anchored(pruned, stream)) for stream in STREAMS}
        self.numbers = {entry["number"] for entry in anchors}
        self.heads = {stream: anchored(anchors, stream) for stream in STREAMS}

    def execute(self, are_anchors_read: bool) -> None:
        """Checks everything; findings go to the audit."""
        directory = self.log.directory
        last: dict[str, Anchor] = {}
        with self.audit.noted(directory / "anchor.json"):
            self._require_seal(directory / "anchor.json")
            last = self.log.anchors()
            if are_anchors_read:
                self._require_last(directory / "anchor.json")
        with self.audit.noted(directory / "reference.bin"):
            read_carried(directory)
        infos: list[SnapshotInfo] = []
        with self.audit.noted(directory / "snapshots"):
            infos = self._snapshots()
            self.log.start()
        for info in infos:
            self.heads["inputs"][info.seq] = ("snapshots", info.input_chain)
            self.heads["outputs"][info.out_seq] = ("snapshots", info.output_chain)
        for stream in STREAMS:
            with self.audit.noted(directory):
                self._stream(stream, last.get(stream))

    def _require_seal(self, path: Path) -> None:
        fault = seal_fault(path.read_bytes()) if path.exists() else None
        if fault is None and self.is_closed and not path.exists():
            fault = "it is missing, though the run was closed"
        if fault is not None:
            raise DamagedFileError(path, 0, fault)

    def _require_last(self, path: Path) -> None:
        """The run's anchors reach the one that was written down beside the segments.

        It is written behind theirs; they are read again where a log that is written got one.
        """
        number = msgspec.json.decode(path.read_bytes())["number"] if path.exists() else 0
        anchors = AnchorLog(self.log.directory.parent)
        if number not in (0, *self.numbers) and not self.is_closed:
            self.numbers |= {entry["number"] for entry in anchors.entries()}
        if number not in (0, *self.numbers):
            file = anchors.path
            size = file.stat().st_size if file.exists() else 0
            raise DamagedFileError(file, size, f"anchor {number} is missing at the end")

    def _snapshots(self) -> list[SnapshotInfo]:
        store = self.log.snapshots(read_only=True)
        try:
            infos = store.entries()
            for info in infos:
                with self.audit.noted(self.log.directory / "snapshots"):
                    store.load(info.seq)
                    self.audit.snapshots += 1
                self.watch("reading snapshots", self.audit.snapshots)
        finally:
            store.close()
        return infos

    def _require_cut(self, stream: str) -> None:
        """Records that are gone were pruned: an anchor keeps the chain head at their end."""
        paths = list_segments(self.log.directory, stream)
        first = named_seq(paths[0]) if paths else 1
        if first == 1:
            return
        cut = Segment(paths[0], stream)
        kept = [seq for seq in self.cuts[stream] if seq >= first - 1]
        if not kept:
            raise cut.damaged(
                0, first, f"{stream} before seq {first} are gone and no anchor says so"
            )
        if first - 1 in kept and self.heads[stream][first - 1][1] != cut.chain_head:
            raise cut.damaged(0, first, "the chain does not continue what was pruned")
        self.before[stream] = cut.chain_head

    def _stream(self, stream: str, anchor: Anchor | None) -> None:
        self._require_cut(stream)
        report = check(
            self.log.directory,
            stream,
            anchor=anchor,
            shard=self.log.shard,
            watch=lambda frame: self._frame(stream, frame),
        )
        missing = [seq for seq in self.heads[stream] if seq > report.last_seq]
        if missing:
            source = self.heads[stream][max(missing)][0]
            raise CorruptLogError(
                f"{self.log.directory}: {stream} end at seq {report.last_seq}, but seq "
                f"{max(missing)} was durable ({source})"
            )
        self._end(report)

    def _frame(self, stream: str, frame: Frame) -> None:
        """Compares the chain at each anchored position that lies in the frame."""
        self.audit.records += frame.count
        self.watch("checking", self.audit.records)
        heads = self.heads[stream]
        for seq in [seq for seq in heads if frame.first_seq <= seq <= frame.last_seq]:
            source, expected = heads[seq]
            if chain_at(frame, seq, self.before[stream]) != expected:
                reason = f"the chain here is not the one that {source} keeps"
                raise DamagedLogError(frame.path, frame.offset, seq, reason)
        self.before[stream] = frame.chain_head

    def _end(self, report: LogReport) -> None:
        if report.torn is None:
            return
        torn = report.torn
        if self.is_closed:
            reason = f"{torn.size} bytes behind the end of a closed log ({torn.reason})"
            raise DamagedLogError(torn.path, torn.offset, report.last_seq + 1, reason)
        self.audit.notes.append(
            f"{torn.path}: {torn.size} bytes of an unfinished write at byte {torn.offset}; they "
            "are cut when the run is opened for writing"
        )


def anchored(anchors: list[dict[str, Any]], stream: str) -> dict[int, tuple[str, bytes]]:
    """Position -> (who says so, chain head) of one stream."""
    rows = [(entry["number"], entry.get(stream)) for entry in anchors]
    return {
        row["seq"]: (f"anchor {number}", bytes.fromhex(row["chain_head"]))
        for number, row in rows
        if row is not None
    }


def chain_at(frame: Frame, seq: int, before: bytes) -> bytes:
    """Chain head after record `seq` of a proven frame, `before` being the head before it."""
    if seq == frame.last_seq:
        return frame.chain_head
    end = int(frame.record_offsets()[seq - frame.first_seq + 1])
    return chain_records(frame.stream, before, frame.payload[:end])[0]

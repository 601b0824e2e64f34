"""Re-executes one shard and compares outputs, chains, and the state wherever one was written down.

A verification that is stopped goes on where it was: its own snapshot and what it had found lie
below the run, and count only while the run's files and the program are the same.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from aggregates import kernel
from schemas.envelope import OUT_HEADER
from schemas.errors import CorruptLogError, NotFoundError, VenuefoldError
from schemas.units import NS_PER_S
from schemas.wire import iter_raw_outputs
from streams.clock import Clock
from streams.log.files import replace_durably
from streams.log.run import RunDirectory
from streams.log.segment import STREAMS, list_segments
from streams.log.segments import Frame
from streams.log.shard_log import ShardLog
from streams.log.snapshots import Snapshot, SnapshotStore
from streams.replay.bisect import narrowed
from streams.replay.decision_hash import DecisionHash
from streams.replay.interrupt import InterruptError
from streams.replay.logged import LoggedOutputs, divergence, proven_frames
from streams.replay.verdict import ShardVerdict

PROGRESS_FOLDER = "verify"
KEEP_EVERY_NS = 20 * NS_PER_S


@dataclass(frozen=True)
class Job:
    """One shard to verify: from its start, or from the newest snapshot at or before `from_seq`."""

    path: Path
    shard: int
    core: str
    from_seq: int | None = None
    resume: bool = True


Watch = Callable[[int, int], None]
"""Told (shard, inputs folded); raises to stop."""


class ShardVerifier:
    """One shard's engine beside what was logged."""

    def __init__(self, run: RunDirectory, job: Job, watch: Watch, clock: Clock) -> None:
        self.job, self.watch, self.clock = job, watch, clock
        self.log: ShardLog = run.shard(job.shard)
        self.engine = kernel.load(job.core, job.shard)
        self.is_closed = "inputs" in run.manifest
        self.verdict = ShardVerdict(shard=job.shard)
        self.decisions = DecisionHash()
        self.kept = Kept(run, job)
        self.states = known_states(self.log)
        self.logged = LoggedOutputs(iter(()))

    def execute(self) -> ShardVerdict:
        """Re-executes to the end of the log."""
        self._start()
        outputs = proven_frames(self.log, "outputs", self.verdict, self.engine.out_seq + 1)
        self.logged = LoggedOutputs(outputs)
        first_seq = self.engine.seq
        self._fold(first_seq)
        while extra := self.logged.take_record():
            if self._came_meanwhile(extra):
                self._fold(first_seq)
            else:
                self.verdict.differ(divergence(self.logged.take_record(), b""))
        return self._finished()

    def _came_meanwhile(self, extra: bytes) -> bool:
        """Gives an output back; whether the log is being written and has inputs for it by now.

        An output is in its file only when its input is on disk, so the input is found this time.
        """
        self.logged.give_back(extra)
        is_behind = OUT_HEADER.unpack(extra).seq > self.engine.seq
        if self.is_closed or not is_behind:
            return False
        found = proven_frames(self.log, "inputs", self.verdict, self.engine.seq + 1)
        return next(found, None) is not None

    def _fold(self, first_seq: int) -> None:
        """Folds the inputs that are there now."""
        verdict, engine, kept_ns = self.verdict, self.engine, self.clock.elapsed_ns()
        for frame in proven_frames(self.log, "inputs", verdict, engine.seq + 1):
            for piece in self._pieces(frame):
                self._step(piece, frame)
            verdict.inputs, verdict.executed = engine.seq, engine.seq - first_seq
            is_due = self.clock.elapsed_ns() - kept_ns > KEEP_EVERY_NS
            self._watched(is_due)
            kept_ns = self.clock.elapsed_ns() if is_due else kept_ns

    def _start(self) -> None:
        """Takes over a verification that was stopped, a snapshot, or nothing."""
        kept = self.kept.load() if self.job.resume else None
        if kept is not None:
            self.verdict, snapshot = kept
            self.engine.restore(snapshot.state)
            self.verdict.resumed_at = snapshot.info.seq
            if self.verdict.is_whole:
                self.decisions.add_logged(self.log, snapshot.info.out_seq)
            return
        snapshot_ = start_of(self.log, self.job.from_seq)
        if snapshot_ is not None:
            self.engine.restore(snapshot_.state)
            self.verdict.is_whole = False
            self.verdict.good_seq = self.verdict.inputs = self.engine.seq

    def _watched(self, is_due: bool) -> None:
        """Says how far it is; keeps what was found when it is due or when it is stopped."""
        try:
            self.watch(self.job.shard, self.engine.seq)
        except InterruptError:
            self.kept.store(self.verdict, self.engine)
            raise
        if is_due:
            self.kept.store(self.verdict, self.engine)

    def _pieces(self, frame: Frame) -> Iterator[memoryview]:
        """A frame's records, cut where a state is known."""
        cuts = sorted(seq for seq in self.states if frame.first_seq <= seq < frame.last_seq)
        start = 0
        for seq in cuts:
            end = int(frame.record_offsets()[seq + 1 - frame.first_seq])
            yield frame.payload[start:end]
            start = end
        yield frame.payload[start:]

    def _step(self, piece: memoryview, frame: Frame) -> None:
        _, outputs = self.engine.step(piece)
        if outputs:
            self.decisions.add(outputs)
            self._compare(outputs, frame)
        expected = self.states.get(self.engine.seq)
        if expected is not None:
            self._compare_state(*expected)

    def _compare(self, outputs: bytes, frame: Frame) -> None:
        """Compares whole; only when that fails, record by record."""
        expected = self.logged.take(len(outputs))
        if expected == outputs:
            return
        self.logged.give_back(expected)
        for _, raw in iter_raw_outputs(outputs):
            record = self.logged.take_record()
            if record == raw:
                continue
            if not record and not self.is_closed:
                self.verdict.outputs_missing += 1
            elif self.verdict.first_divergence is None:
                self.verdict.differ(self._narrowed(divergence(record, bytes(raw)), frame))
            else:
                self.verdict.mismatches += 1

    def _compare_state(self, source: str, state_hash: str) -> None:
        verdict = self.verdict
        executed = kernel.state_hash(self.engine)
        if executed == state_hash:
            verdict.states += 1
            if not verdict.mismatches:
                verdict.good_seq = self.engine.seq
            return
        what = {
            "what": f"state at input {self.engine.seq} of shard {self.job.shard} ({source})",
            "shard": self.job.shard,
            "seq": self.engine.seq,
            "out_seq": self.engine.out_seq,
            "fields": ["state_hash"],
            "logged": state_hash,
            "executed": executed,
        }
        if verdict.first_divergence is None:
            what = self._narrowed(what, None)
        verdict.differ(what)

    def _narrowed(self, what: dict[str, Any], frame: Frame | None) -> dict[str, Any]:
        """The divergence with the first input that the cores fold differently, if they do."""
        seq = what["seq"] or self.engine.seq
        return {**what, **narrowed(self.log, self.job.core, self.verdict.good_seq, seq, frame)}

    def _finished(self) -> ShardVerdict:
        self.kept.remove()
        verdict = self.verdict
        verdict.decisions = self.decisions.decisions
        verdict.decision_hash = self.decisions.hexdigest()
        verdict.state_hash = kernel.state_hash(self.engine)
        return verdict


class Kept:
    """What a stopped verification had found, and its engine's state there."""

    def __init__(self, run: RunDirectory, job: Job) -> None:
        self.folder = run.path / PROGRESS_FOLDER / f"{job.core}-shard-{job.shard:03d}"
        self.file = self.folder / "found.json"
        self._run, self._job = run, job

    def store(self, verdict: ShardVerdict, engine: kernel.Engine) -> None:
        """Keeps a flawless verification; silently not where the folder cannot be written."""
        if not verdict.passed:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            store = SnapshotStore(self.folder)
            seqs = (engine.seq, engine.out_seq, engine.log_ns)
            store.put(*seqs, bytes(32), bytes(32), engine.state_bytes())
            store.prune(1)
            found = {"seq": engine.seq, "of": self._facts(), "found": verdict}
            replace_durably(self.file, msgspec.json.encode(found))
        except OSError:
            self.remove()

    def load(self) -> tuple[ShardVerdict, Snapshot] | None:
        """What was kept of the same files by the same program, None when there is nothing."""
        try:
            kept = msgspec.json.decode(self.file.read_bytes())
            if kept["of"] != self._facts():
                return None
            verdict = msgspec.convert(kept["found"], ShardVerdict)
            return verdict, SnapshotStore(self.folder, read_only=True).load(kept["seq"])
        except (OSError, msgspec.MsgspecError, KeyError, VenuefoldError):
            return None

    def remove(self) -> None:
        """Forgets it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            self.folder.parent.rmdir()
        except OSError:
            return

    def _facts(self) -> dict[str, Any]:
        """What must be the same for a verification to go on."""
        log, run = self._run.shard(self._job.shard), self._run.path
        files = [
            run / "manifest.json",
            *(p for s in STREAMS for p in list_segments(log.directory, s)),
        ]
        facts = {p.name: [p.stat().st_size, p.stat().st_mtime_ns] for p in files}
        return {
            "files": facts,
            "generation": kernel.GENERATION.hex(),
            "core": self._job.core,
            "from_seq": self._job.from_seq,
        }


def known_states(log: ShardLog) -> dict[int, tuple[str, str]]:
    """Position -> (who says so, state hash) of every anchor and snapshot of a shard."""
    found: dict[int, tuple[str, str]] = {}
    try:
        for info in log.snapshots(read_only=True).entries():
            found[info.seq] = ("snapshot", info.state_hash.hex())
    except CorruptLogError:
        pass  # a damaged snapshot is what `sor log check` names
    try:
        for entry in log.anchor_log().entries():
            if entry["shard"] == log.shard and entry.get("state_hash"):
                seq = entry["inputs"]["seq"]
                found[seq] = (f"anchor {entry['number']}", entry["state_hash"])
    except CorruptLogError:
        pass
    return found


def start_of(log: ShardLog, from_seq: int | None) -> Snapshot | None:
    """The snapshot to start from; NotFoundError when one is asked for and there is none."""
    if from_seq is None:
        return log.start()
    found = log.snapshots(read_only=True).latest(from_seq)
    if found is None:
        raise NotFoundError(
            f"{log.directory}: no snapshot at or before input {from_seq}; leave --from-seq out, or "
            "see `sor log info` for those that there are"
        )
    return found

"""Re-executes a run's inputs and compares every output byte, the chains and the final state."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aggregates import kernel
from schemas.errors import InputError
from schemas.units import NS_PER_S
from schemas.wire import decode_output, iter_raw_outputs, to_dict
from streams.clock import Clock, SystemClock
from streams.log.errors import DamagedLogError
from streams.log.run import RunDirectory
from streams.log.segments import Frame
from streams.log.shard_log import ShardLog
from streams.replay.decision_hash import DecisionHash
from streams.replay.interrupt import Interrupt
from streams.replay.replay import Progress, joined_hash, no_progress


@dataclass
class Verdict:
    """What a verification found.

    `mismatches` counts output records that differ, lack or are too many, and facts of the manifest
    that do not hold. `outputs_missing` counts outputs that a killed run did not get to write. A
    pruned run is not whole: its early decisions are gone, so their hash is not compared.
    """

    inputs: int = 0
    mismatches: int = 0
    outputs_missing: int = 0
    first_divergence: dict[str, Any] | None = None
    chain: str = "ok"
    is_whole: bool = True
    state_hashes: list[str] = field(default_factory=list)
    decisions: DecisionHash = field(default_factory=DecisionHash)

    @property
    def passed(self) -> bool:
        """Whether the log is what the engine makes of the inputs, and unchanged since."""
        return not self.mismatches and self.chain == "ok"

    def differ(self, what: dict[str, Any]) -> None:
        """Counts a mismatch and keeps the first."""
        self.mismatches += 1
        self.first_divergence = self.first_divergence or what

    def break_chain(self, why: str) -> None:
        """Keeps the first reason why a log is not the one that was written."""
        self.chain = self.chain if self.chain != "ok" else f"broken: {why}"


class LoggedOutputs:
    """The output log as one stream of bytes that is read piece by piece."""

    def __init__(self, frames: Iterator[Frame]) -> None:
        self._frames = frames
        self._piece = memoryview(b"")

    def take(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end."""
        parts: list[memoryview] = []
        while size and self._refill():
            part = self._piece[:size]
            self._piece = self._piece[len(part) :]
            size -= len(part)
            parts.append(part)
        return b"".join(parts)

    def take_record(self) -> bytes:
        """The next whole record, b"" at the end."""
        start = self.take(4)
        return start + self.take(int.from_bytes(start, "little") - 4) if start else b""

    def give_back(self, taken: bytes) -> None:
        """Takes bytes as not read."""
        self._piece = memoryview(taken + bytes(self._piece))

    def _refill(self) -> bool:
        while not self._piece:
            frame = next(self._frames, None)
            if frame is None:
                return False
            self._piece = frame.payload
        return True


def verify(
    path: Path,
    core: str,
    interrupt: Interrupt,
    progress: Progress = no_progress,
    clock: Clock | None = None,
) -> tuple[Verdict, dict[str, Any]]:
    """(verdict, result with the keys of `sor verify --json`) of the run at `path`."""
    clock = clock or SystemClock()
    started_ns = clock.elapsed_ns()
    verdict = Verdict()
    with RunDirectory.open(path) as run:
        require_generation(run.manifest)
        for shard in run.shards():
            _verify_shard(run, shard, core, verdict, progress, interrupt)
        _compare_with_manifest(run.manifest, verdict)
    elapsed_s = (clock.elapsed_ns() - started_ns) / NS_PER_S
    return verdict, {
        "inputs": verdict.inputs,
        "decisions": verdict.decisions.decisions,
        "mismatches": verdict.mismatches,
        "first_divergence": verdict.first_divergence,
        "chain": verdict.chain,
        "state_hash": joined_hash(verdict.state_hashes),
        "decision_hash": verdict.decisions.hexdigest(),
        "inputs_per_s": round(verdict.inputs / elapsed_s) if elapsed_s else 0,
    }


def require_generation(manifest: dict[str, Any]) -> None:
    """InputError when another engine generation made the run."""
    versions = manifest.get("versions", {})
    wrote = versions.get("engine_generation", "")
    if wrote != kernel.GENERATION.hex():
        raise InputError(
            f"the run was made by engine generation {wrote[:16] or 'unknown'}, this program is "
            f"{kernel.GENERATION.hex()[:16]}; verify it with venuefold "
            f"{versions.get('venuefold', 'of its own version')}"
        )


def _verify_shard(
    run: RunDirectory,
    shard: int,
    core: str,
    verdict: Verdict,
    progress: Progress,
    interrupt: Interrupt,
) -> None:
    log, engine = run.shard(shard), kernel.load(core, shard)
    start = log.start()  # of a log that was pruned
    if start is not None:
        engine.restore(start.state)
        verdict.is_whole = False
    logged = LoggedOutputs(proven_frames(log, "outputs", verdict, engine.out_seq + 1))
    total = int(run.manifest.get("inputs", 0))
    for frame in proven_frames(log, "inputs", verdict, engine.seq + 1):
        interrupt.check()
        _, outputs = engine.step(frame.payload)
        if outputs:
            verdict.decisions.add(outputs)
            _compare(verdict, outputs, logged, "inputs" in run.manifest)
        progress("verifying", verdict.inputs + engine.seq, total)
    while extra := logged.take_record():
        verdict.differ(divergence(extra, b""))
    verdict.inputs += engine.seq
    verdict.state_hashes.append(kernel.state_hash(engine))


def proven_frames(log: ShardLog, stream: str, verdict: Verdict, start_seq: int) -> Iterator[Frame]:
    """Frames from `start_seq`; a break of the chain is noted and reading goes on, other damage
    raises.
    """
    reader = log.reader(stream, start_seq if start_seq > 1 else None)
    try:
        yield from reader
    except DamagedLogError as damage:
        verdict.break_chain(str(damage))
        reader = log.reader(stream, max(1, damage.seq), verify_chain=False)
        yield from reader
    anchor = log.anchors().get(stream)
    if anchor is None:
        return
    last_seq = reader.next_seq - 1
    if last_seq < anchor.seq:
        verdict.break_chain(f"{stream} end at {last_seq}, but {anchor.seq} was durable")
    elif last_seq == anchor.seq and last_seq and reader.chain_head != anchor.chain_head:
        verdict.break_chain(f"{stream} at {last_seq} are not those that were anchored")


def _compare(verdict: Verdict, outputs: bytes, logged: LoggedOutputs, is_closed: bool) -> None:
    """Compares whole; only when that fails, record by record."""
    expected = logged.take(len(outputs))
    if expected == outputs:
        return
    logged.give_back(expected)
    for _, raw in iter_raw_outputs(outputs):
        record = logged.take_record()
        if record == raw:
            continue
        if not record and not is_closed:
            verdict.outputs_missing += 1
        else:
            verdict.differ(divergence(record, bytes(raw)))


def divergence(logged: bytes, executed: bytes) -> dict[str, Any]:
    """Position and both records; None stands for a record that is not there."""
    one, other = decoded(logged), decoded(executed)
    known = one or other or {}
    names = {**(one or {}), **(other or {})}
    differing = [name for name in names if (one or {}).get(name) != (other or {}).get(name)]
    return {
        "shard": known.get("shard"),
        "seq": known.get("seq"),
        "out_seq": known.get("out_seq"),
        "fields": differing if one and other else [],
        "logged": one,
        "executed": other,
    }


def decoded(raw: bytes) -> dict[str, Any] | None:
    """A record as plain values, its bytes where it cannot be decoded, None for nothing."""
    if not raw:
        return None
    try:
        return to_dict(decode_output(raw))
    except (InputError, ValueError, IndexError, struct.error) as error:
        return {"undecodable": str(error), "bytes": raw[:64].hex()}


def _compare_with_manifest(manifest: dict[str, Any], verdict: Verdict) -> None:
    """A run that was closed says what its hashes are."""
    executed = {
        "inputs": verdict.inputs,
        "state_hash": joined_hash(verdict.state_hashes),
        "decision_hash": verdict.decisions.hexdigest(),
    }
    if not verdict.is_whole:
        del executed["decision_hash"]
    for name, value in executed.items():
        if name in manifest and manifest[name] != value:
            verdict.differ({"what": name, "logged": manifest[name], "executed": value})

"""What a verification found, of one shard and of a run."""

from __future__ import annotations

from typing import Any

import msgspec

from streams.replay.decision_hash import combined


class ShardVerdict(msgspec.Struct, kw_only=True):
    """What was found in one shard.

    `inputs` counts from the start of the log, `executed` those of this time. `mismatches` counts
    output records that differ, lack or are too many, and states that are not those of an anchor or
    snapshot. `outputs_missing` counts outputs that a killed run did not get to write. A shard that
    was pruned, or verified from a snapshot on, is not whole: the hash of its early decisions is not
    known. `good_seq` is the last position whose state was proven.
    """

    shard: int
    inputs: int = 0
    executed: int = 0
    decisions: int = 0
    decision_hash: str = ""
    state_hash: str = ""
    mismatches: int = 0
    outputs_missing: int = 0
    states: int = 0
    good_seq: int = 0
    resumed_at: int = 0
    chain: str = "ok"
    is_whole: bool = True
    first_divergence: dict[str, Any] | None = None

    @property
    def passed(self) -> bool:
        """Whether the shard's log is what the engine makes of the inputs, and unchanged since."""
        return not self.mismatches and self.chain == "ok"

    def differ(self, what: dict[str, Any]) -> None:
        """Counts a mismatch and keeps the first."""
        self.mismatches += 1
        self.first_divergence = self.first_divergence or what

    def break_chain(self, why: str) -> None:
        """Keeps the first reason why a log is not the one that was written."""
        self.chain = self.chain if self.chain != "ok" else f"broken: {why}"


class Verdict(msgspec.Struct):
    """What was found in a run: its shards, and facts of the manifest that do not hold."""

    shards: list[ShardVerdict]
    manifest_faults: list[dict[str, Any]] = []

    @property
    def passed(self) -> bool:
        """Whether everything holds."""
        return not self.manifest_faults and all(shard.passed for shard in self.shards)

    @property
    def mismatches(self) -> int:
        """In all shards, and in the manifest."""
        return sum(s.mismatches for s in self.shards) + len(self.manifest_faults)

    @property
    def first_divergence(self) -> dict[str, Any] | None:
        """Of the first shard that has one, else of the manifest."""
        found = [s.first_divergence for s in self.shards if s.first_divergence]
        return next(iter([*found, *self.manifest_faults]), None)

    @property
    def chain(self) -> str:
        """The word ok, or the first reason why it is not."""
        return next((s.chain for s in self.shards if s.chain != "ok"), "ok")

    @property
    def outputs_missing(self) -> int:
        """In all shards."""
        return sum(s.outputs_missing for s in self.shards)

    @property
    def is_whole(self) -> bool:
        """Whether every shard was executed from its first input."""
        return all(s.is_whole for s in self.shards)

    @property
    def inputs(self) -> int:
        """Inputs folded, those before a start in the middle included."""
        return sum(s.inputs for s in self.shards)

    @property
    def state_hash(self) -> str:
        """The state hashes in shard order."""
        return "+".join(s.state_hash for s in self.shards)

    @property
    def decision_hash(self) -> str:
        """Over the decisions of all shards."""
        return combined([s.decision_hash for s in self.shards])

    def compare(self, manifest: dict[str, Any]) -> None:
        """A run that was closed says what its hashes are."""
        executed = {"inputs": self.inputs, "state_hash": self.state_hash}
        if self.is_whole:
            executed["decision_hash"] = self.decision_hash
        for name, value in executed.items():
            if name in manifest and manifest[name] != value:
                fault = {"what": name, "logged": manifest[name], "executed": value}
                self.manifest_faults.append(fault)

    def facts(self, elapsed_s: float) -> dict[str, Any]:
        """The keys of `sor verify --json`."""
        executed = sum(s.executed for s in self.shards)
        return {
            "inputs": self.inputs,
            "decisions": sum(s.decisions for s in self.shards),
            "mismatches": self.mismatches,
            "first_divergence": self.first_divergence,
            "chain": self.chain,
            "state_hash": self.state_hash,
            "decision_hash": self.decision_hash,
            "inputs_per_s": round(executed / elapsed_s) if elapsed_s else 0,
            "executed": executed,
            "outputs_missing": self.outputs_missing,
            "states": sum(s.states for s in self.shards),
            "shards": [msgspec.to_builtins(s) for s in self.shards],
        }

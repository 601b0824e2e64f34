"""Opens a shard where it ended: snapshot, then the log's tail, then what was on its way.

Outputs that the tail gives and the log lost are appended again, the same bytes. Children and
cancels since the snapshot are handed to the gateway again, which drops those it has; reports that
the log holds already are dropped by their number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.codes import InputType
from schemas.envelope import HEADER, OUT_HEADER
from schemas.errors import CorruptLogError
from schemas.wire import iter_inputs, iter_raw_outputs
from streams.log.shard_log import Recovery
from streams.log.snapshots import Snapshot, SnapshotStore
from streams.runtime_embedded.engine_shard import EngineShard
from streams.runtime_embedded.gateway import Arrivals, no_market
from streams.runtime_embedded.sidecar import Beside, Sidecar

Told = Callable[[str], None]


@dataclass
class Keeper:
    """Takes snapshots of a shard, each with what stands beside it."""

    shard: EngineShard
    store: SnapshotStore
    sidecar: Sidecar

    def snapshot(self) -> None:
        """Store the state and what stands beside it, with everything up to it settled."""
        shard = self.shard
        shard.settle_all()
        input_chain = durable_chain(shard.log.inputs)
        output_chain = durable_chain(shard.log.outputs)
        known = {s: int(n) for s, n in enumerate(shard.last_seq) if n}
        rows, gateway = shard.identities.rows(), shard.gateway.save()
        self.sidecar.put(Beside(shard.engine.seq, known, rows, gateway))
        self.store.put(
            seq=shard.engine.seq,
            out_seq=shard.engine.out_seq,
            log_ns=shard.engine.log_ns,
            input_chain=input_chain,
            output_chain=output_chain,
            state=shard.engine.state_bytes(),
        )
        self.store.prune(2)

    def close(self) -> None:
        """Close the files."""
        self.store.close()


def open_shard(shard: EngineShard, reference: bytes, told: Told) -> Keeper:
    """Recovers or begins the shard's log; `told` hears of the progress."""
    recovery = shard.log.open_writers()
    keeper = Keeper(shard, shard.log.snapshots(), Sidecar(shard.log.directory / "beside"))
    if recovery.inputs.last_seq == 0:
        shard.begin()
        shard.load(reference)
        keeper.snapshot()
        return keeper
    snapshot = newest(keeper.store, recovery)
    beside = Beside(0, {}, [], b"")
    if snapshot is not None:
        beside = keeper.sidecar.get(snapshot.info.seq)
        shard.engine.restore(snapshot.state)
    told(
        f"shard {shard.log.shard}: from the snapshot at {beside.seq} to {recovery.inputs.last_seq}"
    )
    go_on(shard, beside, recovery)
    keeper.snapshot()
    return keeper


def go_on(shard: EngineShard, beside: Beside, recovery: Recovery) -> None:
    """Folds the log's tail and takes up what was on its way."""
    for source, seq in beside.sources.items():
        shard.last_seq[source] = seq
    shard.identities.load(beside.orders)
    outputs = fold_tail(shard, beside.seq)
    append_lost(shard, outputs, recovery.outputs.last_seq)
    shard.begin()
    reports = shard.gateway.restore(beside.gateway, shard.clock.now_ns()).reports
    shard.hand_over(outputs)
    if len(reports):
        source = int(reports["source"][0])
        is_new = reports["source_seq"] > shard.last_seq[source]
        shard.arrive(Arrivals(no_market(), reports[is_new]))


def newest(store: SnapshotStore, recovery: Recovery) -> Snapshot | None:
    """The newest snapshot that both streams reach: a power cut can keep more of the inputs."""
    for info in reversed(store.entries()):
        if info.seq > recovery.inputs.last_seq or info.out_seq > recovery.outputs.last_seq:
            continue
        try:
            return store.load(info.seq)
        except CorruptLogError:
            continue  # an older one only takes longer
    return None


def fold_tail(shard: EngineShard, after_seq: int) -> bytes:
    """Steps the inputs after a position; what they gave."""
    outputs = []
    for frame in shard.log.reader("inputs", after_seq + 1):
        _, said = shard.engine.step(frame.payload)
        outputs.append(said)
        learn(shard, frame.payload, frame.first_seq)
    return b"".join(outputs)


def learn(shard: EngineShard, payload: Any, first_seq: int) -> None:
    """Counters and identities that follow from logged inputs."""
    for seq, (kind, raw) in enumerate(iter_inputs(payload), first_seq):
        header = HEADER.unpack(raw)
        last = int(shard.last_seq[header.source])
        shard.last_seq[header.source] = np.uint64(max(last, header.source_seq))
        if kind == InputType.NEW_ORDER:
            shard.identities.observe(raw, seq)


def append_lost(shard: EngineShard, outputs: bytes, last_out_seq: int) -> None:
    """Appends outputs that the log does not hold."""
    lost = [
        bytes(raw)
        for _, raw in iter_raw_outputs(outputs)
        if OUT_HEADER.unpack(raw).out_seq > last_out_seq
    ]
    if lost:
        shard.log.outputs.append(b"".join(lost), len(lost), shard.engine.log_ns)


def durable_chain(writer: Any) -> bytes:
    """Chain head of a stream with everything appended so far on disk."""
    if writer.next_seq > 1:
        writer.wait_durable(writer.next_seq - 1)
    head: bytes = writer.position()[1]
    return head

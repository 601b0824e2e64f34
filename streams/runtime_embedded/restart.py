"""Opens a shard where it ended: snapshot, then the log's tail, then what was on its way.

The tail is executed natively, in large pieces; outputs that it gives and the log lost are appended
again, the same bytes. The gateway says how far it has taken what it was sent, and gets everything
after that from the output log; reports that the log holds already are dropped by their number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from schemas.codes import OutputType
from streams.log.picking import picked, pieces
from streams.log.shard_log import ShardLog
from streams.replay.restore import restore
from streams.runtime_embedded.engine_shard import EngineShard
from streams.runtime_embedded.gateway import Arrivals, no_market
from streams.runtime_embedded.known import Known
from streams.runtime_embedded.sidecar import Sidecar
from streams.runtime_embedded.snapshot_process import SnapshotProcess

SENDS = (
    OutputType.CHILD,
    OutputType.CANCEL_CHILD,
    OutputType.REPLACE_CHILD,
    OutputType.STATUS_REQUEST,
)
Told = Callable[[str], None]


@dataclass
class Keeper:
    """Keeps what a restart needs that does not follow from the log: the gateway's state.

    Snapshots are taken by `process`, which has its own engine; None takes none.
    """

    shard: EngineShard
    saved: Sidecar
    process: SnapshotProcess | None = None
    snapshots: int = 0
    newest_seq: int = 0

    def keep(self) -> None:
        """Saves the gateway's state without waiting for the disk, and looks after the process."""
        self.shard.log.reference_version = self.shard.engine.reference_version
        save_gateway(self.shard, self.saved)
        if self.process is not None:
            newest = newest_snapshot(self.shard.log)
            self.snapshots += newest > self.newest_seq
            self.newest_seq = newest
            self.process.look_after()

    def finish(self) -> None:
        """Lets the last snapshot be taken; the log must be closed."""
        if self.process is not None:
            self.process.finish()


def open_shard(shard: EngineShard, reference: bytes, told: Told) -> Keeper:
    """Recovers or begins the shard's log; `told` hears of the progress."""
    log, known = shard.log, Known(shard.log)
    restored = restore(log, shard.core, known)
    shard.take_over(restored.engine, known)
    saved = Sidecar(log.directory / "venues", "gateway")
    if restored.engine.seq == 0:
        shard.load(reference)
    else:
        told(
            f"shard {log.shard}: {restored.tail} inputs folded again to {restored.engine.seq}, "
            f"{restored.reappended} outputs made again"
        )
    resume_gateway(shard, saved)
    return Keeper(shard, saved, newest_seq=newest_snapshot(log))


def resume_gateway(shard: EngineShard, saved: Sidecar) -> None:
    """Takes up the gateway where its own journal ends, and hands it what it never got."""
    numbers = saved.numbers()
    contents = (saved.get(number) for number in reversed(numbers))
    content = next((content for content in contents if content is not None), b"")
    reports = shard.gateway.restore(content, shard.clock.now_ns()).reports
    hand_over(shard)
    if len(reports):
        source = int(reports["source"][0])
        is_new = reports["source_seq"] > shard.last_seq[source]
        shard.arrive(Arrivals(no_market(), reports[is_new]))


def hand_over(shard: EngineShard) -> None:
    """Gives the gateway the logged children and cancels after the last one that it took."""
    log, taken = shard.log, shard.gateway.taken_out_seq
    if log.outputs.next_seq <= taken + 1:
        return
    log.outputs.wait_durable(log.outputs.next_seq - 1)
    for first, records in pieces(log.reader("outputs", taken + 1, verify_chain=False)):
        for _, _, raw in picked("outputs", records, first, SENDS):
            shard.gateway.send(raw, shard.clock.now_ns())


def save_gateway(shard: EngineShard, saved: Sidecar) -> None:
    """Stores the gateway's state behind the last one."""
    numbers = saved.numbers()
    number = numbers[-1] + 1 if numbers else 1
    saved.put(number, shard.gateway.save(), is_durable=False)


def newest_snapshot(log: ShardLog) -> int:
    """Position of the newest snapshot, 0 for none."""
    return max((int(p.stem) for p in (log.directory / "snapshots").glob("*.snap")), default=0)

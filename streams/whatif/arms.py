"""Both arms: the logged market and orders in one fill simulator, each learning from its own.

Logged reports and timers are set aside. Latencies are each venue's `ack_prior_ns`, half each way,
as the run's reference records say; the manifest names what else of fills is modelled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregates import kernel
from schemas.codes import InputType
from schemas.envelope import HEADER, REFERENCE_TYPES
from schemas.market import QUOTE
from schemas.orders import NEW_ORDER
from schemas.reference import VENUE
from schemas.wire import iter_inputs
from streams.log.shard_log import ShardLog
from streams.replay.replay import Progress, no_progress
from streams.replay.shard_run import ShardRun
from streams.replay.wakes import Wakes, policies_of, postings_of
from streams.simulator.market import replay_market
from streams.whatif.policy_file import OtherPolicy
from streams.whatif.tally import Tally

_ASIDE = (InputType.EXEC_REPORT, InputType.TIMER)
_BROADCAST_SOURCE = 0
_POLICY_AT = NEW_ORDER.offsets()["policy"][0]
Change = Callable[[int, bytes], bytes]
"""(type, record) -> the record as an arm sees it."""


class LoggedMarket:
    """What a shard's log holds of the world, without what our own orders made of it."""

    def __init__(self, log: ShardLog) -> None:
        self.log = log
        self.reference = self._reference()

    def _reference(self) -> bytes:
        """The records of source 0 before anything else."""
        found = []
        for kind, raw in self._records():
            if raw[3] != _BROADCAST_SOURCE or kind not in REFERENCE_TYPES:
                break
            found.append(raw)
        return b"".join(found)

    def _records(self) -> Iterator[tuple[int, bytes]]:
        for frame in self.log.reader("inputs", verify_chain=False):
            yield from iter_inputs(frame.payload)

    def batches(self, change: Change) -> Iterator[bytes]:
        """Frames after the reference records, as an arm sees them."""
        skip = len(self.reference)
        for frame in self.log.reader("inputs", verify_chain=False):
            kept, size = [], 0
            for kind, raw in iter_inputs(frame.payload):
                size += len(raw)
                if size <= skip or kind in _ASIDE:
                    continue
                kept.append(change(kind, raw))
            skip = max(0, skip - size)
            if kept:
                yield b"".join(kept)

    def touches(self) -> NDArray[np.void]:
        """Every top-of-book quote, dtype QUOTE.dtype, in order."""
        raws = [
            raw for kind, raw in self._records() if kind == InputType.QUOTE and raw[1] & 0x0F == 0
        ]
        return np.frombuffer(b"".join(raws), QUOTE.dtype)

    def latencies(self) -> list[tuple[int, int]]:
        """(way out, way back) by dense venue id."""
        pairs = []
        for kind, raw in iter_inputs(self.reference):
            if kind == InputType.VENUE:
                round_trip_ns = VENUE.unpack(raw).ack_prior_ns
                pairs.append((round_trip_ns // 2, round_trip_ns - round_trip_ns // 2))
        return pairs


def run_arm(
    market: LoggedMarket,
    other: OtherPolicy | None,
    manifest: dict[str, Any],
    progress: Progress = no_progress,
) -> Tally:
    """One arm through the fill simulator; `other` None keeps the logged policies."""

    def change(kind: int, raw: bytes) -> bytes:
        if other is None:
            return raw
        if kind == InputType.POLICY:
            return other.change_policy(raw)
        if kind == InputType.NEW_ORDER and other.order_policy:
            policy = other.order_policy.to_bytes(4, "little")
            return raw[:_POLICY_AT] + policy + raw[_POLICY_AT + 4 :]
        return raw

    reference = b"".join(change(kind, raw) for kind, raw in iter_inputs(market.reference))
    fills = replay_market(
        first_terms(market.reference),
        market.latencies(),
        passive_model=manifest.get("passive_model", "traded_through"),
        seed=int(manifest.get("seed", 0)),
    )
    tally = Tally()
    engine = kernel.load("native", market.log.shard)
    journal: Any = tally
    wakes = Wakes(policies_of(reference), postings_of(reference))
    run = ShardRun(engine, fills, journal, wakes)
    run.load(reference)
    for batch in market.batches(change):
        run.feed(batch)
        progress("other policy" if other else "original policy", engine.seq, 0)
    run.drain()
    return tally


def first_terms(reference: bytes) -> bytes:
    """Reference records with each instrument once: a configuration repeats it with its policy."""
    kept, seen = [], set()
    for kind, raw in iter_inputs(reference):
        instrument = HEADER.unpack(raw).instrument
        if kind == InputType.INSTRUMENT and instrument in seen:
            continue
        if kind == InputType.INSTRUMENT:
            seen.add(instrument)
        kept.append(raw)
    return b"".join(kept)


def logged_tally(log: ShardLog) -> Tally:
    """What the log says became of the parents."""
    tally = Tally()
    for frame in log.reader("outputs", verify_chain=False):
        tally.add(frame.payload)
    return tally

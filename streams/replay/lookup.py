"""Finds decisions and orders in a run's logs by id, ClOrdID or order id."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from projections.views.explanation import Story, tell
from projections.views.names import Names
from schemas.codes import OutputType
from schemas.envelope import OUT_HEADER
from schemas.errors import CorruptLogError, InputError, NotFoundError
from schemas.events import Event, RefusalEvent, SmartRoutingDecisionEvent
from schemas.wire import decode_output, input_dict, iter_inputs, iter_raw_outputs
from streams.log.index import DecisionIndex, Location
from streams.log.proof import ChainProof, chain_proof
from streams.log.run import RunDirectory
from streams.log.shard_log import ShardLog
from streams.replay.summary import fold_names

ORDER_PREFIX = "order:"


@dataclass(frozen=True)
class Found:
    """What a subject turned out to be: a decision's story, or why its order was refused."""

    story: Story | None
    refusal: RefusalEvent | None
    names: Names
    proof: ChainProof | None
    manifest: dict[str, Any]


class RunLookup:
    """Reads one run; NotFoundError names what is not in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run = RunDirectory.open(path)
        self.names = Names()
        for shard in self.run.shards():
            fold_names(self.names, self.run.shard(shard))

    def find(self, subject: str) -> Found:
        """A decision by its id (out_seq), or the last one of an order."""
        for shard in self.run.shards():
            found = self._find_in(self.run.shard(shard), subject)
            if found is not None:
                return found
        raise NotFoundError(
            f"{self.path}: no decision or order {subject!r}; list them with `sor decisions`"
        )

    def between(self, start_ns: int, end_ns: int, most: int) -> list[Found]:
        """The first `most` decisions with start_ns <= log_ns < end_ns, of all shards, in order."""
        places: list[tuple[int, int, int]] = []
        for shard in self.run.shards():
            log = self.run.shard(shard)
            index = fresh_index(self.path, log)
            try:
                for place in index.decisions_between(start_ns, end_ns, most):
                    log_ns = OUT_HEADER.unpack(index.read(place)).log_ns
                    places.append((log_ns, shard, place.out_seq))
            finally:
                index.close()
        wanted = sorted(places)[:most]
        found = [self._find_in(self.run.shard(shard), str(seq)) for _, shard, seq in wanted]
        return [one for one in found if one is not None]

    def _find_in(self, log: ShardLog, subject: str) -> Found | None:
        """By the index; where it does not fit the log it is built again, once."""
        index = fresh_index(self.path, log)
        try:
            places, chosen = self._places(index, subject)
            events = [decode_output(index.read(place)) for place in places]
        except (CorruptLogError, NotFoundError):
            index.close()
            with RunDirectory.open(self.path, writable=True) as run:
                run.shard(log.shard).rebuild_index()
            index = log.index(read_only=True)
            places, chosen = self._places(index, subject)
            events = [decode_output(index.read(place)) for place in places]
        finally:
            index.close()
        return self._found(log, events, chosen) if events else None

    def _places(self, index: DecisionIndex, subject: str) -> tuple[list[Location], int]:
        """Records of the subject's order, and the decision asked for (0 = the last one)."""
        if subject.startswith(ORDER_PREFIX):
            return index.lookup_order(number(subject.removeprefix(ORDER_PREFIX))), 0
        places = index.find(subject)
        if places or not subject.isdigit():
            return places, 0
        try:
            place = index.lookup_decision(int(subject))
        except NotFoundError:
            return [], 0
        return index.lookup_order(place.order_id), int(subject)

    def _found(self, log: ShardLog, events: list[Event], chosen: int) -> Found | None:
        made = [e for e in events if isinstance(e, SmartRoutingDecisionEvent)]
        if not made:
            refused = [e for e in events if isinstance(e, RefusalEvent)]
            last = refused[-1] if refused else None
            proof = chain_proof(log, last.out_seq) if last else None
            return Found(None, last, self.names, proof, self.run.manifest)
        decision = next((d for d in made if d.out_seq == chosen), made[-1])
        order = order_input(log, decision.order_id)
        story = tell(decision, self.names, order, events)
        proof = chain_proof(log, decision.out_seq)
        return Found(story, None, self.names, proof, self.run.manifest)


def number(text: str) -> int:
    """An id from text; InputError when it is none."""
    if not text.isdigit():
        raise InputError(
            f"{text!r} is not an order id; write order:NUMBER, a ClOrdID or a decision"
        )
    return int(text)


def fresh_index(path: Path, log: ShardLog) -> DecisionIndex:
    """The shard's index, brought up to its log first when that can be done."""
    last_seq = log.anchors()["outputs"].seq if "outputs" in log.anchors() else None
    try:
        index = log.index(read_only=True)
        if last_seq is not None and index.last_seq == last_seq:
            return index
        index.close()
    except CorruptLogError:
        pass  # a damaged index is built again like an old one
    with RunDirectory.open(path, writable=True) as run:
        build_index(run.shard(log.shard))
    return log.index(read_only=True)


def build_index(log: ShardLog) -> None:
    """Brings a shard's index up to its output log, from nothing where it is damaged.

    The run must be open for writing. A kill can leave an index that cannot even be opened.
    """
    try:
        index = log.index(read_only=False)
        try:
            index.update()
        finally:
            index.close()
    except CorruptLogError:
        log.rebuild_index()


def order_input(log: ShardLog, order_id: int) -> dict[str, Any]:
    """The NEW_ORDER input; an order's id is its position."""
    frame = next(iter(log.reader("inputs", order_id, verify_chain=False)))
    _, raw = next(iter_inputs(frame.payload))
    return input_dict(raw)


def instrument_of(raw: memoryview) -> int:
    """Dense instrument id in an output's header."""
    return int.from_bytes(raw[8:12], "little")


def decisions_of(
    run: RunDirectory, instrument: int | None, limit: int
) -> list[SmartRoutingDecisionEvent]:
    """The last `limit` decisions, oldest first; of one instrument where asked."""
    found: list[SmartRoutingDecisionEvent] = []
    for shard in run.shards():
        raws: list[bytes] = []
        for frame in run.shard(shard).reader("outputs", verify_chain=False):
            for kind, raw in iter_raw_outputs(frame.payload):
                if kind == OutputType.DECISION and instrument in (None, instrument_of(raw)):
                    raws.append(bytes(raw))
            raws = raws[-limit:]
        found += [e for r in raws if isinstance(e := decode_output(r), SmartRoutingDecisionEvent)]
    return sorted(found, key=lambda decision: decision.log_ns)[-limit:]

"""Narrows a divergence down to the first input that the two cores fold differently, if they do.

Both cores start from the last proven state and fold the same inputs. Where their states at the
divergence are equal, the program is of one mind and the log was changed; else halving finds the
first input after which they differ, with what each core said there.
"""

from __future__ import annotations

from typing import Any

from aggregates import kernel
from aggregates.kernel import Engine
from schemas.wire import input_dict, iter_inputs, iter_raw_outputs
from streams.log.segments import Frame
from streams.log.shard_log import ShardLog
from streams.log.snapshots import Snapshot
from streams.replay.logged import decoded

LONGEST_SEARCH = 200_000
"""Inputs that the slow core folds again at most; beyond it a snapshot nearer by is needed."""
CORES = ("native", "reference")


def narrowed(
    log: ShardLog, core: str, good_seq: int, bad_seq: int, frame: Frame | None
) -> dict[str, Any]:
    """Facts to add to a divergence: its input, since when it can be, what both cores make of it."""
    found: dict[str, Any] = {
        "input": logged_input(log, bad_seq, frame),
        "state_agrees_until": good_seq,
        "cores": None,
    }
    start = log.snapshots(read_only=True).latest(good_seq)
    if bad_seq - (start.info.seq if start else 0) <= LONGEST_SEARCH:
        found["cores"] = Search(log, core, start).first_difference(bad_seq)
    return found


def logged_input(log: ShardLog, seq: int, frame: Frame | None = None) -> dict[str, Any] | None:
    """The input record at `seq` as plain values."""
    if frame is None or not frame.first_seq <= seq <= frame.last_seq:
        frame = next(iter(log.reader("inputs", seq, verify_chain=False)), None)
    if frame is None:
        return None
    _, raw = next(iter_inputs(frame.starting_at(seq).payload))
    return input_dict(raw)


class Search:
    """Both cores over the same inputs, from a proven state."""

    def __init__(self, log: ShardLog, core: str, start: Snapshot | None) -> None:
        self.log = log
        self.cores = (core, *(name for name in CORES if name != core))
        self.start = start.state if start else b""
        self.good_seq = start.info.seq if start else 0

    def first_difference(self, bad_seq: int) -> dict[str, Any]:
        """What both cores make of the first input that they fold differently up to `bad_seq`."""
        records = self._records(bad_seq)
        pair = self._engines()
        start = tuple(engine.state_bytes() for engine in pair)
        self._step(pair, records)
        if same_state(pair):
            return {"agree": True}
        low, high = 0, len(records)
        while high - low > 1:
            middle = (low + high) // 2
            pair = self._engines(start)
            self._step(pair, records[low:middle])
            if same_state(pair):
                low, start = middle, tuple(engine.state_bytes() for engine in pair)
            else:
                high = middle
        return self._told(start, records[low])

    def _told(self, start: tuple[bytes, ...], record: bytes) -> dict[str, Any]:
        """Each core's outputs at one input."""
        pair = self._engines(start)
        said = {
            name: [decoded(bytes(raw)) for _, raw in iter_raw_outputs(engine.step(record)[1])]
            for name, engine in zip(self.cores, pair, strict=True)
        }
        return {"agree": False, "seq": pair[0].seq, "input": input_dict(record), **said}

    def _engines(self, start: tuple[bytes, ...] | None = None) -> list[Engine]:
        pair = [kernel.load(name, self.log.shard) for name in self.cores]
        states = start or (self.start, self.start)
        for engine, state in zip(pair, states, strict=True):
            if state:
                engine.restore(state)
        return pair

    def _step(self, pair: list[Engine], records: list[bytes]) -> None:
        batch = b"".join(records)
        for engine in pair:
            engine.step(batch)

    def _records(self, last_seq: int) -> list[bytes]:
        """Inputs after the proven state up to `last_seq`."""
        found: list[bytes] = []
        for frame in self.log.reader("inputs", self.good_seq + 1, verify_chain=False):
            found += [raw for _, raw in iter_inputs(frame.payload)]
            if frame.last_seq >= last_seq:
                break
        return found[: last_seq - self.good_seq]


def same_state(pair: list[Engine]) -> bool:
    """Whether both cores hold the same state."""
    return pair[0].state_bytes() == pair[1].state_bytes()

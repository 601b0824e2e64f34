"""Input frames: whole records in one message, checked and put in the shard's order of time.

`log_ns` is given by position in the partition and nothing else: a record's own time where that is
not behind its predecessor and not ahead of the broker's clock, else the nearest time that is. A
record without a time gets the broker's. So every reader of a partition gives the same times.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.codes import InputType
from schemas.envelope import SLOT
from schemas.errors import InputError
from schemas.reference import ENGINE
from schemas.topic_envelope import Envelope, MessageKind, seal
from schemas.topics import INPUTS
from schemas.units import NS_PER_S
from schemas.wire import record_size

CLOCK_AHEAD_NS = NS_PER_S
"""How far a writer's clock may be ahead of the broker's before it is not believed."""
LAST_TICK = InputType.TIMER
_LOG_NS_AT = 16
_SOURCE_AT, _SEQ_AT = 3, 8
_TIME, _SEQ = struct.Struct("<q"), struct.Struct("<Q")
CLOCK_SOURCE = 250
"""Source of the TIMER inputs that the owner of a shard appends."""
KILL_SOURCE = 251
"""Source of the kills of a whole installation; their number is the same in every shard."""
BUDGET_SOURCE = 252
"""Source of a shard's shares of account-wide limits."""


@dataclass(frozen=True)
class Frame:
    """Records with their final times, and what a worker must know of them."""

    records: Any
    log_ns: int
    clock_seq: int = 0
    kill_seq: int = 0
    engine_hash: bytes = b""


def seal_frame(shard: int, number: int, records: Any, causation: int = 0) -> bytes:
    """The message of input records for `sor.inputs`."""
    kind = MessageKind.FRAME
    return seal(
        Envelope(
            kind=kind, topic=INPUTS, shard=shard, id=number, payload=records, causation=causation
        )
    )


def sequence(payload: Any, last_ns: int, append_ns: int) -> Frame:
    """The records of a frame in order of time; InputError for one that does not end on a record."""
    size = len(payload)
    if size == 0 or size % SLOT:
        raise InputError(f"frame of {size} bytes; send whole records of {SLOT}-byte slots")
    types = np.frombuffer(payload, dtype=np.uint8)[::SLOT]
    if types.max() < LAST_TICK:
        return _ticks(payload, last_ns, append_ns)
    return _mixed(bytearray(payload), last_ns, append_ns)


def _ticks(payload: Any, last_ns: int, append_ns: int) -> Frame:
    """All records have one slot: their times are a column."""
    times: NDArray[np.int64] = np.frombuffer(payload, dtype="<i8")[_LOG_NS_AT // 8 :: SLOT // 8]
    fitting = np.where((times <= 0) | (times > append_ns + CLOCK_AHEAD_NS), append_ns, times)
    fitting[0] = max(int(fitting[0]), last_ns)
    fitting = np.maximum.accumulate(fitting)
    if np.array_equal(fitting, times):
        return Frame(payload, int(fitting[-1]))
    changed = np.frombuffer(bytearray(payload), dtype="<i8")
    changed[_LOG_NS_AT // 8 :: SLOT // 8] = fitting
    return Frame(changed.tobytes(), int(fitting[-1]))


def _mixed(records: bytearray, last_ns: int, append_ns: int) -> Frame:
    offset, numbers, engine_hash = 0, {CLOCK_SOURCE: 0, KILL_SOURCE: 0}, b""
    while offset < len(records):
        kind, size = records[offset], record_size(records[offset])
        if offset + size > len(records):
            raise InputError(f"record at byte {offset} of a frame is cut off; send it whole")
        (time_ns,) = _TIME.unpack_from(records, offset + _LOG_NS_AT)
        if time_ns <= 0 or time_ns > append_ns + CLOCK_AHEAD_NS:
            time_ns = append_ns
        last_ns = max(last_ns, time_ns)
        _TIME.pack_into(records, offset + _LOG_NS_AT, last_ns)
        source = records[offset + _SOURCE_AT]
        if source in numbers:
            numbers[source] = max(numbers[source], _SEQ.unpack_from(records, offset + _SEQ_AT)[0])
        elif kind == InputType.ENGINE:
            engine_hash = ENGINE.unpack(records, offset).version_hash
        offset += size
    clock_seq, kill_seq = numbers.values()
    return Frame(bytes(records), last_ns, clock_seq, kill_seq, engine_hash)

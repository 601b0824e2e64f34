"""The readable engine: a fold of input records that decides nothing by itself.

`step` reads records one by one; for each it counts the position, fires the timers that are due,
checks time and source, and hands the record to the room that knows about it. The native core in
`aggregates/core` does the same to the last byte.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aggregates import (
    amendment,
    broadcast,
    budgets,
    closing,
    day,
    desk,
    feed,
    inventory,
    kill,
    reports,
    requests,
    state,
)
from aggregates.publish import publish_changes
from aggregates.quality import MAX_TIME_NS
from aggregates.shard import ACCEPTED, Refused, Shard
from aggregates.timers import fire_timers
from schemas import decisions
from schemas.codes import AlarmKind, InputType, OutputType, Reason
from schemas.envelope import HEADER, REFERENCE_TYPES, SLOT, SLOTS
from schemas.units import INSTRUMENT_NONE, INT64_MAX, SOURCE_REFERENCE

HANDLERS: dict[int, Callable[[Shard, Any, bytes], Refused]] = {
    InputType.QUOTE: feed.quote,
    InputType.TRADE: feed.trade,
    InputType.STATUS: feed.status,
    InputType.TIMER: feed.timer,
    InputType.NEW_ORDER: desk.new_order,
    InputType.CANCEL_ORDER: desk.cancel_order,
    InputType.AMEND_ORDER: amendment.amend_order,
    InputType.END_OF_DAY: closing.end_of_day,
    InputType.KILL: kill.apply_kill,
    InputType.REARM: kill.rearm,
    InputType.EXEC_REPORT: reports.apply,
    InputType.DROP_COPY: day.drop_copy,
    InputType.ACCOUNT: broadcast.account,
    InputType.POSTING: broadcast.posting,
    InputType.INSTRUMENT: broadcast.instrument,
    InputType.VENUE: broadcast.venue,
    InputType.LISTING: broadcast.listing,
    InputType.FEE: broadcast.fee,
    InputType.FEE_TIER: broadcast.fee_tier,
    InputType.BILLING: broadcast.billing,
    InputType.POLICY: broadcast.policy,
    InputType.LIMITS: broadcast.limits,
    InputType.SETTINGS: broadcast.settings,
    InputType.ENGINE: broadcast.engine,
    InputType.VENUE_PRIOR: broadcast.venue_prior,
    InputType.BUDGET: budgets.apply_budget,
    InputType.ORDER_STATUS: requests.order_status,
    InputType.MASS_CANCEL: requests.mass_cancel,
    InputType.INVENTORY: inventory.apply_inventory,
}
SIZES = [SLOTS[InputType(kind)] * SLOT if kind in SLOTS else SLOT for kind in range(256)]
_NAMED = (
    InputType.NEW_ORDER,
    InputType.AMEND_ORDER,
    InputType.CANCEL_ORDER,
    InputType.ORDER_STATUS,
)
_CL_ORD_ID = slice(32, 64)
_ACCOUNT = slice(96, 112)
_MASK_64 = 2**64 - 1


class ReferenceEngine:
    """The pure fold in Python. See aggregates.kernel.Engine for the contract."""

    def __init__(self, shard: int, generation: bytes) -> None:
        self.state = Shard(shard, generation)

    @property
    def seq(self) -> int:
        """Input records folded."""
        return self.state.seq

    @property
    def log_ns(self) -> int:
        """Time of the last input."""
        return self.state.log_ns

    @property
    def out_seq(self) -> int:
        """Output records emitted."""
        return self.state.out_seq

    @property
    def reference_version(self) -> int:
        """Number of the last reference record that was applied."""
        return self.state.reference_version

    def counters(self) -> dict[str, int]:
        """Nothing: this core keeps nothing at hand."""
        return {}

    def state_bytes(self) -> bytes:
        """Canonical encoding of the whole state."""
        return state.encode(self.state)

    def restore(self, data: bytes) -> None:
        """Takes over a state written by state_bytes of either core."""
        self.state = state.decode(data, self.state.generation)

    def step(
        self, batch: Any, limit_ns: int = INT64_MAX, stop_on_child: bool = False
    ) -> tuple[int, bytes]:
        """Folds whole records with log_ns <= limit_ns; returns (bytes consumed, outputs)."""
        shard, data, offset = self.state, memoryview(batch).cast("B"), 0
        shard.outputs = bytearray()
        while offset + SLOT <= len(data):
            header = HEADER.unpack(data, offset)
            end = offset + SIZES[header.type]
            if end > len(data) or header.log_ns > limit_ns:
                break
            sent = shard.sent
            apply(shard, header, bytes(data[offset:end]))
            offset = end
            if stop_on_child and shard.sent != sent:
                break
        return offset, bytes(shard.outputs)


def apply(shard: Shard, header: Any, raw: bytes) -> None:
    """Folds one input record, or refuses it."""
    shard.seq += 1
    if not shard.log_ns <= header.log_ns <= MAX_TIME_NS:
        _refuse(shard, header, raw, (Reason.TIME_BACKWARDS, header.log_ns, 0))
        return
    fire_timers(shard, header.log_ns)
    shard.log_ns = header.log_ns
    held = not shard.may_trade
    handler = HANDLERS.get(header.type)
    if handler is None:
        refused: Refused = (Reason.UNKNOWN_TYPE, header.type, 0)
    else:
        refused = _check_source(shard, header)
        refused = refused if refused[0] else handler(shard, header, raw)
    if refused[0]:
        _refuse(shard, header, raw, refused)
    if header.type in (InputType.STATUS, InputType.VENUE):
        desk.follow_sessions(
            shard, header.instrument if header.type == InputType.STATUS else INSTRUMENT_NONE
        )
    if held and shard.may_trade:
        desk.resume(shard)
    publish_changes(shard)


def _check_source(shard: Shard, header: Any) -> Refused:
    """Repeats are dropped and gaps counted, by source; reference inputs have rules of their own."""
    broadcast_type = header.type in REFERENCE_TYPES
    if (header.source == SOURCE_REFERENCE) != broadcast_type:
        return Reason.BAD_VALUE, header.source, 0
    if broadcast_type:
        return _check_version(shard, header.source_seq)
    last = shard.source_last[header.source]
    if header.source_seq <= last:
        return Reason.DUPLICATE_INPUT, min(last, INT64_MAX), 0
    shard.source_last[header.source] = header.source_seq
    missing = header.source_seq - last - 1
    if missing:
        gaps = shard.source_gaps[header.source] + missing
        shard.source_gaps[header.source] = gaps & _MASK_64
        shard.alarm(AlarmKind.SOURCE_GAP, min(missing, INT64_MAX), source=header.source)
    return ACCEPTED


def _check_version(shard: Shard, version: int) -> Refused:
    """Reference inputs apply in dense order or not at all; a gap stops trading."""
    if version <= shard.reference_version:
        return Reason.DUPLICATE_INPUT, min(shard.reference_version, INT64_MAX), 0
    shard.reference_seen = max(shard.reference_seen, version)
    missing = min(version - shard.reference_version - 1, INT64_MAX)
    if missing:
        shard.alarm(AlarmKind.REFERENCE_GAP, missing)
        return Reason.REFERENCE_GAP, missing, 0
    shard.reference_version = version
    return ACCEPTED


def _refuse(shard: Shard, header: Any, raw: bytes, refused: Refused) -> None:
    reason, value, order_id = refused
    shard.counters[reason] += 1
    named = {}
    if header.type in _NAMED:
        named = {"cl_ord_id": raw[_CL_ORD_ID], "account": raw[_ACCOUNT]}
    shard.emit(
        decisions.REFUSAL,
        OutputType.REFUSAL,
        header.instrument,
        source_seq=header.source_seq,
        value=value,
        order_id=order_id,
        reason=reason,
        input_type=header.type,
        source=header.source,
        venue=header.venue,
        **named,
    )

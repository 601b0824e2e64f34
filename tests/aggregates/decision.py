"""Reads a decision record back, without any help from the engine."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from schemas import decisions
from schemas.codes import CandidateFlag, LevelsFlag

EXTRAS = (
    (CandidateFlag.OWN_UNITS, "own_units"),
    (CandidateFlag.WIDE_IMPACT, "impact_nanos"),
    (CandidateFlag.BALANCE, "balance_nanos"),
    (CandidateFlag.TICKET, "ticket_nanos"),
    (CandidateFlag.HIDDEN, "hidden_units"),
)


@dataclass(slots=True)
class Block:
    """A candidate: `head`, and for an included one its row, own units and (price, units) levels."""

    head: Any
    row: Any = None
    own_units: int = 0
    impact_nanos: int = 0
    balance_nanos: int = 0
    ticket_nanos: int = 0
    hidden_units: int = 0
    dark_units: int = 0
    penalty_nanos: int = 0
    inventory_units: int = 0
    fee_bounds: tuple[int, ...] = (0, 0)
    levels: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True)
class Decision:
    """A whole decision."""

    head: Any
    blocks: list[Block]
    allocations: list[Any]
    rows: bytes


def read_decision(raw: bytes) -> Decision:
    """Decodes a DECISION record; AssertionError where its length does not fit."""
    head = decisions.DECISION.unpack(raw)
    offset = decisions.DECISION.size
    sign = 1 if head.side == 1 else -1
    blocks = []
    for _ in range(head.candidates):
        block, size = _read_block(raw, offset, sign)
        blocks.append(block)
        offset += size
    rows = raw[decisions.DECISION.size : offset]
    allocations = []
    for _ in range(head.children):
        allocations.append(decisions.ALLOCATION.unpack(raw, offset))
        offset += decisions.ALLOCATION.size
    assert offset == len(raw) == head.size
    return Decision(head, blocks, allocations, rows)


def _read_block(raw: bytes, start: int, sign: int) -> tuple[Block, int]:
    head = decisions.CANDIDATE.unpack(raw, start)
    offset = start + decisions.CANDIDATE.size
    if head.reason:
        return Block(head), offset - start
    block = Block(head, decisions.ROW.unpack(raw, offset))
    offset += decisions.ROW.size
    block.impact_nanos = block.row.impact_nanos
    for flag, name in EXTRAS:
        if head.flags & flag:
            setattr(block, name, struct.unpack_from("<q", raw, offset)[0])
            offset += 8
    if head.levels & LevelsFlag.INVENTORY:
        (block.inventory_units,) = struct.unpack_from("<q", raw, offset)
        offset += 8
    if head.levels & LevelsFlag.FEE_BOUNDS:
        block.fee_bounds = struct.unpack_from("<qq", raw, offset)
        offset += 16
    count = head.levels & LevelsFlag.COUNT_MASK
    if not count:
        block.dark_units, block.penalty_nanos = struct.unpack_from("<qq", raw, offset)
        return block, offset + 16 - start
    price = "Q" if head.flags & CandidateFlag.WIDE_PRICE else "I"
    units = "Q" if head.flags & CandidateFlag.WIDE_UNITS else "I"
    pair = struct.Struct("<" + price + units)
    levels = [pair.unpack_from(raw, offset + index * pair.size) for index in range(count)]
    block.levels = tuple((head.value + sign * delta, size) for delta, size in levels)
    offset += pair.size * count
    return block, offset - start + -offset % 8

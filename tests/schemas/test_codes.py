"""Codes are stored for ever: one may be added, none may change its meaning."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from pathlib import Path

import pytest

from schemas import codes
from schemas.envelope import REFERENCE_TYPES

ENUMS = [
    value
    for value in vars(codes).values()
    if isinstance(value, type) and issubclass(value, IntEnum | IntFlag) and len(value)
]
FROZEN = Path(__file__).with_name("codes.txt")


def listing() -> list[str]:
    """Every code as `Enum NAME value`."""
    return [
        f"{enum.__name__} {name} {int(member)}"
        for enum in ENUMS
        for name, member in enum.__members__.items()
    ]


def test_no_code_has_changed() -> None:
    frozen = FROZEN.read_text().splitlines()
    gone = [line for line in frozen if line not in listing()]
    assert gone == [], "a stored code was renamed, renumbered or removed"
    added = [line for line in listing() if line not in frozen]
    assert added == [], f"add the new codes to {FROZEN.name}"


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_no_code_is_used_twice(enum: type[IntEnum | IntFlag]) -> None:
    values = [int(member) for member in enum.__members__.values()]
    assert len(set(values)) == len(values)
    assert all(0 <= value <= 0xFFFF for value in values)


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_flags_are_single_bits(enum: type[IntEnum | IntFlag]) -> None:
    if issubclass(enum, IntFlag):
        bits = [int(member) for name, member in enum.__members__.items() if "MASK" not in name]
        assert all(bit.bit_count() == 1 for bit in bits)


def test_types_and_reasons_fit_their_byte() -> None:
    for enum in (codes.InputType, codes.OutputType, codes.Reason, codes.AlarmKind, codes.ExecType):
        assert max(enum) < 128


def test_reference_inputs_are_told_by_their_number() -> None:
    first, behind = codes.InputType.INSTRUMENT, codes.InputType.BUDGET
    reference = {kind for kind in codes.InputType if first <= kind < behind}
    others = {codes.InputType.ACCOUNT, codes.InputType.POSTING}
    assert reference | others == REFERENCE_TYPES

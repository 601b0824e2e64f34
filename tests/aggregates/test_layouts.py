"""The native side's structs, codes and slots are those of schemas/, field by field."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from aggregates import _core
from schemas import codes, decisions, envelope, market, orders, reference, reports, shares
from schemas.decisions import ALLOCATION, CANDIDATE, DECISION, ROW
from schemas.envelope import SLOTS
from schemas.layout import Layout

MODULES = (envelope, market, orders, reports, reference, decisions, shares)
LAYOUTS = {
    layout.name: layout
    for module in MODULES
    for layout in vars(module).values()
    if isinstance(layout, Layout)
}
CODES = {
    name: {member: int(code) for member, code in kind.__members__.items()}
    for name, kind in vars(codes).items()
    if isinstance(kind, type) and issubclass(kind, (IntEnum, IntFlag)) and list(kind)
}
MAX_DECISION_BYTES = 3072


def test_every_layout_has_the_same_offsets() -> None:
    described = {name: (layout.size, layout.offsets()) for name, layout in LAYOUTS.items()}
    native = _core.describe_layouts()
    assert set(native) == set(described)
    for name, layout in described.items():
        assert native[name] == layout, name


def test_every_code_has_the_same_value() -> None:
    native = _core.codes()
    assert set(native) == set(CODES)
    for name, values in CODES.items():
        assert native[name] == values, name


def test_every_type_takes_the_same_slots() -> None:
    assert _core.slots() == [SLOTS.get(kind, 1) for kind in range(256)]  # type: ignore[call-overload]


def test_a_decision_stays_small() -> None:
    """24 venues with 5 levels each, all of them used, in the narrow form of prices and sizes."""
    pair = 2 * 4
    venue = CANDIDATE.size + ROW.size + 5 * pair + ALLOCATION.size
    assert DECISION.size + 24 * venue <= MAX_DECISION_BYTES

"""Records have no padding, sit on natural alignment, and numpy sees what struct sees."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import decisions, envelope, market, orders, reference, reports, shares
from schemas.codes import InputType, OutputType
from schemas.envelope import HEADER, HEADER_FIELDS, OUT_HEADER, OUT_HEADER_FIELDS, SLOT, SLOTS
from schemas.layout import Layout

INPUTS = {
    InputType.QUOTE: market.QUOTE,
    InputType.TRADE: market.TRADE,
    InputType.STATUS: market.STATUS,
    InputType.TIMER: market.TIMER,
    InputType.NEW_ORDER: orders.NEW_ORDER,
    InputType.AMEND_ORDER: orders.NEW_ORDER,
    InputType.CANCEL_ORDER: orders.CANCEL_ORDER,
    InputType.END_OF_DAY: orders.END_OF_DAY,
    InputType.KILL: orders.KILL,
    InputType.REARM: orders.REARM,
    InputType.DROP_COPY: reports.EXEC_REPORT,
    InputType.ACCOUNT: reference.ACCOUNT,
    InputType.POSTING: reference.POSTING,
    InputType.EXEC_REPORT: reports.EXEC_REPORT,
    InputType.INSTRUMENT: reference.INSTRUMENT,
    InputType.VENUE: reference.VENUE,
    InputType.LISTING: reference.LISTING,
    InputType.FEE: reference.FEE,
    InputType.FEE_TIER: reference.FEE_TIER,
    InputType.BILLING: reference.BILLING,
    InputType.VENUE_PRIOR: reference.VENUE_PRIOR,
    InputType.BUDGET: orders.BUDGET,
    InputType.ORDER_STATUS: orders.CANCEL_ORDER,
    InputType.MASS_CANCEL: orders.MASS_CANCEL,
    InputType.INVENTORY: orders.INVENTORY,
    InputType.POLICY: reference.POLICY,
    InputType.LIMITS: reference.LIMITS,
    InputType.SETTINGS: reference.SETTINGS,
    InputType.ENGINE: reference.ENGINE,
}
PARTS = ("CANDIDATE", "ROW", "ALLOCATION")
RANGES = {"B": (0, 2**8), "H": (0, 2**16), "I": (0, 2**32), "Q": (0, 2**64), "q": (-(2**63), 2**63)}


def layouts(*modules: ModuleType) -> list[Layout]:
    """All layouts of some modules."""
    return [value for module in modules for value in vars(module).values() if _is_layout(value)]


def _is_layout(value: object) -> bool:
    return isinstance(value, Layout)


ALL = layouts(envelope, market, orders, reports, reference, decisions, shares)
OUTPUTS = [
    value
    for module in (decisions, shares)
    for name, value in vars(module).items()
    if isinstance(value, Layout) and name not in PARTS
]
named = pytest.mark.parametrize("layout", ALL, ids=lambda layout: layout.name)


@named
def test_every_field_is_on_its_natural_alignment(layout: Layout) -> None:
    offset = 0
    for field, code in layout.fields:
        size = layout.offsets()[field][1]
        assert layout.offsets()[field] == (offset, size), field
        if not code.endswith("s"):
            assert offset % size == 0, field
        offset += size
    assert offset == layout.size == layout.struct.size == layout.dtype.itemsize
    assert layout.size % 8 == 0


@named
def test_fields_have_names_of_their_own(layout: Layout) -> None:
    names = [field for field, _ in layout.fields]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)


def test_every_input_has_its_slots_and_the_common_header() -> None:
    assert set(INPUTS) == set(InputType) == set(SLOTS)
    for kind, layout in INPUTS.items():
        assert layout.size == SLOTS[kind] * SLOT, kind
        assert layout.fields[: len(HEADER_FIELDS)] == HEADER_FIELDS, kind
        assert 1 <= SLOTS[kind] <= 8


def test_every_output_has_the_common_header() -> None:
    assert len(OUTPUTS) == len(OutputType)
    for layout in OUTPUTS:
        assert layout.fields[: len(OUT_HEADER_FIELDS)] == OUT_HEADER_FIELDS, layout.name
    assert (HEADER.size, OUT_HEADER.size) == (32, 40)


def values_of(layout: Layout) -> st.SearchStrategy[dict[str, Any]]:
    """Random values for all fields; bytes as long as the field."""
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for field, code in layout.fields:
        if code.endswith("s"):
            size = int(code[:-1])
            fields[field] = st.binary(min_size=size, max_size=size)
        elif code == "d":
            fields[field] = st.floats(allow_nan=False)
        else:
            low, high = RANGES[code]
            fields[field] = st.integers(low, high - 1)
    return st.fixed_dictionaries(fields)


@given(data=st.data())
def test_struct_and_numpy_agree(data: st.DataObject) -> None:
    layout = data.draw(st.sampled_from(ALL))
    values = data.draw(values_of(layout))
    raw = layout.pack(**values)
    assert layout.unpack(raw)._asdict() == values
    row = np.frombuffer(raw, layout.dtype)[0]
    for field, code in layout.fields:
        wanted = values[field].rstrip(b"\0") if code.endswith("s") else values[field]
        assert row[field] == wanted, field


def test_unpack_reads_at_an_offset() -> None:
    raw = b"\xff" * 24 + market.TIMER.pack(source_seq=7)
    assert market.TIMER.unpack(raw, 24).source_seq == 7


def test_fields_not_named_are_zero() -> None:
    assert market.QUOTE.pack() == bytes(64)
    assert market.QUOTE.zeros(3).tobytes() == bytes(192)


def test_a_field_that_does_not_exist_is_an_error() -> None:
    with pytest.raises((TypeError, ValueError)):
        market.QUOTE.pack(bid_price=1)

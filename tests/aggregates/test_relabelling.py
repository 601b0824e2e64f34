"""Dense venue ids are names: with the same keys under other ids, only the names change."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates import kernel
from schemas import orders, reference
from schemas.codes import AlarmKind, InputType, OutputType, Reason
from schemas.envelope import HEADER
from schemas.units import VENUE_NONE
from tests.aggregates.decision import read_decision
from tests.aggregates.generator import random_day
from tests.builders import records

Labels = list[int]
"""New dense id of each old one."""
PLACED = (
    InputType.QUOTE,
    InputType.TRADE,
    InputType.STATUS,
    InputType.KILL,
    InputType.EXEC_REPORT,
    InputType.DROP_COPY,
    InputType.INVENTORY,
    InputType.VENUE,
    InputType.LISTING,
    InputType.FEE,
    InputType.FEE_TIER,
    InputType.BILLING,
    InputType.VENUE_PRIOR,
)
TABLES = (
    OutputType.QUALITY,
    OutputType.EXECUTION_QUALITY,
    OutputType.VENUE_QUALITY,
    OutputType.VENUE_SUMS,
)
_PREFERRED = reference.POLICY.offsets()["preferred"][0]
_NAMES_VENUE = (
    Reason.NOT_ALLOWED,
    Reason.NOT_PERMITTED,
    Reason.VENUE_KILLED,
    Reason.SELF_HELP,
)
_VENUE_VALUES = (Reason.NOT_ALLOWED, Reason.UNKNOWN_VENUE)


def relabel_inputs(inputs: list[bytes], labels: Labels) -> list[bytes]:
    """The same log with other dense ids; venues are defined in the order of the new ids."""
    changed = [_relabel(bytearray(raw), labels) for raw in inputs]
    places = [index for index, raw in enumerate(changed) if raw[0] == InputType.VENUE]
    assert len(places) == len(labels)
    for index, raw in zip(places, sorted((changed[i] for i in places), key=_venue), strict=True):
        header = HEADER.unpack(inputs[index])
        changed[index] = (
            HEADER.struct.pack(*header._replace(venue=_venue(raw))) + raw[HEADER.size :]
        )
    return changed


def _venue(raw: bytes) -> int:
    return raw[2]


def _relabel(raw: bytearray, labels: Labels) -> bytes:
    header = HEADER.unpack(raw)
    if header.type in PLACED and header.venue < len(labels):
        header = header._replace(venue=labels[header.venue])
    if header.type in (InputType.QUOTE, InputType.TRADE, InputType.STATUS):
        header = header._replace(source=_source(header.source, labels))
    raw[: HEADER.size] = HEADER.struct.pack(*header)
    if header.type == InputType.POLICY:
        preferred = reference.POLICY.unpack(raw).preferred
        for old, new in enumerate(labels):
            raw[_PREFERRED + new] = preferred[old]
    if header.type == InputType.ACCOUNT:
        account = reference.ACCOUNT.unpack(raw)
        permitted = _mask(account.venues_permitted, labels)
        return reference.ACCOUNT.struct.pack(*account._replace(venues_permitted=permitted))
    if header.type in (InputType.NEW_ORDER, InputType.AMEND_ORDER):
        record = orders.NEW_ORDER.unpack(raw)
        allowed = _mask(record.venues_allowed, labels)
        banned = _mask(record.venues_banned, labels)
        record = record._replace(venues_allowed=allowed, venues_banned=banned)
        return orders.NEW_ORDER.struct.pack(*record)
    return bytes(raw)


def _source(source: int, labels: Labels) -> int:
    return 1 + labels[source - 1] if 1 <= source <= len(labels) else source


def _mask(mask: int, labels: Labels) -> int:
    moved = sum(1 << new for old, new in enumerate(labels) if mask >> old & 1)
    return moved | mask >> len(labels) << len(labels)


def canonical(outputs: bytes, labels: Labels) -> list[Any]:
    """Outputs with venues named by their new id, rows of the quality table in that order."""
    told = []
    for kind, record, raw in records(outputs):
        values = record._asdict()
        if "venue" in values:
            values["venue"] = _label(values["venue"], labels)
        if kind == OutputType.DECISION:
            values.update(_decision(values, raw, labels))
        elif kind in TABLES:
            del values["out_seq"]
        elif kind == OutputType.REFUSAL and record.reason in _VENUE_VALUES:
            values["value"] = _label(record.value, labels)
        gap = kind == OutputType.ALARM and record.kind == AlarmKind.SOURCE_GAP
        if kind == OutputType.REFUSAL or gap:
            values["source"] = _source(record.source, labels)
        told.append((kind, tuple(values.items())))
    return _sorted_rows(told)


def _label(venue: int, labels: Labels) -> int:
    return labels[venue] if venue < len(labels) and venue != VENUE_NONE else venue


def _decision(values: dict[str, Any], raw: bytes, labels: Labels) -> dict[str, Any]:
    """Blocks and allocations with their venues renamed; the digest is of named rows, so it goes."""
    decision = read_decision(raw)
    blocks = []
    for block in decision.blocks:
        value = block.head.value
        if block.head.reason in _NAMES_VENUE:
            value = labels[value]
        head = block.head._replace(venue=labels[block.head.venue], value=value)
        blocks.append((head, block.row, block.own_units, block.levels))
    parts = [part._replace(venue=labels[part.venue]) for part in decision.allocations]
    return {"rows_digest": 0, "blocks": tuple(blocks), "parts": tuple(parts)}


def _sorted_rows(told: list[Any]) -> list[Any]:
    """Rows and venues published together are in dense order, which the labels change."""
    found: list[Any] = []
    group: list[Any] = []
    for item in [*told, None]:
        if item is not None and item[0] in TABLES:
            group.append(item)
            continue
        found += sorted(group, key=str)
        group = []
        if item is not None:
            found.append(item)
    return found


def check(core: str, seed: int, count: int) -> None:
    """A day and its relabelled twin say the same."""
    day = random_day(seed, count, calm=True, engine=kernel.load(core))
    inputs = [record for record, _ in day.steps]
    venues = sum(record[0] == InputType.VENUE for record in inputs)
    labels = list(range(venues))
    random.Random(seed).shuffle(labels)
    engine = kernel.load(core)
    _, outputs = engine.step(b"".join(relabel_inputs(inputs, labels)))
    same = list(range(venues))
    given, wanted = canonical(outputs, same), canonical(day.outputs, labels)
    for index, (left, right) in enumerate(zip(given, wanted, strict=True)):
        assert left == right, f"output {index} differs under labels {labels}"


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32))
def test_labels_change_nothing_else(core: str, seed: int) -> None:
    check(core, seed, 600)

"""Both logs decode to events and to JSON, and damaged bytes are refused by name."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codes, wire
from schemas.codes import OutputType
from schemas.envelope import OUT_HEADER, SLOT
from schemas.errors import InputError
from tests.aggregates.decision import read_decision
from tests.aggregates.generator import Day, random_day
from tests.builders import OUTPUT_LAYOUTS, Tape, records


@pytest.fixture(scope="module")
def day() -> Day:
    """A day of plain orders."""
    return random_day(11, 3000)


def test_every_output_becomes_its_event(day: Day) -> None:
    # Only what rests is replaced, so a second day is needed for every kind.
    outputs = day.outputs + random_day(16, 3000, resting=True).outputs
    raws = [raw for _, _, raw in records(outputs)]
    decoded = list(wire.iter_outputs(outputs))
    assert len(decoded) == len(raws)
    seen: set[OutputType] = set()
    for raw, event in zip(raws, decoded, strict=True):
        kind = OutputType(OUT_HEADER.unpack(raw).type)
        seen.add(kind)
        record = OUTPUT_LAYOUTS[kind].unpack(raw)
        for name in ("out_seq", "seq", "log_ns", "instrument", "shard", "version"):
            assert getattr(event, name) == getattr(record, name)
        json_object = json.loads(wire.to_json(event))
        assert json_object["out_seq"] == record.out_seq
    assert seen == set(OutputType)


def test_a_decision_is_decoded_whole(day: Day) -> None:
    with_levels = 0
    for kind, record, raw in records(day.outputs):
        if kind != OutputType.DECISION:
            continue
        event: Any = wire.decode_output(raw)
        wanted = read_decision(raw)
        cost = (record.expected_cost_hi << 64) | record.expected_cost_lo
        assert event.expected_cost == cost
        assert wire.to_dict(event)["expected_cost"] == str(cost)
        for block, shown in zip(wanted.blocks, event.candidates, strict=True):
            assert shown.reason == codes.Reason(block.head.reason).name.lower()
            assert [(level.price_nanos, level.units) for level in shown.levels] == list(
                block.levels
            )
            assert shown.own_units == block.own_units
            with_levels += len(shown.levels) > 1
        for part, child in zip(wanted.allocations, event.children, strict=True):
            assert (child.venue, child.units, child.limit_nanos) == (
                part.venue,
                part.units,
                part.limit_nanos,
            )
    assert with_levels > 20


def test_estimates_are_joined_and_what_was_never_seen_is_null(day: Day) -> None:
    seen = missing = 0
    for kind, record, raw in records(day.outputs):
        if kind not in (OutputType.EXECUTION_QUALITY, OutputType.VENUE_QUALITY):
            continue
        event: Any = wire.decode_output(raw)
        rate = event.reject_rate
        assert rate.n == record.reject_rate_n
        assert rate.value == (record.reject_rate if rate.n > 0.0 else None)
        assert rate.se == (record.reject_rate_se if rate.n >= 2.0 else None)
        seen, missing = seen + (rate.n > 0.0), missing + (rate.value is None)
        if kind == OutputType.EXECUTION_QUALITY:
            impact = [getattr(record, f"impact_{n}_bps_n") for n in (1, 2, 3, 4)]
            assert [part.n for part in event.impact_bps] == impact
            assert [part.round_lots for part in event.available] == [1 << n for n in range(8)]
        else:
            assert (event.ack_p50_ns is None) == (record.ack_n == 0)
            assert event.health == codes.HealthState(record.health).name.lower()
    assert seen > 5
    assert missing > 0


def test_every_input_is_shown(day: Day) -> None:
    found = list(wire.iter_inputs(day.inputs))
    assert b"".join(raw for _, raw in found) == day.inputs
    shown = [wire.input_dict(raw) for _, raw in found]
    named = {item["type"] for item in shown}
    assert {kind.name.lower() for kind in codes.InputType} <= named
    assert all(isinstance(item["log_ns"], int) for item in shown)
    order = next(item for item in shown if item["type"] == "new_order")
    assert order["side"] in ("buy", "sell", "sell_short", "sell_short_exempt")
    assert not any(name.startswith("reserved") for name in order)


def test_scans_agree_with_decoding(day: Day) -> None:
    kinds = [kind for kind, _, _ in records(day.outputs)]
    assert wire.count_types(day.outputs) == Counter(kinds)
    sizes = [len(raw) for _, _, raw in records(day.outputs)]
    offsets = np.cumsum([0, *sizes[:-1]]).astype(np.uint64)
    assert wire.output_types(day.outputs, offsets).tolist() == [int(kind) for kind in kinds]
    seqs = wire.output_words(day.outputs, offsets, 16)
    assert seqs.tolist() == list(range(1, len(kinds) + 1))


def test_names_of_codes() -> None:
    assert wire.code_name(codes.Side, 1) == "buy"
    assert wire.code_name(codes.Side, 0) == "none"
    assert wire.code_name(codes.Side, 99) == "99"
    assert wire.flag_names(codes.ExecInst, 0b0101) == ("held", "all_or_none")
    assert wire.flag_names(codes.ExecInst, 0) == ()
    assert wire.text(b"IBM\0\0") == "IBM"
    assert wire.text(b"\xff\0") == "\N{REPLACEMENT CHARACTER}"


def test_cut_off_records_are_named(day: Day) -> None:
    tape = Tape()
    tape.order(0, "A", 1, 100)
    with pytest.raises(InputError, match="byte 0 is cut off"):
        list(wire.iter_inputs(bytes(tape.data[:-SLOT])))
    first = next(records(day.outputs))[2]
    with pytest.raises(InputError, match="cut off"):
        list(wire.iter_outputs(first + first[:-8]))


def test_unknown_types_and_versions_are_named(day: Day) -> None:
    raw = bytearray(next(records(day.outputs))[2])
    for place in (4, 5):
        damaged = bytearray(raw)
        damaged[place] = 77
        with pytest.raises(InputError, match=r"this program reads 1 to 1|is not known"):
            wire.decode_output(bytes(damaged))


RAWS = [raw for _, _, raw in records(random_day(12, 1500).outputs)]


@given(seed=st.integers(0, 2**32))
def test_damage_never_escapes_as_another_error(seed: int) -> None:
    """A flipped, cut or random record decodes to something or is an InputError."""
    rng = random.Random(seed)
    raw = bytearray(rng.choice(RAWS))
    for _ in range(rng.randint(1, 8)):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    damaged = bytes(raw[: rng.choice((len(raw), rng.randrange(1, len(raw))))])
    for decode in (lambda: list(wire.iter_outputs(damaged)), lambda: wire.decode_output(damaged)):
        try:
            decode()
        except InputError:
            continue


@given(raw=st.binary(min_size=64, max_size=512))
def test_random_inputs_are_shown_or_refused(raw: bytes) -> None:
    try:
        found = list(wire.iter_inputs(raw))
    except InputError:
        return
    assert [wire.input_dict(record)["type"] for _, record in found]

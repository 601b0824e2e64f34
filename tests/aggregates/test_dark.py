"""What must hold of every child that a dark pool is asked for, on random days of both cores."""

from __future__ import annotations

from typing import Any

import pytest

from aggregates import kernel
from aggregates.kernel import Engine
from schemas import reference
from schemas.codes import (
    AllocationFlag,
    ChildState,
    ExecInst,
    InputType,
    OutputType,
    Reason,
    TimeInForce,
)
from schemas.wire import iter_inputs
from tests.aggregates.decision import Decision, read_decision
from tests.aggregates.generator import Day, random_day
from tests.builders import Tape, records

ENDED = {
    ChildState.FILLED,
    ChildState.CANCELED,
    ChildState.REJECTED,
    ChildState.EXPIRED,
}
SEEDS, COUNT = range(900, 908), 3000
DARK_REASONS = {Reason.DARK_NOT_ALLOWED, Reason.NO_MIDPOINT, Reason.DARK_MINIMUM}


@pytest.fixture(scope="module")
def days() -> list[Day]:
    """Days in which a quarter of the venues are dark pools."""
    return [random_day(seed, COUNT, engine=kernel.load("native")) for seed in SEEDS]


def decided(day: Day) -> list[tuple[Decision, dict[int, int]]]:
    """Decisions with the percentage that each policy gave to dark pools at that time."""
    percents: dict[int, int] = {}
    found = []
    for raw, outputs in day.steps:
        is_refused = any(kind == OutputType.REFUSAL for kind, _, _ in records(outputs))
        for kind, record in iter_inputs(raw):
            if kind == InputType.POLICY and not is_refused:
                policy = reference.POLICY.unpack(record)
                percents[policy.policy] = policy.dark_percent
        for kind, _, out in records(outputs):
            if kind == OutputType.DECISION:
                found.append((read_decision(out), dict(percents)))
    return found


def pegged(decision: Decision) -> list[Any]:
    return [part for part in decision.allocations if part.flags & AllocationFlag.PEG]


def test_pools_get_no_more_than_their_share(days: list[Day]) -> None:
    asked = 0
    for day in days:
        for decision, percents in decided(day):
            units = sum(part.units for part in pegged(decision))
            asked += units > 0
            most = percents.get(decision.head.policy, 0)
            assert units <= decision.head.remaining_units * most // 100
    assert asked >= 20


def test_no_child_pays_more_than_the_midpoint(days: list[Day]) -> None:
    for day in days:
        for decision, _ in decided(day):
            head = decision.head
            sign = 1 if head.side == 1 else -1
            best = head.protected_bid_nanos, head.protected_ask_nanos
            if not all(best):
                best = head.displayed_bid_nanos, head.displayed_ask_nanos
            for part in pegged(decision):
                assert 0 < best[0] < best[1]
                assert sign * (2 * part.limit_nanos - sum(best)) <= 0
                assert sign * (part.limit_nanos - head.limit_nanos) <= 0
                assert part.levels == 0
                assert head.time_in_force != TimeInForce.FOK


def test_a_pool_that_has_answered_is_not_asked_again(days: list[Day]) -> None:
    """Until the order is amended, which its new ClOrdID tells: other terms are another question."""
    answered = 0
    for day in days:
        pegs: dict[int, tuple[int, int]] = {}
        terms: dict[int, bytes] = {}
        done: set[tuple[int, int, bytes]] = set()
        for kind, record, raw in records(day.outputs):
            if kind == OutputType.DECISION:
                terms[record.order_id] = record.cl_ord_id
                for part in pegged(read_decision(raw)):
                    assert (record.order_id, part.venue, record.cl_ord_id) not in done
            elif kind == OutputType.CHILD and record.exec_inst & ExecInst.MID_PEG:
                pegs[record.child_id] = record.order_id, record.venue
            elif (
                kind == OutputType.CHILD_STATE and record.state in ENDED and record.child_id in pegs
            ):
                order_id, venue = pegs[record.child_id]
                done.add((order_id, venue, terms[order_id]))
                answered += 1
    assert answered >= 10


def test_children_are_pegged_and_have_a_minimum(days: list[Day]) -> None:
    for day in days:
        pegs: set[tuple[int, int]] = set()
        for kind, record, raw in records(day.outputs):
            if kind == OutputType.DECISION:
                made = read_decision(raw)
                first = made.head.first_child_id
                pegs |= {
                    (first + at, part.venue)
                    for at, part in enumerate(made.allocations)
                    if part.flags & AllocationFlag.PEG
                }
            elif kind == OutputType.CHILD and record.exec_inst & ExecInst.MID_PEG:
                assert (record.child_id, record.venue) in pegs
                assert 0 < record.min_units <= record.units


def test_every_reason_of_a_pool_occurs(days: list[Day]) -> None:
    seen = {
        block.head.reason
        for day in days
        for decision, _ in decided(day)
        for block in decision.blocks
    }
    assert seen >= DARK_REASONS


@pytest.mark.parametrize(
    "values", [{"dark_percent": 101}, {"dark_horizon": 5}, {"dark_min_lots": 1001}]
)
def test_a_policy_that_makes_no_sense_is_refused(engine: Engine, values: dict[str, int]) -> None:
    tape = Tape()
    tape.policy(1, **values)
    _, outputs = engine.step(bytes(tape.data))
    assert [record.reason for _, record, _ in records(outputs)] == [Reason.BAD_VALUE]

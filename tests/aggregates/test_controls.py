"""Controls that no other test shows whole: who a child belongs to, what is told at once, canaries.

The map of all controls is in `tests/controls.py`.
"""

from __future__ import annotations

from aggregates import kernel
from schemas.codes import AlarmKind, ExecType, InputType, OutputType, Reason, Side, TimeInForce
from schemas.envelope import HEADER
from schemas.reports import EXEC_REPORT
from tests.aggregates.generator import random_day
from tests.builders import MS, Tape, of_type, records

HELD_APART = (AlarmKind.CHILD_UNKNOWN, AlarmKind.CHILD_PARKED)
"""Alarms about what did not come: they are due at a time, not at an input."""


def test_every_child_is_attributable(core: str) -> None:
    """A child names its decision, that its parent, account, policy and the policy's version."""
    outputs = random_day(12, 3_000, engine=kernel.load(core)).outputs
    decided, ordered, children = {}, set(), 0
    for kind, record, _ in records(outputs):
        if kind == OutputType.DECISION:
            decided[record.out_seq] = record
            assert record.policy > 0
            assert record.policy_version > 0
        elif kind == OutputType.ORDER_STATE:
            ordered.add((record.order_id, record.account))
        elif kind == OutputType.CHILD:
            children += 1
            decision = decided[record.decision_id]
            named = (record.order_id, record.account, record.cl_ord_id)
            assert named[:2] == (decision.order_id, decision.account)
            first = decision.first_child_id
            assert first <= record.child_id < first + decision.children
            assert record.account.strip(b"\0")
    assert children > 50
    parents = {(d.order_id, d.account) for d in decided.values()}
    assert len(parents & ordered) == len(parents)


def test_what_a_person_must_see_is_told_with_its_cause(core: str) -> None:
    """An alarm is an output of the very input, or of the timer at its due time, that causes it."""
    day = random_day(12, 5_000, engine=kernel.load(core))
    alarms = 0
    for raw, outputs in day.steps:
        log_ns = HEADER.unpack(raw).log_ns
        for alarm in of_type(outputs, OutputType.ALARM):
            alarms += 1
            assert alarm.log_ns == log_ns or alarm.kind in HELD_APART
    assert alarms > 50


def test_a_fill_is_reported_at_once(core: str) -> None:
    """Each accepted fill says the child's and the parent's new state in the same step."""
    day, fills = random_day(12, 3_000, engine=kernel.load(core)), 0
    for raw, outputs in day.steps:
        refused = [r for r in of_type(outputs, OutputType.REFUSAL) if r.input_type == raw[0]]
        if raw[0] != InputType.EXEC_REPORT or refused:
            continue
        report = EXEC_REPORT.unpack(raw)
        if report.exec_type == ExecType.TRADE:
            fills += 1
            told = [
                state
                for state in of_type(outputs, OutputType.CHILD_STATE)
                if (state.child_id, state.trade_id) == (report.child_id, report.trade_id)
            ]
            assert [state.last_units for state in told] == [report.last_units]
            parents = {state.order_id for state in of_type(outputs, OutputType.ORDER_STATE)}
            assert told[0].order_id in parents
    assert fills > 30


def test_a_canary_account_is_held_to_its_own_limits(core: str) -> None:
    """A new deployment begins with one account at one venue, little money and a low rate."""
    tape = Tape()
    tape.instrument(0, "TEST")
    for venue in range(2):
        tape.venue(venue, f"V{venue}")
        tape.listing(0, venue)
        tape.fee(0, venue)
    tape.policy(1)
    tape.limits(0)
    canary = {"venues_permitted": 0b10, "max_net_ones": 2_000, "rate_max": 3, "rate_ns": 10**9}
    tape.account(b"CANARY", **canary)
    tape.engine()
    for venue, ask in enumerate(("10.00", "10.01")):
        tape.quote(0, venue, ("9.99", 1000), (ask, 1000))
    names = ((100, b"CANARY"), (500, b"CANARY"), (1, b"CANARY"), (1, b"CANARY"), (100, b"OTHER"))
    for number, (units, account) in enumerate(names):
        values = {"account": account, "time_in_force": TimeInForce.IOC, "limit": "10.05"}
        tape.order(0, f"C{number}", Side.BUY, units, **values)
        tape.wait(MS)
    _, outputs = kernel.load(core).step(bytes(tape.data))
    sent = [
        (child.venue, child.units, child.account.rstrip(b"\0"))
        for child in of_type(outputs, OutputType.CHILD)
    ]
    assert sent == [(1, 100, b"CANARY"), (1, 1, b"CANARY"), (0, 100, b"OTHER")]
    reasons = [refusal.reason for refusal in of_type(outputs, OutputType.REFUSAL)]
    assert reasons == [Reason.NET_POSITION, Reason.MESSAGE_RATE]

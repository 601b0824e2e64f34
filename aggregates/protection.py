"""Protected quotes that a plan would trade through, and what the policy does about them.

A protected quote better than what a child may pay must not be passed by. Where it gets no child of
its full displayed size, the other children are limited at its price (LIMIT), or it gets one, as do
all others in front of the worst price paid, as one batch of ISOs (ISO). Quotes of venues under self
help do not count; none do while protected quotes are crossed, where the policy exempts that.
"""

from __future__ import annotations

from dataclasses import dataclass

from aggregates.allocation import Plan, Sizes, Task, sorted_keys
from aggregates.book import Book
from aggregates.candidates import Candidate
from aggregates.search import single, split, whole
from aggregates.tables import Tables
from schemas.codes import (
    AllocationFlag,
    Crossed,
    DecisionFlag,
    Protection,
    Reason,
)

SENT_TO = (Reason.ALREADY_VISITED, Reason.NOTHING_AVAILABLE)
"""Their quotes have had our order, though the feed does not show it yet."""
GONE = (Reason.STALE_QUOTE, Reason.VENUE_NOT_OPEN, Reason.NO_QUOTE, Reason.CROSSED_BOOK)
"""Their quotes are none."""


@dataclass(slots=True)
class Outcome:
    """A plan, the protected price it was held to (0 = none), and what the record says of it."""

    plan: Plan
    cap_nanos: int = 0
    flags: int = 0


def allocate(
    task: Task, candidates: list[Candidate], book: Book, tables: Tables, protected: tuple[int, int]
) -> Outcome:
    """The plan under the policy's protection; `protected` is the protected bid and ask."""
    if task.policy.protection == Protection.NONE:
        return Outcome(_plan(task, candidates))
    if 0 < protected[1] < protected[0] and task.policy.crossed == Crossed.EXEMPT:
        return Outcome(_plan(task, candidates), 0, int(DecisionFlag.CROSSED_EXEMPT))
    quotes = [c for c in candidates if _is_protected(c, task, book, tables)]
    _exclude_beyond(task, candidates, quotes)
    while True:
        plan = _plan(task, candidates)
        passed = _passed_by(task, plan, quotes)
        if not passed:
            return _told(task, plan)
        if not _must_get(task, passed):
            task.least, task.cap_nanos = (
                {},
                min((_far(task, c) for c in passed), key=lambda nanos: task.order.sign * nanos),
            )


def _plan(task: Task, candidates: list[Candidate]) -> Plan:
    keys = sorted_keys(task, candidates)
    if task.is_whole:
        return whole(task, candidates, keys)
    return (split if task.policy.split else single)(task, candidates, keys)


def _far(task: Task, candidate: Candidate) -> int:
    """The touch that our order would take."""
    row = candidate.row
    return row.ask_nanos[0] if task.order.sign > 0 else row.bid_nanos[0]


def _is_protected(candidate: Candidate, task: Task, book: Book, tables: Tables) -> bool:
    entry, row = tables.venues[candidate.venue], candidate.row
    units = row.ask_units[0] if task.order.sign > 0 else row.bid_units[0]
    return bool(
        entry.is_protected
        and not entry.self_help
        and candidate.reason not in GONE
        and units >= book.round_lot_units
    )


def _exclude_beyond(task: Task, candidates: list[Candidate], quotes: list[Candidate]) -> None:
    """Quotes that cannot get their child cap everybody; who is beyond that is left out."""
    sign = task.order.sign
    caps = [_far(task, c) for c in quotes if c.reason and c.reason not in SENT_TO]
    caps += [_far(task, c) for c in quotes if not c.reason and _lacks(task, c)]
    if not caps:
        return
    cap = min(caps, key=lambda nanos: sign * nanos)
    if sign * cap >= sign * task.order.limit_nanos:
        return
    task.cap_nanos = cap
    for candidate in candidates:
        if not candidate.reason and sign * candidate.value > sign * cap:
            candidate.reason = Reason.THROUGH_PROTECTED


def _lacks(task: Task, candidate: Candidate) -> bool:
    """Whether inventory keeps a quote from getting all that it displays."""
    row = candidate.row
    units = row.ask_units[0] if task.order.sign > 0 else row.bid_units[0]
    return 0 < candidate.inventory_units < units - candidate.own_units


def _passed_by(task: Task, plan: Plan, quotes: list[Candidate]) -> list[Candidate]:
    """Better quotes than the worst price paid that get less than they display."""
    sign = task.order.sign
    if not plan.allocations:
        return []
    worst = max(sign * part.limit_nanos for part in plan.allocations)
    sizes = {part.candidate.rank: part.units for part in plan.allocations}
    return [
        c
        for c in quotes
        if not c.reason and sign * c.value < worst and sizes.get(c.rank, 0) < _displayed(c)
    ]


def _displayed(candidate: Candidate) -> int:
    """What a child must take at the touch: displayed, less ours in flight, in whole lots."""
    units = candidate.levels[0].available_units - candidate.hidden_units
    return units - units % candidate.row.lot_units


def _must_get(task: Task, passed: list[Candidate]) -> bool:
    """Whether an ISO each can be asked for; then they are, beside those asked for before."""
    if task.policy.protection != Protection.ISO or not task.policy.split:
        return False
    if task.is_whole:
        return False
    more: Sizes = {c.rank: _displayed(c) for c in passed if task.least.get(c.rank) != _displayed(c)}
    if not more or sum((task.least | more).values()) > task.wanted:
        return False
    task.least = task.least | more
    return True


def _told(task: Task, plan: Plan) -> Outcome:
    """What the record says of how quotes were protected."""
    flags = DecisionFlag.CAPPED if task.cap_nanos else DecisionFlag(0)
    if task.least and plan.allocations:
        flags |= DecisionFlag.ISO
        for part in plan.allocations:
            if not part.candidate.is_dark:
                part.flags = int(AllocationFlag.ISO)
    return Outcome(plan, task.cap_nanos, int(flags))

"""Kill switches by scope, and the throttle that a named person re-arms."""

from __future__ import annotations

from typing import Any

from aggregates import children, risk
from aggregates.desk import wind_down
from aggregates.order import Order
from aggregates.shard import ACCEPTED, MAX_KILLED, Refused, Shard
from schemas.codes import KillScope, Reason
from schemas.orders import KILL, REARM

BY_HAND, BY_REFERENCE = 1, 2
"""Bits of a venue's or an instrument's switches."""

OF_INSTRUMENTS = {
    KillScope.INSTRUMENT: BY_HAND,
    KillScope.SUSPENDED_INSTRUMENT: BY_REFERENCE,
}
OF_VENUES = {KillScope.VENUE: BY_HAND, KillScope.SUSPENDED_VENUE: BY_REFERENCE}


def apply_kill(shard: Shard, header: Any, raw: bytes) -> Refused:  # noqa: ARG001
    """Engages or releases a kill switch; engaging cancels what is open in its scope."""
    record = KILL.unpack(raw)
    if not _set_kill(shard, record):
        return Reason.BAD_VALUE, record.scope, 0
    if record.engaged:
        for order_id in sorted(shard.orders):
            order = shard.orders[order_id]
            if not order.final:
                _apply_to(shard, record, order)
    return ACCEPTED


def _apply_to(shard: Shard, record: Any, order: Order) -> None:
    if record.scope in OF_VENUES and not shard.kill_all:
        for child in order.children:
            if child.venue == record.venue:
                children.cancel(shard, order, child, Reason.VENUE_KILLED)
    elif risk.is_killed(shard, order.record, shard.books[order.record.instrument]):
        wind_down(shard, order, Reason.KILLED)


def _set_kill(shard: Shard, record: Any) -> bool:
    engaged = record.engaged != 0
    if record.scope == KillScope.ALL:
        shard.kill_all = engaged
    elif record.scope in OF_INSTRUMENTS and record.instrument < len(shard.books):
        book, switch = shard.books[record.instrument], OF_INSTRUMENTS[record.scope]
        book.killed = book.killed | switch if engaged else book.killed & ~switch
    elif record.scope in OF_VENUES and record.venue < len(shard.tables.venues):
        venue, switch = shard.tables.venues[record.venue], OF_VENUES[record.scope]
        venue.killed = venue.killed | switch if engaged else venue.killed & ~switch
    elif record.scope == KillScope.SELF_HELP and record.venue < len(shard.tables.venues):
        shard.tables.venues[record.venue].self_help = engaged
    elif record.scope in shard.killed:
        _set_target(shard, shard.killed[record.scope], record.target, engaged)
    else:
        return False
    return True


def _set_target(shard: Shard, targets: set[bytes], name: bytes, engaged: bool) -> None:
    """A kill that finds no room in its set kills all: a switch must never fail to switch."""
    if not engaged:
        targets.discard(name)
    elif name not in targets and len(targets) >= MAX_KILLED:
        shard.kill_all = True
    else:
        targets.add(name)


def rearm(shard: Shard, header: Any, raw: bytes) -> Refused:  # noqa: ARG001
    """A named person lets an account trade again after its throttle has tripped."""
    record = REARM.unpack(raw)
    if not record.person.strip(b"\0"):
        return Reason.NO_PERSON, 0, 0
    account = shard.accounts.get(record.account)
    if account is None:
        return Reason.UNKNOWN_ACCOUNT, 0, 0
    account.throttled = False
    account.sends.clear()
    return ACCEPTED

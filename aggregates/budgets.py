"""A shard's share of what an account may hold over all shards.

The gross limit of a budgeted account is split by whoever keeps the books of shares; a shard only
obeys. It never uses more than its share for a new order, gives back no more than what is free, and
says what it holds, so that nobody else is given it before.
"""

from __future__ import annotations

from typing import Any

from aggregates.accounts import MAX_ONES, Account, gross_ones
from aggregates.shard import ACCEPTED, Refused, Shard
from schemas.codes import OutputType, Reason
from schemas.orders import BUDGET
from schemas.shares import BUDGET_STATE
from schemas.units import INSTRUMENT_NONE, INT64_MAX


def apply_budget(shard: Shard, header: Any, raw: bytes) -> Refused:
    """A new share; one that shrinks keeps what is in use of the old one."""
    record = BUDGET.unpack(raw)
    account = shard.accounts.get(record.account)
    if account is None or not account.record.budgeted:
        return Reason.UNKNOWN_ACCOUNT, 0, 0
    if not 0 <= record.budget_ones <= MAX_ONES:
        return Reason.BAD_VALUE, record.budget_ones, 0
    used = _used_ones(shard, record.account)
    account.budget_ones = max(record.budget_ones, min(account.budget_ones, used))
    account.budget_seq = header.source_seq
    _tell(shard, record.account, account, used)
    return ACCEPTED


def publish_budgets(shard: Shard) -> None:
    """Says what is used of each share, where that has changed or more was wanted."""
    for name in sorted(shard.accounts):
        account = shard.accounts[name]
        if account.record.budgeted:
            used = _used_ones(shard, name)
            if used != account.told_ones or account.wanted_ones:
                _tell(shard, name, account, used)


def _used_ones(shard: Shard, name: bytes) -> int:
    return min(gross_ones(shard, name, INSTRUMENT_NONE, 0, 0), INT64_MAX)


def _tell(shard: Shard, name: bytes, account: Account, used: int) -> None:
    shard.emit(
        BUDGET_STATE,
        OutputType.BUDGET_STATE,
        INSTRUMENT_NONE,
        number=account.budget_seq,
        budget_ones=account.budget_ones,
        used_ones=used,
        wanted_ones=account.wanted_ones,
        account=name,
    )
    account.told_ones, account.wanted_ones = used, 0

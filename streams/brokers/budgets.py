"""How account-wide limits are split among shards: a fold of one topic, in its order.

`held` is the most that a shard may use: what it said it has, or any allocation it may get since. An
allocation that would let the shards together hold more than the limit counts for nothing, whoever
wrote it; so crashes, repeats and two writers at once change who gets what, never the sum. What one
shard gives back is given to another only behind the output in which the first one says so.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import msgspec

from schemas.codes import InputType
from schemas.errors import InputError
from schemas.json_inputs import BadMessageError, check_depth
from schemas.orders import BUDGET
from schemas.topics import INPUTS
from schemas.units import INSTRUMENT_NONE, VENUE_NONE
from streams.brokers.frames import BUDGET_SOURCE, seal_frame
from streams.brokers.shard_fold import Outgoing

EVEN_PARTS = 20
"""Shares are left alone while they differ by less than this part of an even share."""


class LimitSet(msgspec.Struct, frozen=True, kw_only=True, tag="limit"):
    """An account's gross limit over all shards, as of a version of the reference data."""

    account: str
    version: int
    limit_ones: int


class Allocated(msgspec.Struct, frozen=True, kw_only=True, tag="allocated"):
    """A share that somebody wants a shard to have."""

    account: str
    shard: int
    budget_ones: int


class Returned(msgspec.Struct, frozen=True, kw_only=True, tag="returned"):
    """What a shard said it holds after an allocation."""

    account: str
    shard: int
    number: int
    budget_ones: int


Entry = LimitSet | Allocated | Returned
_DECODER: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def encode_entry(entry: Entry) -> bytes:
    """A message for `sor.budgets`."""
    return msgspec.json.encode(entry)


def decode_entry(raw: bytes) -> Entry:
    """InputError for what is none."""
    try:
        check_depth(raw)
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, BadMessageError) as error:
        raise InputError(f"sor.budgets: {error}; only `sor coordinate` writes there") from None


@dataclass
class Share:
    """One account in one shard; `pending` are (number, ones) that it has not answered yet."""

    said_ones: int = 0
    seen: int = 0
    pending: deque[tuple[int, int]] = field(default_factory=deque)

    @property
    def held_ones(self) -> int:
        """The most that the shard may use, whichever of the allocations it has got."""
        return max(self.said_ones, *(ones for _, ones in self.pending), 0)


@dataclass
class Split:
    """One account over all shards."""

    limit_ones: int = 0
    version: int = 0
    shares: dict[int, Share] = field(default_factory=dict)

    @property
    def held_ones(self) -> int:
        """What all shards together may use at most."""
        return sum(share.held_ones for share in self.shares.values())


class BudgetBook:
    """The fold; `numbers` counts the allocations that every shard was given, of all accounts."""

    def __init__(self, shards: int) -> None:
        self.shards = shards
        self.accounts: dict[str, Split] = {}
        self.numbers = dict.fromkeys(range(shards), 0)
        self.ignored = 0

    def take(self, entry: Entry) -> Outgoing | None:
        """One message in its order; the input of a shard that follows from it, if one does."""
        out = None
        if isinstance(entry, LimitSet):
            is_known = self._limit(entry)
        elif isinstance(entry, Returned):
            is_known = self._returned(entry)
        else:
            out = self._allocated(entry)
            is_known = out is not None
        self.ignored += not is_known
        return out

    def unanswered(self) -> list[Outgoing]:
        """Inputs that a shard may lack, to be said again: it drops those that it has."""
        found = [
            (shard, number, name, ones)
            for name, split in self.accounts.items()
            for shard, share in split.shares.items()
            for number, ones in share.pending
        ]
        return [budget_input(*each) for each in sorted(found)]

    def _limit(self, entry: LimitSet) -> bool:
        split = self.accounts.setdefault(entry.account, Split())
        if entry.version <= split.version or entry.limit_ones < 0:
            return False
        split.version, split.limit_ones = entry.version, entry.limit_ones
        return True

    def _allocated(self, entry: Allocated) -> Outgoing | None:
        split = self.accounts.get(entry.account)
        if split is None or not 0 <= entry.shard < self.shards or entry.budget_ones < 0:
            return None
        share = split.shares.setdefault(entry.shard, Share())
        more = max(0, entry.budget_ones - share.held_ones)
        if more and split.held_ones + more > split.limit_ones:
            return None
        self.numbers[entry.shard] += 1
        number = self.numbers[entry.shard]
        share.pending.append((number, entry.budget_ones))
        return budget_input(entry.shard, number, entry.account, entry.budget_ones)

    def _returned(self, entry: Returned) -> bool:
        split = self.accounts.get(entry.account)
        share = split.shares.get(entry.shard) if split else None
        if share is None or not share.seen < entry.number <= self.numbers[entry.shard]:
            return False
        share.seen, share.said_ones = entry.number, entry.budget_ones
        while share.pending and share.pending[0][0] <= entry.number:
            share.pending.popleft()
        return True


def budget_input(shard: int, number: int, account: str, budget_ones: int) -> Outgoing:
    """The BUDGET input of a shard; the same allocation is always the same bytes."""
    record = BUDGET.pack(
        type=InputType.BUDGET,
        source=BUDGET_SOURCE,
        source_seq=number,
        venue=VENUE_NONE,
        instrument=INSTRUMENT_NONE,
        account=account.encode(),
        budget_ones=budget_ones,
    )
    return Outgoing(INPUTS, shard, 0, b"", seal_frame(shard, number, record, causation=number))


@dataclass(frozen=True)
class Use:
    """What a shard last said of an account: in use, and the most that an order wanted."""

    used_ones: int
    wanted_ones: int = 0
    until_turn: int = 0

    def at(self, turn: int) -> Use:
        """As it counts then: what was wanted is forgotten after a while."""
        return self if turn < self.until_turn else Use(self.used_ones)


def plan(name: str, book: BudgetBook, use: dict[int, Use]) -> list[Allocated]:
    """Allocations that move shares to where they are used, one at a time a shard.

    Shrinks first; what grows gets no more than nobody holds now. A shard that has said nothing is
    taken to use all that it holds.
    """
    split = book.accounts[name]
    shares = {shard: split.shares.get(shard, Share()) for shard in range(book.shards)}
    known = {s: use.get(s, Use(share.held_ones)) for s, share in shares.items()}
    targets = _targets(split.limit_ones, known)
    slack = split.limit_ones // (EVEN_PARTS * book.shards)
    if split.held_ones > split.limit_ones:
        slack = 0
    free = max(0, split.limit_ones - split.held_ones)
    found = []
    for shard, share in shares.items():
        held, target = share.held_ones, targets[shard]
        if share.pending or abs(target - held) <= slack:
            continue
        if target > held:
            target = min(target, held + free)
            free -= target - held
        if target != held:
            found.append(Allocated(account=name, shard=shard, budget_ones=target))
    return sorted(found, key=lambda each: each.budget_ones > shares[each.shard].held_ones)


def _targets(limit_ones: int, use: dict[int, Use]) -> dict[int, int]:
    """What each needs and an even part of the rest; where needs exceed the limit, in proportion."""
    used = {s: u.used_ones for s, u in use.items()}
    extra = {s: max(0, u.wanted_ones - u.used_ones) for s, u in use.items()}
    rest = limit_ones - sum(used.values())
    if rest <= 0:
        return used
    wanted = sum(extra.values())
    if wanted > rest:
        return {s: used[s] + extra[s] * rest // wanted for s in use}
    even = (rest - wanted) // len(use)
    return {s: used[s] + extra[s] + even for s in use}

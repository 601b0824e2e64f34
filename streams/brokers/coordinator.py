"""The agent between shards: merges what they learn of venues, and splits account-wide limits.

All it knows comes from topics, so it may be killed anywhere; two at once do no harm: priors carry
full values, and of allocations `BudgetBook` lets only those count that fit the limit. It is a
process of its own (`sor coordinate`), so it slows no decision; while it is away priors and shares
stay as they are.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from schemas.codes import InputType, OutputType
from schemas.errors import InputError
from schemas.reference import ACCOUNT, VENUE_PRIOR
from schemas.shares import BUDGET_STATE, VENUE_SUMS
from schemas.topic_envelope import EnvelopeError, open_envelope
from schemas.topics import (
    BUDGET_STATES,
    BUDGETS,
    REFERENCE,
    REFERENCE_CHANGES,
    VENUE_QUALITY,
)
from schemas.wire import iter_inputs, text
from streams.brokers.budgets import (
    BudgetBook,
    Entry,
    LimitSet,
    Returned,
    Use,
    decode_entry,
    encode_entry,
    plan,
)
from streams.brokers.link import BEGINNING, NOW, Link, Said
from streams.brokers.priors import VenuePriors
from streams.brokers.reference_changes import change_frame
from streams.brokers.shard_fold import Outgoing
from streams.config.service import Coordination

log = logging.getLogger(__name__)

WANTED_TURNS = 30
"""So long a shard is left the share that an order of its was refused for."""


class Coordinator:
    """One process; `link` reaches the installation."""

    def __init__(self, settings: Coordination, link: Link) -> None:
        self.settings, self.link = settings, link
        self.book = BudgetBook(link.shards)
        self.priors = VenuePriors()
        self.use: dict[str, dict[int, Use]] = {}
        self._wants: dict[tuple[str, int], tuple[int, int]] = {}
        self._turn = 0
        self._newest: dict[tuple[str, int], int] = {}
        self._settled: dict[tuple[str, int], int] = {}
        self._sending = asyncio.Lock()

    async def run(self) -> None:
        """Works until cancelled."""
        await self.link.create()
        place = await self.begin()
        places = {(BUDGETS, 0): place, (REFERENCE, 0): BEGINNING}
        for shard in range(self.link.shards):
            places[BUDGET_STATES, shard] = BEGINNING
            places[VENUE_QUALITY, shard] = NOW
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow(places))
                group.create_task(self._every(self.settings.prior_s, self.tell_priors))
                group.create_task(self._every(self.settings.budget_s, self.move_shares))
        finally:
            await self.link.close()

    async def begin(self) -> str:
        """Folds what was said so far, and says again what shards may lack; where to go on."""
        place = BEGINNING
        for said in await self.link.history(BUDGETS):
            self._fold(said)
            place = said.place
        for out in self.book.unanswered():
            await self._send(out)
        return place

    async def take(self, said: Said) -> None:
        """One message of a topic that it follows, and what has to be sent at once for it."""
        if said.topic == BUDGETS:
            out = self._fold(said)
            if out is not None:
                await self._send(out)
        elif said.topic == REFERENCE:
            await self._reference(said.value)
        else:
            await self._output(said.topic, said.value)

    async def _follow(self, places: dict[tuple[str, int], str]) -> None:
        async for said in self.link.follow(places):
            await self.take(said)

    def _fold(self, said: Said) -> Outgoing | None:
        """A message of `sor.budgets`; one that nobody of us wrote changes nothing."""
        try:
            return self.book.take(decode_entry(said.value))
        except InputError as error:
            log.warning("%s", error)
            return None

    async def _reference(self, raw: bytes) -> None:
        """Limits of accounts, which every shard has by now, and priors that were told before."""
        try:
            payload = open_envelope(raw, REFERENCE).payload
        except EnvelopeError:
            return
        for kind, record in iter_inputs(payload):
            if kind == InputType.VENUE_PRIOR:
                self.priors.learn(VENUE_PRIOR.unpack(record))
            elif kind == InputType.ACCOUNT:
                terms = ACCOUNT.unpack(record)
                name = text(terms.account)
                known = self.book.accounts.get(name)
                if terms.source_seq > (known.version if known else 0) and (known or terms.budgeted):
                    limit_ones = terms.max_gross_ones if terms.budgeted else 0
                    version = terms.source_seq
                    await self._log(LimitSet(account=name, version=version, limit_ones=limit_ones))

    async def _output(self, topic: str, raw: bytes) -> None:
        payload = bytes(open_envelope(raw, topic).payload)
        kind = payload[4]
        if kind == OutputType.VENUE_SUMS:
            self.priors.take(VENUE_SUMS.unpack(payload))
        elif kind == OutputType.BUDGET_STATE:
            await self._state(BUDGET_STATE.unpack(payload))

    async def _state(self, state: Any) -> None:
        """What a shard holds now; an allocation that it answers is settled by saying so once."""
        name, shard, number = text(state.account), state.shard, state.number
        key = (name, shard)
        if state.out_seq <= self._newest.get(key, 0):
            return
        self._newest[key] = state.out_seq
        if state.wanted_ones:
            self._wants[key] = state.wanted_ones, self._turn + WANTED_TURNS
        wanted, until = self._wants.get(key, (0, 0))
        self.use.setdefault(name, {})[shard] = Use(state.used_ones, wanted, until)
        split = self.book.accounts.get(name)
        share = split.shares.get(shard) if split else None
        settled = max(self._settled.get(key, 0), share.seen if share else 0)
        if number > settled:
            self._settled[key] = number
            said = state.budget_ones
            await self._log(Returned(account=name, shard=shard, number=number, budget_ones=said))

    async def move_shares(self) -> None:
        """One turn: allocations that bring shares nearer to where they are used."""
        self._turn += 1
        for name in sorted(self.book.accounts):
            use = {s: u.at(self._turn) for s, u in self.use.get(name, {}).items()}
            for wanted in plan(name, self.book, use):
                await self._log(wanted)

    async def tell_priors(self) -> None:
        """One turn: priors of the venues of which something new was learned."""
        records = self.priors.changed()
        if records:
            frame = change_frame(records)
            await self._send(Outgoing(REFERENCE_CHANGES, 0, 0, b"", frame))

    @staticmethod
    async def _every(seconds: float, turn: Callable[[], Awaitable[None]]) -> None:
        """The first turn comes after a whole cadence: by then every shard has said its sums."""
        while True:
            await asyncio.sleep(seconds)
            await turn()

    async def _log(self, entry: Entry) -> None:
        """Says it in the topic; what follows from it is done when it is read there."""
        await self._send(Outgoing(BUDGETS, 0, 0, b"", encode_entry(entry)))

    async def _send(self, out: Outgoing) -> None:
        async with self._sending:
            await self.link.send(out)
            await self.link.flush()

"""Reference data of the live service: agreed in its own store, told to the engine by the relay."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from aggregates.reference.items import Item, StaleEditError
from aggregates.reference.terms import checked
from projections.api.problems import ProblemError
from projections.api.reads import Reads
from schemas.commands import CommandPort
from schemas.errors import InputError, NotFoundError, VenuefoldError
from streams.observability.logs import Logger
from streams.reference.adopt import adopt
from streams.reference.relay import Relay, RelayError, relay_into, start_of
from streams.reference.service import ReferenceService, history_rows, shown

Values = dict[str, Any]
WAIT_S = 10.0
BEGIN_S = 1.0


class Governed:
    """Commands and questions of the API; one relay a log."""

    def __init__(self, store: str, run: Path, port: CommandPort, reads: Reads, log: Logger) -> None:
        self.service = ReferenceService(store)
        self.run, self.port, self.reads, self.log = run, port, reads, log
        self.relay: Relay | None = None
        self._stopped = asyncio.Event()

    @property
    def fault(self) -> str:
        """Why changes do not reach the log now, empty when they do."""
        if self.relay is None:
            return "reference data: the log is still being read"
        return self.relay.error

    def items(self, kind: str) -> list[Values]:
        """Items of a kind by key."""
        return [shown(item) for item in self.service.items(kind)]

    def item(self, kind: str, key: str) -> Values:
        """An item and everything that was done to it; ProblemError 404 when there is none."""
        try:
            item = shown(self.service.get(kind, key))
            return item | {"history": history_rows(self.service.history(kind, key))}
        except NotFoundError as error:
            raise ProblemError(404, f"unknown_{kind}", str(error), "key") from None

    async def propose(
        self, kind: str, key: str, terms: Values, actor: str, reason: str
    ) -> tuple[Values, Values | None]:
        """A new item, not in force."""
        return await self._change(
            lambda: self.service.propose(kind, key, self._fitting(kind, key, terms), actor, reason)
        )

    async def change(
        self,
        verb: str,
        kind: str,
        key: str,
        terms: Values | None,
        version: int,
        actor: str,
        reason: str,
    ) -> tuple[Values, Values | None]:
        """The item after a change, and where the log has its last record (None for none)."""
        if verb == "amend":
            if terms is None:
                raise ProblemError(422, "no_terms", "give the new terms in full", "terms")
            full = terms
            return await self._change(
                lambda: self.service.amend(
                    kind, key, self._fitting(kind, key, full), version, actor, reason
                )
            )
        if terms is not None:
            raise ProblemError(422, "bad_reference", f"{verb} takes no terms", "terms")
        return await self._change(lambda: self._act(verb, kind, key, version, actor, reason))

    def _act(self, verb: str, kind: str, key: str, version: int, actor: str, reason: str) -> Any:
        item = self.service.get(kind, key)
        terms = item.pending or item.live
        if verb == "activate" and terms is not None and self.relay is not None:
            self.relay.check(kind, key, terms)
        return self.service.act(verb, kind, key, version, actor, reason)

    def _fitting(self, kind: str, key: str, terms: Values) -> Values:
        """Terms that the relay will be able to tell."""
        found = checked(kind, terms)
        if self.relay is not None and kind != "limits":
            self.relay.check(kind, key, found)
        return found

    async def _change(self, act: Any) -> tuple[Values, Values | None]:
        try:
            item = await asyncio.to_thread(act)
        except StaleEditError as error:
            raise ProblemError(409, "stale_edit", str(error), "version") from None
        except NotFoundError as error:
            raise ProblemError(404, "unknown_key", str(error), "key") from None
        except InputError as error:
            raise ProblemError(422, "bad_reference", str(error)) from None
        return shown(item), await self._tell(item)

    async def _tell(self, item: Item) -> Values | None:
        """Takes what is agreed to the log at once; None when nothing had to, or could not yet."""
        if self.relay is None:
            return None
        try:
            await asyncio.wait_for(self.relay.step(), WAIT_S)
        except (RelayError, TimeoutError) as error:
            self.relay.error = str(error) or "the engine does not answer"
            return None
        self.relay.error = ""
        place = self.relay.place_of(item)
        return None if place is None else {"shard": place.shard, "position": place.position}

    async def follow(self) -> None:
        """Reads the log, adopts what it began with, then relays until told to stop."""
        while self.relay is None and not self._stopped.is_set():
            try:
                self.relay = await asyncio.to_thread(self._begin)
            except VenuefoldError as error:
                self.log.warning("reference data waits for the log", error=str(error))
                await asyncio.sleep(BEGIN_S)
        if self.relay is not None:
            await self.relay.follow(self._stopped)

    def _begin(self) -> Relay:
        start = start_of(self.reads, self.run)
        relay = relay_into(self.run, self.service, self.port, start)
        found, left = adopt(self.service, relay.inventory.items())
        begun = 0 if start is None else start.seq
        self.log.info("reference data", adopted=len(found), left=left, read_from=begun)
        return relay

    async def close(self) -> None:
        """Stops the relay and gives connections back."""
        self._stopped.set()
        self.service.close()

"""Takes changes of reference data to the input log: each once, in order, whatever dies between.

Every record carries its stamp in `venue_ns`, which nothing else uses in reference inputs: the
number of the notification and the record's place in it. The last stamp in the log says where to go
on, so the log itself is the relay's memory and no second one can disagree with it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from aggregates.reference.items import IN_FORCE, Activated, Item
from schemas.commands import Accepted, Refused
from schemas.envelope import HEADER
from schemas.errors import InvariantError, VenuefoldError
from schemas.units import NS_PER_MS
from streams.log.run import RunDirectory
from streams.log.tail import InputTail
from streams.reference.records import Catalogue, records_of
from streams.reference.service import ReferenceService

STAMP_SHIFT = 20
"""A change becomes fewer than 2**20 records."""

STAMP_AT, STAMP_SIZE = HEADER.offsets()["venue_ns"]
POLL_S = 500 * NS_PER_MS / 1e9


class Port(Protocol):
    """What the relay needs of the command port."""

    async def submit(self, record: bytes) -> Accepted | Refused:
        """Append one input record; returns once it is durable or refused."""


class RelayError(VenuefoldError):
    """A change could not be taken to the log; the next step tries again."""


@dataclass
class Relayed:
    """What a step did: notifications looked at, records appended."""

    notifications: int = 0
    records: int = 0


class Relay:
    """Follows one store of reference data into one run. Only one runs for a log at a time."""

    def __init__(self, service: ReferenceService, port: Port, log_directory: Path) -> None:
        self.service, self.port = service, port
        self.catalogue = Catalogue()
        self.last_stamp = 0
        self._tail = InputTail(log_directory, 0, 0)
        self._seen = 0
        self.error = ""
        self.read_log()

    def read_log(self) -> None:
        """Folds what the log holds: who is known, and the last stamp."""
        for record in [*self._tail.settled(), *self._tail.settled()]:
            self.catalogue.fold(record.type, record.raw)
            self.last_stamp = max(self.last_stamp, stamp_of(record.raw))

    async def step(self) -> Relayed:
        """Appends what is new. Raises RelayError for a record that was refused."""
        done = Relayed()
        for noted in self.service.events(self._seen):
            done.notifications += 1
            if isinstance(noted.event, IN_FORCE):
                done.records += await self._relay(noted.number, noted.event)
            self._seen = noted.number
        return done

    async def follow(self, stopped: asyncio.Event) -> None:
        """Steps until told to stop; `error` says what was refused, and is tried again."""
        while not stopped.is_set():
            try:
                await self.step()
                self.error = ""
            except RelayError as error:
                self.error = str(error)
            try:
                await asyncio.wait_for(stopped.wait(), POLL_S)
            except TimeoutError:
                continue

    async def _relay(self, number: int, event: Any) -> int:
        item: Item = self.service.application.repository.get(event.originator_id)
        sent = 0
        for place, record in enumerate(records_of(item.kind, item.key, event, self.catalogue)):
            stamp = number << STAMP_SHIFT | place
            if stamp > self.last_stamp:
                await self._append(stamped(record, stamp), f"{item.kind} {item.key}")
                self.last_stamp = stamp
                sent += 1
            self.catalogue.fold(record[0], record)
        if item.kind == "venue":
            self._note_venue(item.key, event)
        return sent

    def _note_venue(self, key: str, event: Any) -> None:
        if isinstance(event, Activated):
            self.catalogue.venue_terms[key] = event.terms
        else:
            self.catalogue.venue_terms.pop(key, None)

    async def _append(self, record: bytes, subject: str) -> None:
        answer = await self.port.submit(record)
        if isinstance(answer, Refused):
            raise RelayError(
                f"{subject}: its record was not appended ({answer.reason}: {answer.detail}); "
                "the relay goes on from there when it is started again"
            )


def stamped(record: bytes, stamp: int) -> bytes:
    """The record with its stamp."""
    if stamp >= 1 << 63:
        raise InvariantError(f"stamp {stamp} does not fit 64 bits")
    value = stamp.to_bytes(STAMP_SIZE, "little")
    return record[:STAMP_AT] + value + record[STAMP_AT + STAMP_SIZE :]


def stamp_of(record: bytes) -> int:
    """The stamp of a reference or kill record, 0 for one that no relay appended."""
    return int.from_bytes(record[STAMP_AT : STAMP_AT + STAMP_SIZE], "little", signed=True)


def relay_into(run: Path, service: ReferenceService, port: Port) -> Relay:
    """A relay into a run that a process is serving."""
    with RunDirectory.open(run) as opened:
        return Relay(service, port, opened.shard(0).directory)

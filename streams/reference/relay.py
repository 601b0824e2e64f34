"""Takes changes of reference data to the input log: each once, in order, whatever dies between.

Every record carries its stamp in `venue_ns`, which nothing else uses in reference inputs: the
number of the notification and the record's place in it. The last stamp in the log says where to go
on, so the log itself is the relay's memory and no second one can disagree with it. The read models
are a fold of that log: a relay that is given what they hold reads only what follows them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from aggregates.reference.items import IN_FORCE, Adopted, Item, Retired
from projections.api.problems import ProblemError
from projections.api.reads import Reads, fetch
from schemas.codes import InputType
from schemas.commands import Accepted, Refused
from schemas.envelope import HEADER, REFERENCE_TYPES
from schemas.errors import InputError, InvariantError, VenuefoldError
from schemas.units import NS_PER_MS
from streams.log.run import RunDirectory
from streams.log.tail import InputTail
from streams.projector import run_key
from streams.reference.adopt import Inventory
from streams.reference.records import Catalogue, records_of
from streams.reference.rules import check_names
from streams.reference.service import ReferenceService

STAMP_SHIFT = 20
"""A change becomes fewer than 2**20 records."""

STAMPED = REFERENCE_TYPES | {InputType.KILL}
STAMP_AT, STAMP_SIZE = HEADER.offsets()["venue_ns"]
POLL_S = 500 * NS_PER_MS / 1e9


class Port(Protocol):
    """What the relay needs of the command port."""

    async def submit(self, record: bytes) -> Accepted | Refused:
        """Append one input record; returns once it is durable or refused."""


@dataclass(frozen=True)
class Start:
    """What a log held up to a position: the newest record of each thing, and the last stamp."""

    seq: int = 0
    stamp: int = 0
    records: tuple[bytes, ...] = ()


class RelayError(VenuefoldError):
    """A change could not be taken to the log; the next step tries again."""


@dataclass
class Relayed:
    """What a step did: notifications looked at, records appended."""

    notifications: int = 0
    records: int = 0


class Relay:
    """Follows one store of reference data into one run. Only one runs for a log at a time."""

    def __init__(
        self, service: ReferenceService, port: Port, log_directory: Path, start: Start | None = None
    ) -> None:
        self.service, self.port = service, port
        self.catalogue, self.inventory = Catalogue(), Inventory()
        start = start or Start()
        self.last_stamp = start.stamp
        self._at_work = asyncio.Lock()
        self._tail = InputTail(log_directory, 0, start.seq, tuple(STAMPED))
        self._seen = 0
        self.error = ""
        self._placed: dict[UUID, tuple[int, Accepted]] = {}
        for raw in start.records:
            self._fold(raw[0], raw)
        self.read_log()

    def read_log(self) -> None:
        """Folds what the log holds behind the start: who is known, and the last stamp."""
        for record in [*self._tail.settled(), *self._tail.settled()]:
            self._fold(record.type, record.raw)

    def _fold(self, kind: int, raw: bytes) -> None:
        self.catalogue.fold(kind, raw)
        self.inventory.fold(kind, raw)
        self.last_stamp = max(self.last_stamp, stamp_of(raw))

    async def step(self) -> Relayed:
        """Appends what is new. Raises RelayError for a record that was refused."""
        done = Relayed()
        async with self._at_work:
            for noted in self.service.events(self._seen):
                done.notifications += 1
                if isinstance(noted.event, IN_FORCE):
                    await self._relay(noted.number, noted.event, done)
                elif isinstance(noted.event, Adopted):
                    self._note(self._item(noted.event), noted.event)
                self._seen = noted.number
        return done

    def place_of(self, item: Item) -> Accepted | None:
        """Where the last record of an item's version is, whichever step appended it."""
        version, place = self._placed.get(item.id, (0, None))
        return place if version == item.version else None

    def check(self, kind: str, key: str, terms: Any) -> None:
        """InputError when terms name what the log does not know: they could not be relayed."""
        check_names(kind, key, terms, self.catalogue)

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

    def _item(self, event: Any) -> Item:
        found: Item = self.service.application.repository.get(event.originator_id)
        return found

    async def _relay(self, number: int, event: Any, done: Relayed) -> None:
        item = self._item(event)
        for count, record in enumerate(self._records(item, event)):
            stamp = number << STAMP_SHIFT | count
            if stamp > self.last_stamp:
                place = await self._append(stamped(record, stamp), f"{item.kind} {item.key}")
                self._placed[item.id] = event.originator_version, place
                self.last_stamp = stamp
                done.records += 1
            self.catalogue.fold(record[0], record)
        self._note(item, event)

    def _records(self, item: Item, event: Any) -> list[bytes]:
        try:
            return records_of(item.kind, item.key, event, self.catalogue)
        except InputError as error:
            raise RelayError(f"{error}; until then no later change reaches the log") from None

    def _note(self, item: Item, event: Any) -> None:
        """Keeps a venue's terms, for instruments that come later."""
        if item.kind != "venue":
            return
        if isinstance(event, Retired):
            self.catalogue.venue_terms.pop(item.key, None)
        else:
            self.catalogue.venue_terms[item.key] = event.terms

    async def _append(self, record: bytes, subject: str) -> Accepted:
        answer = await self.port.submit(record)
        if isinstance(answer, Refused):
            raise RelayError(
                f"{subject}: its record was not appended ({answer.reason}: {answer.detail}); "
                "the relay tries again"
            )
        return answer


def stamped(record: bytes, stamp: int) -> bytes:
    """The record with its stamp."""
    if stamp >= 1 << 63:
        raise InvariantError(f"stamp {stamp} does not fit 64 bits")
    value = stamp.to_bytes(STAMP_SIZE, "little")
    return record[:STAMP_AT] + value + record[STAMP_AT + STAMP_SIZE :]


def stamp_of(record: bytes) -> int:
    """The stamp of a reference or kill record, 0 for one that no relay appended."""
    return int.from_bytes(record[STAMP_AT : STAMP_AT + STAMP_SIZE], "little", signed=True)


def relay_into(
    run: Path, service: ReferenceService, port: Port, start: Start | None = None
) -> Relay:
    """A relay into a run that a process is serving."""
    with RunDirectory.open(run) as opened:
        return Relay(service, port, opened.shard(0).directory, start)


def start_of(reads: Reads, run: Path) -> Start | None:
    """What the read models hold of the run's first shard; None where they hold nothing of it."""
    try:
        with reads.connect() as connection:
            facts = fetch(connection, ("SELECT value FROM facts WHERE name = 'run'", []))
            if facts != [(run_key(run),)]:
                return None
            places = fetch(connection, ("SELECT seq FROM positions WHERE shard = 0", []))
            stamps = fetch(connection, ("SELECT max(stamp) FROM kills", []))
            rows = fetch(connection, ("SELECT record FROM reference ORDER BY version", []))
    except ProblemError:
        return None
    if not places:
        return None
    records = tuple(bytes(row[0]) for row in rows)
    return Start(int(places[0][0]), int(stamps[0][0] or 0), records)

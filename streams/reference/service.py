"""Reference data in a database: commands on items, and everything that was ever done to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from uuid import UUID, uuid5

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import IntegrityError
from sqlalchemy.engine import make_url

from aggregates.reference.items import ITEMS, First, Item, StaleEditError
from schemas.errors import InputError, NotFoundError
from schemas.units import NS_PER_S
from streams.clock import Clock, SystemClock

NAMESPACE = UUID("6c1f2c0e-7a2b-5d43-9d0a-5f6e1b9a4c11")
"""Ids follow from kind and key, so that one key is never two items."""

PAGE = 500


@dataclass(frozen=True)
class Noted:
    """One event with its place in the order of all of them."""

    number: int
    event: Any


def environment(url: str) -> dict[str, str]:
    """What the event store needs to open `sqlite:///FILE` or `postgresql://...`."""
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        return {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)}
    if url.startswith(("postgresql://", "postgresql+psycopg://")):
        found = make_url(url)
        return {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": found.database or "",
            "POSTGRES_HOST": found.host or "127.0.0.1",
            "POSTGRES_PORT": str(found.port or 5432),
            "POSTGRES_USER": found.username or "",
            "POSTGRES_PASSWORD": str(found.password or ""),
            "POSTGRES_POOL_SIZE": "2",
        }
    raise InputError(
        f"reference data: {url.partition('://')[0]!r} is no database; "
        "write sqlite:///FILE or postgresql://USER@HOST/DATABASE"
    )


class ReferenceApplication(Application[UUID]):
    """The event store of reference data; its tables carry this name."""

    name = "reference"


class ReferenceService:
    """Commands and questions. Close it, or use it as a context."""

    def __init__(self, url: str, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.application = ReferenceApplication(env=environment(url))

    def propose(self, kind: str, key: str, terms: Any, actor: str, reason: str) -> Item:
        """A new item; InputError when the key is taken."""
        identity = item_id(kind, key)
        try:
            self.application.repository.get(identity)
        except AggregateNotFoundError:
            pass
        else:
            raise InputError(f"{kind} {key}: exists; amend it")
        made = ITEMS[kind].propose(identity, key, terms, at=self._now(), actor=actor, reason=reason)
        return self._saved(made)

    def adopt(
        self, kind: str, key: str, terms: Any, revision: int, actor: str, reason: str
    ) -> Item:
        """A new item whose terms are in force already."""
        made = ITEMS[kind].propose(
            item_id(kind, key), key, terms, at=self._now(), actor=actor, reason=reason
        )
        made.adopt(revision=revision, at=self._now(), actor=actor, reason=reason)
        return self._saved(made)

    def amend(self, kind: str, key: str, terms: Any, version: int, actor: str, reason: str) -> Item:
        """Proposes other terms of an item."""
        item = self.get(kind, key)
        item.amend(terms, version=version, at=self._now(), actor=actor, reason=reason)
        return self._saved(item)

    def act(self, verb: str, kind: str, key: str, version: int, actor: str, reason: str) -> Item:
        """`approve`, `activate`, `suspend` or `retire` an item as seen at `version`."""
        item = self.get(kind, key)
        command = getattr(item, verb)
        command(version=version, at=self._now(), actor=actor, reason=reason)
        return self._saved(item)

    def get(self, kind: str, key: str) -> Item:
        """One item; NotFoundError when there is none."""
        try:
            found: Item = self.application.repository.get(item_id(kind, key))
        except AggregateNotFoundError:
            raise NotFoundError(f"{kind} {key}: not known; `sor reference list`") from None
        return found

    def items(self, kind: str | None = None) -> list[Item]:
        """All items by kind and key."""
        made = [note.event for note in self.events() if isinstance(note.event, First)]
        found: list[Item] = [self.application.repository.get(e.originator_id) for e in made]
        chosen = [item for item in found if kind in (None, item.kind)]
        return sorted(chosen, key=lambda item: (item.kind, item.key))

    def history(self, kind: str, key: str) -> list[Any]:
        """Every event of an item, oldest first."""
        return list(self.application.events.get(self.get(kind, key).id))

    def events(self, after: int = 0) -> Iterator[Noted]:
        """All events behind a notification number, in order."""
        while True:
            page = self.application.recorder.select_notifications(after + 1, PAGE)
            for notification in page:
                after = int(notification.id)
                yield Noted(after, self.application.mapper.to_domain_event(notification))
            if len(page) < PAGE:
                return

    def close(self) -> None:
        """Gives connections back."""
        self.application.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _saved(self, item: Item) -> Item:
        try:
            self.application.save(item)
        except IntegrityError:
            raise StaleEditError(
                f"{item.kind} {item.key}: somebody else changed it at this moment; look again"
            ) from None
        return item

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now_ns() / NS_PER_S, UTC)


def item_id(kind: str, key: str) -> UUID:
    """The id of an item; InputError for a kind that there is not."""
    if kind not in ITEMS:
        raise InputError(f"{kind!r} is no kind of reference data; there are {', '.join(ITEMS)}")
    return uuid5(NAMESPACE, f"{kind}/{key}")


def shown(item: Item) -> dict[str, Any]:
    """An item as plain values."""
    return {
        "kind": item.kind,
        "key": item.key,
        "state": item.state,
        "version": item.version,
        "revision": item.revision,
        "live": item.live,
        "pending": item.pending,
        "author": item.author,
        "approver": item.approver,
        "modified_on": item.modified_on.isoformat(),
    }


def history_rows(events: list[Any]) -> list[dict[str, Any]]:
    """What was done to an item, oldest first."""
    return [
        {
            "version": event.originator_version,
            "what": "proposed" if isinstance(event, First) else type(event).__name__.lower(),
            "at": event.timestamp.isoformat(),
            "actor": event.actor,
            "reason": event.reason,
        }
        for event in events
    ]

"""A piece of reference data as an event-sourced aggregate: proposed, agreed by two, then in force.

Terms are proposed by one person and approved by another; activating puts the approved terms in
force. Every event names its actor and reason, and every command the version that its actor saw: a
stale edit is refused. Ids and times are passed in.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent
from eventsourcing.utils import register_topic

from aggregates.reference.life import (
    ACTIVATE,
    ADOPT,
    AMEND,
    APPROVE,
    FIRST,
    RETIRE,
    SUSPEND,
    following,
)
from aggregates.reference.terms import check_key, checked
from schemas.errors import InputError

Values = dict[str, Any]


class StaleEditError(InputError):
    """Somebody changed the item after the actor looked at it."""


class First(AggregateCreated):
    """An item with its first terms, not in force. Each kind has its own, with its own topic."""

    key: str
    terms: Values
    actor: str
    reason: str


class Amended(AggregateEvent):
    """Other terms are proposed."""

    TOPIC = "reference.amended"
    terms: Values
    actor: str
    reason: str

    def apply(self, aggregate: Any) -> None:
        """Puts them beside those in force."""
        aggregate.move(AMEND)
        aggregate.pending, aggregate.author, aggregate.approver = self.terms, self.actor, None


class Approved(AggregateEvent):
    """A second person agrees with the proposed terms."""

    TOPIC = "reference.approved"
    actor: str
    reason: str

    def apply(self, aggregate: Any) -> None:
        """Notes who it was."""
        aggregate.move(APPROVE)
        aggregate.approver = self.actor


class Turned(AggregateEvent):
    """What is in force changed; `revision` counts how often terms were put in force."""

    TOPIC = "reference.turned"
    terms: Values
    revision: int
    actor: str
    reason: str


class Activated(Turned):
    """Approved terms are in force; it carries them in full."""

    TOPIC = "reference.activated"

    def apply(self, aggregate: Any) -> None:
        """Puts them in force."""
        aggregate.move(ACTIVATE)
        aggregate.live, aggregate.revision = self.terms, self.revision
        if aggregate.approver is not None:
            aggregate.pending = aggregate.author = aggregate.approver = None


class Adopted(Turned):
    """The first terms are in force: the log was begun with them, so nobody tells it again."""

    TOPIC = "reference.adopted"

    def apply(self, aggregate: Any) -> None:
        """Takes them as they are."""
        aggregate.move(ADOPT)
        aggregate.live, aggregate.revision = self.terms, self.revision
        aggregate.pending = aggregate.author = aggregate.approver = None


class Suspended(Turned):
    """Out of force until it is activated again; one person is enough to stop."""

    TOPIC = "reference.suspended"

    def apply(self, aggregate: Any) -> None:
        """Stops it."""
        aggregate.move(SUSPEND)


class Retired(Turned):
    """Out of force for ever; `terms` are the last ones in force, empty where none ever were."""

    TOPIC = "reference.retired"

    def apply(self, aggregate: Any) -> None:
        """Ends it."""
        aggregate.move(RETIRE)
        aggregate.pending = aggregate.author = aggregate.approver = None


class Item(Aggregate):
    """What all five kinds share. `live` are the terms in force, `pending` those being agreed."""

    kind = ""

    class Created(First):
        """The first terms of an item; the library makes one on each class."""

        TOPIC = "reference.item.proposed"

    def __init__(self, key: str, terms: Values, actor: str) -> None:
        self.key = key
        self.state = FIRST[self.kind]
        self.live: Values | None = None
        self.pending: Values | None = terms
        self.author: str | None = actor
        self.approver: str | None = None
        self.revision = 0

    @classmethod
    def propose(
        cls, identity: Any, key: str, terms: Any, *, at: datetime, actor: str, reason: str
    ) -> Item:
        """A new item; `identity` is its UUID."""
        named(actor, reason)
        check_key(cls.kind, key)
        values = checked(cls.kind, terms)
        return cls._create(
            cls.Created,
            id=identity,
            key=key,
            terms=values,
            timestamp=at,
            actor=actor,
            reason=reason,
        )

    def adopt(self, *, revision: int, at: datetime, actor: str, reason: str) -> None:
        """Takes the first terms as in force already."""
        self.check(ADOPT, self.version, actor, reason)
        self.trigger_event(
            Adopted,
            terms=self.pending,
            revision=revision,
            timestamp=at,
            actor=actor,
            reason=reason,
        )

    def amend(self, terms: Any, *, version: int, at: datetime, actor: str, reason: str) -> None:
        """Proposes other terms, in place of any that were not in force yet."""
        self.check(AMEND, version, actor, reason)
        values = checked(self.kind, terms)
        if values == (self.pending or self.live):
            raise InputError(f"{self.kind} {self.key}: these are its terms already")
        self.trigger_event(Amended, terms=values, timestamp=at, actor=actor, reason=reason)

    def approve(self, *, version: int, at: datetime, actor: str, reason: str) -> None:
        """Agrees with the proposed terms; their author cannot."""
        self.check(APPROVE, version, actor, reason)
        if self.pending is None:
            raise InputError(f"{self.kind} {self.key}: nothing is proposed; amend it first")
        if self.approver is not None:
            raise InputError(f"{self.kind} {self.key}: {self.approver} approved it already")
        if actor == self.author:
            raise InputError(
                f"{self.kind} {self.key}: {actor} proposed these terms; a second person approves"
            )
        self.trigger_event(Approved, timestamp=at, actor=actor, reason=reason)

    def activate(self, *, version: int, at: datetime, actor: str, reason: str) -> None:
        """Puts approved terms in force, or those of a suspended item again."""
        self.check(ACTIVATE, version, actor, reason)
        terms = self.pending if self.approver is not None else None
        if terms is None and self.state == "suspended":
            terms = self.live
        if terms is None:
            raise InputError(f"{self.kind} {self.key}: no approved terms wait; amend and approve")
        self.trigger_event(
            Activated,
            terms=terms,
            revision=self.revision + 1,
            timestamp=at,
            actor=actor,
            reason=reason,
        )

    def suspend(self, *, version: int, at: datetime, actor: str, reason: str) -> None:
        """Takes it out of force at once."""
        self.check(SUSPEND, version, actor, reason)
        self._end(Suspended, at, actor, reason)

    def retire(self, *, version: int, at: datetime, actor: str, reason: str) -> None:
        """Takes it out of force for ever."""
        self.check(RETIRE, version, actor, reason)
        self._end(Retired, at, actor, reason)

    def move(self, event: str) -> None:
        """Fires the life cycle's table."""
        self.state = following(self.kind, self.key, self.state, event)

    def check(self, event: str, version: int, actor: str, reason: str) -> None:
        """Refuses what cannot be done now, by nobody, for no reason, or on a stale view."""
        named(actor, reason)
        if version != self.version:
            raise StaleEditError(
                f"{self.kind} {self.key}: is at version {self.version}, the change was made on "
                f"{version}; look again"
            )
        following(self.kind, self.key, self.state, event)

    def _end(self, event: Any, at: datetime, actor: str, reason: str) -> None:
        self.trigger_event(
            event,
            terms=self.live or {},
            revision=self.revision,
            timestamp=at,
            actor=actor,
            reason=reason,
        )


class Venue(Item):
    """Where orders are sent."""

    TOPIC = "reference.venue"
    kind = "venue"

    class Created(First):
        """The first terms of a venue."""

        TOPIC = "reference.venue.proposed"


class Instrument(Item):
    """What is traded."""

    TOPIC = "reference.instrument"
    kind = "instrument"

    class Created(First):
        """The first terms of an instrument."""

        TOPIC = "reference.instrument.proposed"


class RoutingPolicy(Item):
    """How orders are routed."""

    TOPIC = "reference.policy"
    kind = "policy"

    class Created(First):
        """The first terms of a policy."""

        TOPIC = "reference.policy.proposed"


class RiskLimits(Item):
    """What an order may be at most."""

    TOPIC = "reference.limits"
    kind = "limits"

    class Created(First):
        """The first terms of limits."""

        TOPIC = "reference.limits.proposed"


class Account(Item):
    """For whom is traded."""

    TOPIC = "reference.account"
    kind = "account"

    class Created(First):
        """The first terms of an account."""

        TOPIC = "reference.account.proposed"


ITEMS: dict[str, type[Item]] = {
    item.kind: item for item in (Venue, Instrument, RoutingPolicy, RiskLimits, Account)
}
IN_FORCE = (Activated, Suspended, Retired)
"""Events that change what is in force."""


def named(actor: str, reason: str) -> None:
    """InputError without an actor or a reason."""
    if not actor.strip() or not reason.strip():
        raise InputError("a change needs its actor and its reason (--actor, --reason)")


for _event in (Adopted, Amended, Approved, Activated, Suspended, Retired):
    register_topic(_event.TOPIC, _event)

"""Life cycles, four eyes and stale edits of reference data."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.utils import resolve_topic

from aggregates.reference.items import ITEMS, Item, StaleEditError
from aggregates.reference.life import FIRST, LIVES
from aggregates.reference.terms import checked
from schemas.errors import InputError

AT = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
TERMS: dict[str, dict[str, Any]] = {
    "venue": {"name": "Nasdaq", "mic": "XNAS", "fees": [{"liquidity": "take", "per_one": "0.003"}]},
    "instrument": {"quote_ccy": "USD"},
    "policy": {
        "policy": 7,
        "kind": "lowest_cost",
        "stale_ms": 1000,
        "retry_ms": 50,
        "horizon_ms": 5000,
    },
    "limits": {"max_order_units": 1000, "max_notional_ones": 1_000_000},
    "account": {"client": "CLIENT-1"},
}
OTHER: dict[str, tuple[str, Any]] = {
    "venue": ("name", "Other"),
    "instrument": ("round_lot_units", 40),
    "policy": ("max_levels", 3),
    "limits": ("collar_bps", 100.0),
    "account": ("max_net_ones", 5_000),
}
_numbers = count(1)
EVENTS = ("amend", "approve", "activate", "suspend", "retire")


def proposed(kind: str) -> Item:
    return ITEMS[kind].propose(UUID(int=1), "K", TERMS[kind], at=AT, actor="ann", reason="new")


def fire(item: Item, event: str, actor: str = "bob") -> None:
    """Fire one event as far as people can, with new terms for each amendment."""
    who: dict[str, Any] = {"version": item.version, "at": AT, "actor": actor, "reason": "test"}
    if event == "amend":
        name, value = OTHER[item.kind]
        seen = item.pending or item.live or {}
        terms = {**seen, name: value if seen.get(name) != value else TERMS[item.kind].get(name)}
        item.amend({k: v for k, v in terms.items() if v is not None}, **(who | {"actor": "ann"}))
    else:
        getattr(item, event)(**who)


def reach(kind: str, state: str) -> Item:
    """Return an item in a state."""
    item = proposed(kind)
    paths = {
        FIRST[kind]: (),
        "certified": ("approve",),
        "approved": ("approve",),
        "active": ("approve", "activate"),
        "suspended": ("approve", "activate", "suspend"),
        "retired": ("retire",),
    }
    for event in paths[state]:
        fire(item, event)
    assert item.state == state
    return item


STATES = {kind: sorted({s for s, _ in table} | {"retired"}) for kind, table in LIVES.items()}
CASES = [(k, s, e) for k, states in STATES.items() for s in states for e in EVENTS]


@pytest.mark.parametrize(("kind", "state", "event"), CASES)
def test_every_pair_of_state_and_event_does_what_the_table_says(
    kind: str, state: str, event: str
) -> None:
    item = reach(kind, state)
    if state in {"active", "suspended"} and event in {"approve", "activate"}:
        fire(item, "amend")
    if (state, event) == ("active", "activate"):
        fire(item, "approve")
    expected = LIVES[kind].get((state, event))
    before = (item.version, dict(item.__dict__))
    if expected is None:
        with pytest.raises(InputError, match="possible now"):
            fire(item, event)
        assert (item.version, dict(item.__dict__)) == before
    else:
        fire(item, event)
        assert item.state == expected
        assert item.version == before[0] + 1


@pytest.mark.parametrize("kind", sorted(ITEMS))
def test_the_author_of_terms_cannot_approve_them(kind: str) -> None:
    item = proposed(kind)
    with pytest.raises(InputError, match="a second person approves"):
        fire(item, "approve", actor="ann")
    fire(item, "approve", actor="bob")
    fire(item, "activate", actor="ann")
    assert item.live == checked(kind, TERMS[kind])
    assert item.pending is None


def test_terms_in_force_stay_until_others_are_agreed() -> None:
    item = reach("venue", "active")
    fire(item, "amend")
    assert item.live is not None
    assert item.live["name"] == "Nasdaq"
    with pytest.raises(InputError, match="no approved terms wait"):
        fire(item, "activate")
    fire(item, "approve")
    fire(item, "activate")
    assert (item.live["name"], item.revision) == ("Other", 2)


def test_a_stale_edit_changes_nothing() -> None:
    item = proposed("venue")
    fire(item, "amend")
    with pytest.raises(StaleEditError, match="at version 2, the change was made on 1"):
        item.approve(version=1, at=AT, actor="bob", reason="seen")
    assert item.version == 2
    assert item.approver is None


@pytest.mark.parametrize(("actor", "reason"), [("", "x"), ("x", ""), (" ", "x"), ("x", " ")])
def test_a_change_needs_actor_and_reason(actor: str, reason: str) -> None:
    with pytest.raises(InputError, match="actor and its reason"):
        ITEMS["venue"].propose(UUID(int=1), "K", TERMS["venue"], at=AT, actor=actor, reason=reason)
    item = proposed("venue")
    with pytest.raises(InputError, match="actor and its reason"):
        item.approve(version=1, at=AT, actor=actor, reason=reason)


@pytest.mark.parametrize(
    ("kind", "field", "value", "message"),
    [
        ("venue", "kind", "bright", "lit, dark, wholesaler"),
        ("venue", "latency_class", "fast", "colocated"),
        ("venue", "tick", "0", "above 0"),
        ("venue", "tick", "0.0000000001", "9 decimals"),
        ("venue", "mic", "nasdaq", "mic"),
        ("venue", "colour", "blue", "colour"),
        ("venue", "fees", [{"liquidity": "give"}], r"fees\[0\]"),
        ("venue", "fees", [{"liquidity": "take", "per_one": "much"}], "not a number"),
        ("policy", "kind", "luck", "best_price"),
        ("policy", "max_levels", 11, "max_levels"),
        ("limits", "collar_bps", 0.0, "collar_bps"),
        ("limits", "self_match", "mine", "cancel_newest"),
    ],
)
def test_terms_are_validated(kind: str, field: str, value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        checked(kind, {**TERMS[kind], field: value})


def test_topics_are_explicit_and_resolve() -> None:
    for kind, item in ITEMS.items():
        assert resolve_topic(f"reference.{kind}") is item
        assert resolve_topic(f"reference.{kind}.proposed") is item.Created
    for name in ("amended", "approved", "activated", "suspended", "retired"):
        assert resolve_topic(f"reference.{name}").__name__.lower() == name

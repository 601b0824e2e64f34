"""Life cycles of reference data, as tables of (state, event) -> state."""

from __future__ import annotations

from schemas.errors import InputError
from schemas.governed import ItemKind, ItemVerb

AMEND, APPROVE, ACTIVATE, SUSPEND, RETIRE = (verb.value for verb in ItemVerb)
ADOPT = "adopt"
"""What a log was begun with is in force already when a store first sees it."""

LISTED = {
    ("proposed", ADOPT): "active",
    ("proposed", AMEND): "proposed",
    ("proposed", APPROVE): "certified",
    ("proposed", RETIRE): "retired",
    ("certified", AMEND): "proposed",
    ("certified", ACTIVATE): "active",
    ("certified", RETIRE): "retired",
    ("active", AMEND): "active",
    ("active", APPROVE): "active",
    ("active", ACTIVATE): "active",
    ("active", SUSPEND): "suspended",
    ("active", RETIRE): "retired",
    ("suspended", AMEND): "suspended",
    ("suspended", APPROVE): "suspended",
    ("suspended", ACTIVATE): "active",
    ("suspended", RETIRE): "retired",
}
"""Venues, instruments and accounts. What is active stays so while its next terms are agreed."""

RULED = {
    ("draft", ADOPT): "active",
    ("draft", AMEND): "draft",
    ("draft", APPROVE): "approved",
    ("draft", RETIRE): "retired",
    ("approved", AMEND): "draft",
    ("approved", ACTIVATE): "active",
    ("approved", RETIRE): "retired",
    ("active", AMEND): "active",
    ("active", APPROVE): "active",
    ("active", ACTIVATE): "active",
    ("active", RETIRE): "retired",
}
"""Routing policies and risk limits."""

Table = dict[tuple[str, str], str]
LIVES: dict[str, Table] = {
    kind.value: RULED if kind in {ItemKind.POLICY, ItemKind.LIMITS} else LISTED for kind in ItemKind
}
FIRST = {kind: "draft" if table is RULED else "proposed" for kind, table in LIVES.items()}


def following(kind: str, key: str, state: str, event: str) -> str:
    """The state after an event; InputError, with what can be done, where there is none."""
    table = LIVES[kind]
    if (state, event) not in table:
        can = ", ".join(e for s, e in table if s == state and e != ADOPT) or "nothing"
        raise InputError(f"{kind} {key}: is {state}, cannot {event}; possible now: {can}")
    return table[state, event]

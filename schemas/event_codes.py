"""Codes of what happens: health events, markouts and breaks; `schemas.codes` has them too."""

from __future__ import annotations

from enum import IntEnum


class HealthEvent(IntEnum):
    """What happens to a venue's health."""

    FAULT = 1
    OUTAGE = 2
    HALT = 3
    EVIDENCE = 4
    CLEAN_RUN = 5


class MarkoutKind(IntEnum):
    """Which mid move is being waited for: of a fill by its liquidity, or a control without one."""

    ADDED = 0
    REMOVED = 1
    MID = 2
    CONTROL = 3


class MarkoutDrop(IntEnum):
    """Why a markout was not settled."""

    NO_MID = 0
    STALE_MID = 1
    NOT_TRADING = 2
    TABLE_FULL = 3
    OWN_ORDER = 4


class BreakKind(IntEnum):
    """How our books and another's differ, or what a day's end finds open."""

    OPEN_CHILD = 1
    UNKNOWN_CHILD = 2
    NOT_IN_DROP_COPY = 3
    ONLY_IN_DROP_COPY = 4
    TRADE_DIFFERS = 5

"""Reference data under control: its kinds, and what people do to an item, by their names."""

from __future__ import annotations

from enum import Enum


class ItemKind(Enum):
    """Kinds of reference data."""

    VENUE = "venue"
    INSTRUMENT = "instrument"
    POLICY = "policy"
    LIMITS = "limits"
    ACCOUNT = "account"


class ItemVerb(Enum):
    """What can be done to an item."""

    AMEND = "amend"
    APPROVE = "approve"
    ACTIVATE = "activate"
    SUSPEND = "suspend"
    RETIRE = "retire"

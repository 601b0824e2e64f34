"""Versions of record types, and how an older record becomes one of today.

Every record type of both logs has a version. An output record carries its own; an input record has
that of its segment's format, so that a tick needs no byte for it. A log is never rewritten: a
reader turns what it finds into today's layout, one version at a time. Nothing counts as released
before 0.1.0, so no step exists yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from schemas.codes import InputType, OutputType
from schemas.envelope import OUT_HEADER
from schemas.errors import InputError

Upcaster = Callable[[bytes], bytes]
"""A record of version n as the same fact in version n + 1."""
Key = tuple[str, int]
"""(stream, type)."""

VERSIONS: dict[Key, int] = {("inputs", int(kind)): 1 for kind in InputType} | {
    ("outputs", int(kind)): 1 for kind in OutputType
}
UPCASTERS: dict[tuple[str, int, int], Upcaster] = {}
"""(stream, type, version) -> step to the next version; a version without one is unchanged."""


def upcast(
    stream: str,
    kind: int,
    version: int,
    raw: Any,
    versions: Mapping[Key, int] = VERSIONS,
    steps: Mapping[tuple[str, int, int], Upcaster] = UPCASTERS,
) -> Any:
    """The record in today's layout; the same object when it is of today.

    Raises InputError for a type that is not known and for a version from the future.
    """
    today = versions.get((stream, kind))
    if today is None:
        raise InputError(
            f"{stream}: record type {kind} is not known; use the version of the program that wrote "
            "the log"
        )
    if not 1 <= version <= today:
        raise InputError(
            f"{stream}: a record of type {kind} has version {version}, this program reads 1 to "
            f"{today}; use the version of the program that wrote the log"
        )
    for old in range(version, today):
        raw = steps.get((stream, kind, old), unchanged)(raw)
    return raw


def upcast_output(raw: Any) -> Any:
    """An output record in today's layout, by the version in its own header."""
    header = OUT_HEADER.unpack(raw)
    return upcast("outputs", header.type, header.version, raw)


def unchanged(raw: bytes) -> bytes:
    """A version that changed no byte of this type."""
    return raw

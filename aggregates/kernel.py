"""Picks a core. There is no silent fallback: a native core that is missing is an error."""

from __future__ import annotations

import hashlib
from typing import Any, Literal, Protocol

from schemas.errors import InputError
from schemas.units import INT64_MAX

Core = Literal["native", "reference"]
GENERATION = hashlib.sha256(b"venuefold engine generation 1").digest()
"""Names the decisions an engine makes; changed whenever any output byte could change."""


class Engine(Protocol):
    """The pure fold of one shard, whichever core runs it."""

    @property
    def seq(self) -> int:
        """Input records folded."""

    @property
    def log_ns(self) -> int:
        """Time of the last input."""

    @property
    def out_seq(self) -> int:
        """Output records emitted."""

    @property
    def reference_version(self) -> int:
        """Number of the last reference record that was applied."""

    def counters(self) -> dict[str, int]:
        """How often what a decision needs was at hand or had to be found; no part of the state."""

    def step(
        self, batch: Any, limit_ns: int = INT64_MAX, stop_on_child: bool = False
    ) -> tuple[int, bytes]:
        """Folds whole records of `batch` (bytes-like) while log_ns <= limit_ns.

        Returns (bytes consumed, output records); stops after the first input that emits a child
        when asked. A record cut off at the end of the batch is left for the next one.
        """

    def state_bytes(self) -> bytes:
        """Canonical encoding of the whole state."""

    def restore(self, data: bytes) -> None:
        """Takes over a state written by state_bytes of either core."""


def load(core: str = "native", shard: int = 0) -> Engine:
    """An empty engine for `shard`; InputError for an unknown core, or one that cannot run here."""
    if core == "native":
        try:
            from aggregates._core import NativeEngine
        except ImportError as error:
            raise InputError(f"the native core cannot be loaded: {error}") from error

        return NativeEngine(shard, GENERATION)
    if core == "reference":
        from aggregates.engine import ReferenceEngine

        return ReferenceEngine(shard, GENERATION)
    raise InputError(f"unknown core {core!r}; use native or reference")


def state_hash(engine: Engine) -> str:
    """SHA-256 of the canonical state, in hex."""
    return hashlib.sha256(engine.state_bytes()).hexdigest()

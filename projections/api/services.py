"""What the API is given by the program that starts it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from projections.api.access import Gate
from projections.api.hub import Hub
from projections.api.reads import Reads
from projections.views.names import Names
from schemas.commands import CommandPort


class Log(Protocol):
    """Where the API's log lines go."""

    def info(self, event: str, **values: Any) -> Any: ...

    def warning(self, event: str, **values: Any) -> Any: ...

    def error(self, event: str, **values: Any) -> Any: ...


class Records(Protocol):
    """Whole records from the log, for what the read models do not keep."""

    def read(self, row: dict[str, Any]) -> bytes:
        """The whole record of a DECISIONS row."""

    def given(self, order_id: int) -> dict[str, Any] | None:
        """The terms of a NEW_ORDER as they are in the input log; None where there is none."""

    def explain(self, row: dict[str, Any], order: dict[str, Any], names: Names) -> dict[str, Any]:
        """The story of a DECISIONS row, with its ORDERS row."""


class Trace(Protocol):
    """Where spans go, when tracing is configured."""

    def __call__(self, name: str, start_ns: int, end_ns: int, **facts: str | int) -> None:
        """Tells of one span that has ended."""


class Reference(Protocol):
    """Reference data under control; every change is told to the engine's log."""

    @property
    def fault(self) -> str:
        """Why changes do not reach the log now, empty when they do."""

    def items(self, kind: str) -> list[dict[str, Any]]:
        """Items of a kind by key."""

    def item(self, kind: str, key: str) -> dict[str, Any]:
        """An item with its history; ProblemError 404."""

    async def propose(
        self, kind: str, key: str, terms: dict[str, Any], actor: str, reason: str
    ) -> tuple[dict[str, Any], dict[str, int] | None]:
        """A new item; ProblemError 422."""

    async def change(
        self,
        verb: str,
        kind: str,
        key: str,
        terms: dict[str, Any] | None,
        version: int,
        actor: str,
        reason: str,
    ) -> tuple[dict[str, Any], dict[str, int] | None]:
        """The item, and where the log has the change; ProblemError 404, 409 (stale), 422."""

    async def follow(self) -> None:
        """Tells the log until closed."""

    async def close(self) -> None:
        """Stops telling."""


class Jobs(Protocol):
    """Long work in processes of its own."""

    def start(self, kind: str, terms: dict[str, Any], caller: str) -> dict[str, Any]:
        """Begins a job; InputError when it cannot be."""

    def get(self, job: str) -> dict[str, Any] | None:
        """State, progress and result of a job."""

    def all(self) -> list[dict[str, Any]]:
        """Every job that is remembered."""

    async def close(self) -> None:
        """Ends what still runs."""


@dataclass(frozen=True)
class Bounds:
    """Limits of one service; `hosts` are the names it answers to, none named = any."""

    max_body_bytes: int = 65_536
    requests_per_s: int = 500
    orders_per_s: int = 200
    stream_clients: int = 256
    cors_origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


@dataclass
class Services:
    """Everything that handlers use."""

    port: CommandPort
    reads: Reads
    hub: Hub
    gate: Gate
    records: Records
    jobs: Jobs
    reference: Reference
    log: Log
    now_ns: Callable[[], int]
    elapsed_ns: Callable[[], int]
    metrics: Callable[[dict[str, Any]], bytes]
    audit: Callable[[str, str, dict[str, Any]], None]
    audited: Callable[[int], list[dict[str, Any]]]
    audit_fault: str = ""
    bounds: Bounds = field(default_factory=Bounds)
    version: str = ""
    close: Callable[[], None] = lambda: None
    trace: Trace | None = None

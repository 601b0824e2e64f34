"""Ctrl-C as a flag that is looked at between steps, so that a run ends at a whole record."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Self

from schemas.errors import VenuefoldError


class InterruptError(VenuefoldError):
    """The user asked to stop; what was done so far is whole."""

    exit_code = 130


class Interrupt:
    """While it is entered, the first Ctrl-C raises the flag and the second one ends at once."""

    def __init__(self) -> None:
        self.is_raised = False
        self._previous: signal._HANDLER = signal.SIG_DFL

    def __enter__(self) -> Self:
        self._previous = signal.signal(signal.SIGINT, self._raise)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._previous)

    def check(self) -> None:
        """Raises InterruptError once the flag is up."""
        if self.is_raised:
            raise InterruptError("interrupted before anything was written")

    def _raise(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.is_raised:
            raise KeyboardInterrupt
        self.is_raised = True

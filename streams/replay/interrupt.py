"""Ctrl-C and SIGTERM as a flag that is looked at between steps: a run ends at a whole record."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Self

from schemas.errors import VenuefoldError


class InterruptError(VenuefoldError):
    """The user asked to stop; what was done so far is whole."""

    exit_code = 130


class Interrupt:
    """While it is entered, the first SIGINT or SIGTERM raises the flag; the second ends at once."""

    def __init__(self) -> None:
        self.is_raised = False
        self._previous: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._raise)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raises InterruptError once the flag is up."""
        if self.is_raised:
            raise InterruptError("interrupted before anything was written")

    def _raise(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.is_raised:
            raise KeyboardInterrupt
        self.is_raised = True

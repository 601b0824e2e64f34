"""Errors of the log that carry facts for the caller."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from schemas.errors import CorruptLogError, VenuefoldError


class DamagedLogError(CorruptLogError):
    """A log is damaged at a known place: byte `offset` of `path`, where record `seq` should be."""

    def __init__(self, path: Path, offset: int, seq: int, reason: str) -> None:
        intact = f"records up to seq {seq - 1} are intact" if seq > 1 else "nothing before it"
        super().__init__(
            f"{path}: damaged at byte {offset}, where seq {seq} should be: {reason}; {intact}; "
            "restore the file from a copy, or keep it for inquiry and start a new run"
        )
        self.path = path
        self.offset = offset
        self.seq = seq
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        """How it travels between processes."""
        return type(self), (self.path, self.offset, self.seq, self.reason)


class DamagedFileError(CorruptLogError):
    """A small file of a run is damaged at byte `offset`."""

    def __init__(self, path: Path, offset: int, reason: str) -> None:
        super().__init__(f"{path}: damaged at byte {offset}: {reason}; restore it from a copy")
        self.path = path
        self.offset = offset
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        """How it travels between processes."""
        return type(self), (self.path, self.offset, self.reason)


class LogWriteError(VenuefoldError):
    """A system call of the write path failed; the writer acknowledges nothing any more.

    `errno` is the failing call's; records up to `durable_seq` are durable.
    """

    def __init__(
        self, path: str, operation: str, errno: int, offset: int, durable_seq: int
    ) -> None:
        super().__init__(
            f"{operation} failed on {path} at byte {offset}: {os.strerror(errno)}; records up to "
            f"seq {durable_seq} are durable, mend the disk and open the log again"
        )
        self.path = path
        self.operation = operation
        self.errno = errno
        self.offset = offset
        self.durable_seq = durable_seq

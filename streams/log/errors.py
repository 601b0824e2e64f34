"""Errors of the log that carry facts for the caller."""

from __future__ import annotations

import os

from schemas.errors import VenuefoldError


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

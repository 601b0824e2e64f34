"""Errors that say whose fault it is."""

from __future__ import annotations


class VenuefoldError(Exception):
    """Base of every error raised on purpose; `exit_code` is what the command line returns."""

    exit_code = 1


class InputError(VenuefoldError):
    """What the caller gave is wrong; the message says what, where and what to do."""

    exit_code = 2


class NotFoundError(InputError):
    """What the caller asked for does not exist."""

    exit_code = 3


class VenueError(VenuefoldError):
    """A venue did something that it must not do."""


class CorruptLogError(VenuefoldError):
    """A log is damaged; the message names file, position and what is intact."""


class InvariantError(VenuefoldError):
    """Our own bug: stop."""

"""Errors say whose fault it is, and the command line turns that into its exit code."""

from __future__ import annotations

import pytest

from schemas import errors


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (errors.InputError, 2),
        (errors.NotFoundError, 3),
        (errors.VenueError, 1),
        (errors.CorruptLogError, 1),
        (errors.InvariantError, 1),
    ],
)
def test_exit_codes(error: type[errors.VenuefoldError], exit_code: int) -> None:
    assert issubclass(error, errors.VenuefoldError)
    assert error.exit_code == exit_code


def test_what_was_not_found_is_bad_input() -> None:
    assert issubclass(errors.NotFoundError, errors.InputError)

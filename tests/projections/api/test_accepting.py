"""Headers of callers, a line each."""

from __future__ import annotations

import pytest

from projections.api.accepting import form_of, has_already, takes_gzip


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("text/html, */*;q=0.1", "json"),
        ("TEXT/CSV", "csv"),
        ("text/csv;charset=utf-8;q=0.2, application/x-ndjson;q=0.3", "ndjson"),
        ("text/csv;q=0", None),
        ("text/csv;q=much", None),
        ("image/png", None),
        (",;,", None),
    ],
)
def test_the_form_liked_best(accept: str, form: str | None) -> None:
    assert form_of(accept) == form


@pytest.mark.parametrize(
    ("accept", "is_taken"),
    [("", False), ("gzip", True), ("br, GZIP;q=0.1", True), ("gzip;q=0", False), ("*", False)],
)
def test_gzip(accept: str, is_taken: bool) -> None:
    assert takes_gzip(accept) is is_taken


@pytest.mark.parametrize(
    ("given", "is_known"),
    [
        ('W/"a"', True),
        ('"a"', True),
        ('"b", W/"a"', True),
        ("*", True),
        ('"b"', False),
        ("", False),
    ],
)
def test_copies(given: str, is_known: bool) -> None:
    assert has_already(given, 'W/"a"') is is_known

"""Tables, JSON and progress as people and programs see them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from streams.cli.terminal import is_number, print_json, print_lines, print_table, progress_bar
from streams.replay.replay import no_progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_is_quiet_off_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", io.StringIO())
    with progress_bar() as progress:
        assert progress is no_progress
        progress("replaying", 1, 2)


def test_progress_shows_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("COLUMNS", "120")
    with progress_bar() as progress:
        progress("drawing orders", 500, 0)
        progress("replaying", 1_500, 2_000)
        progress("replaying", 2_000, 2_000)
    shown = screen.getvalue()
    assert "drawing orders" in shown
    assert "2,000 records" in shown


def test_progress_is_lines_of_json_for_a_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOR_PROGRESS", "json")
    with progress_bar() as progress:
        progress("replaying", 1, 2)
    assert json.loads(capsys.readouterr().err) == {"what": "replaying", "done": 1, "total": 2}


def test_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [1, 2.5, None]})
    assert json.loads(capsys.readouterr().out) == {"a": [1, 2.5, None]}


def test_markup_in_data_is_not_read(capsys: pytest.CaptureFixture[str]) -> None:
    print_lines("Title", ["[bold]an order called so[/bold]"])
    assert "[bold]an order called so[/bold]" in capsys.readouterr().out


def test_markup_in_a_table_is_not_read(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("", ["order", "n"], [["[red]X[/red]", "1"]])
    assert "[red]X[/red]" in capsys.readouterr().out


def test_a_name_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_lines("Order \x1b[2J", ["client \x1b]0;owned\x07"])
    print_table("", ["order"], [["\x1b[31mred"]])
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("1,234.5", True), ("-3%", True), ("", True), ("+0.5", True), ("AAA", False), ("2 ms", False)],
)
def test_numbers_stand_to_the_right(cell: str, expected: Any) -> None:
    assert is_number(cell) is expected

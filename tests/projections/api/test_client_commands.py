"""The operations commands against a running service: tables, JSON, exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from schemas.errors import InputError, NotFoundError, VenuefoldError
from streams.cli.client import Client, NotRunningError, TimedOutError, failure
from streams.cli.main import main
from tests.projections.api.conftest import Running

Sor = Callable[..., tuple[int, str, str]]


@pytest.fixture
def sor(
    service: Running, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Sor:
    """Return a function that runs the command against the service."""
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("SOR_URL", service.url)

    def execute(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return execute


def test_submit_tells_the_decision_and_why(sor: Sor) -> None:
    code, out, err = sor("submit", "ALFA", "buy", 200, "--account", "ACC-3")
    assert (code, err) == (0, "")
    assert "Order" in out
    assert "Decision" in out
    assert "buy 200 ALFA" in out
    code, out, _ = sor("submit", "ALFA", "sell", 100, "--cl-ord-id", "CLI-1", "--json")
    first = json.loads(out)
    code, out, _ = sor("submit", "ALFA", "sell", 100, "--cl-ord-id", "CLI-1", "--json")
    again = json.loads(out)
    assert code == 0
    assert (again["id"], again["is_repeat"]) == (first["id"], True)


def test_cancel_finds_an_order_by_its_clordid(sor: Sor) -> None:
    sor("submit", "ALFA", "buy", 100, "--cl-ord-id", "CLI-2")
    code, out, err = sor("cancel", "CLI-2")
    assert (code, err) == (0, "")
    assert "Cancel of order" in out
    code, _, err = sor("cancel", "NOPE")
    assert (code, err.count("\n")) == (3, 1)


def test_kill_and_resume_a_venue(sor: Sor) -> None:
    assert sor("kill", "venue", "IEXG")[0] == 2  # six venues, this is not one of them
    code, out, _ = sor("kill", "venue", "XASE")
    assert (code, "stopped" in out) == (0, True)
    code, out, _ = sor("resume", "venue", "XASE", "--json")
    assert json.loads(out)["position"] > 0


def test_venues_and_quality_as_tables_and_json(sor: Sor) -> None:
    code, out, _ = sor("venues")
    assert code == 0
    for words in ("XNYS", "NYSE Arca", "health", "ack p50"):
        assert words in out
    venues = json.loads(sor("venues", "--json")[1])["venues"]
    assert len(venues) >= 6
    code, out, _ = sor("quality", "--live", "--instrument", "ALFA")
    assert (code, "XNYS" in out, "BRAVO" in out) == (0, True, False)
    assert json.loads(sor("quality", "--live", "--json")[1])["rows"]


def test_decisions_are_followed(sor: Sor) -> None:
    code, out, _ = sor("decisions", "--follow", "--limit", 3)
    assert (code, len(out.splitlines())) == (0, 3)
    lines = sor("decisions", "--follow", "--limit", 2, "--json")[1].splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["decision"] * 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("decisions",), 2),
        (("quality",), 2),
        (("submit", "NOPE", "buy", 1), 2),
        (("submit", "ALFA", "buy", 0), 2),
        (("venues", "--outage", "NOPE"), 3),
        (("venues", "--url", "http://127.0.0.1:9"), 4),
        (("venues", "--url", "ftp://x"), 2),
        (("decisions", "--follow", "--url", "http://127.0.0.1:9"), 4),
        (("decisions", "--follow", "--instrument", "NOPE"), 2),
    ],
)
def test_exit_codes_and_one_line(sor: Sor, arguments: tuple[Any, ...], code: int) -> None:
    found, out, err = sor(*arguments)
    assert (found, out, err.count("\n")) == (code, "", 1)


def test_problems_become_errors() -> None:
    body = b'{"title":"t","status":1,"code":"c","detail":"d","field":"f"}'
    kinds = {404: NotFoundError, 503: NotRunningError, 504: TimedOutError, 400: InputError}
    for status, kind in kinds.items():
        error = failure(status, body)
        assert isinstance(error, kind)
        assert str(error) == "c: f: d"
    assert type(failure(500, b"<html>")) is VenuefoldError


def test_no_answer_in_time_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: Any, **__: Any) -> Any:
        raise httpx.ReadTimeout("slow")

    with Client("http://127.0.0.1:9") as client:
        monkeypatch.setattr(client._http, "request", slow)
        with pytest.raises(TimedOutError, match="same ClOrdID"):
            client.post("/v1/orders", {})


def test_a_balance_is_told(sor: Sor) -> None:
    code, out, _ = sor("inventory", "DESK", "XASE", "ALFA", "500")
    assert code == 0
    assert "DESK holds 500 ALFA at XASE" in out
    assert sor("inventory", "DESK", "NOPE", "ALFA", "500")[0] == 2

"""Reference data in a database: who may change what, loading files, both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from iso10383 import MIC

from aggregates.reference.items import StaleEditError
from schemas.errors import InputError, NotFoundError
from streams.reference import files
from streams.reference.service import ReferenceService, shown
from tests.servers.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]

TERMS = {"name": "Nasdaq", "mic": "XNAS"}
CONFIG = Path(__file__).resolve().parents[3] / "deploy" / "config"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'reference.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def service(url: str) -> Iterator[ReferenceService]:
    with ReferenceService(url) as opened:
        yield opened


def test_changes_are_kept_with_who_and_why(service: ReferenceService, url: str) -> None:
    service.propose("venue", "XNAS", TERMS, "ann", "new venue")
    service.act("approve", "venue", "XNAS", 1, "bob", "checked")
    service.act("activate", "venue", "XNAS", 2, "bob", "go live")
    service.act("suspend", "venue", "XNAS", 3, "eve", "outage")
    with ReferenceService(url) as again:
        item = again.get("venue", "XNAS")
        assert (item.state, item.version, item.revision) == ("suspended", 4, 1)
        history = again.history("venue", "XNAS")
        assert [(e.actor, e.reason) for e in history] == [
            ("ann", "new venue"),
            ("bob", "checked"),
            ("bob", "go live"),
            ("eve", "outage"),
        ]
        assert [noted.number for noted in again.events()] == [1, 2, 3, 4]
        assert [noted.number for noted in again.events(after=3)] == [4]
        assert shown(again.items("venue")[0])["live"]["name"] == "Nasdaq"


def test_two_edits_of_one_version_cannot_both_be_saved(service: ReferenceService, url: str) -> None:
    service.propose("venue", "XNAS", TERMS, "ann", "new")
    with ReferenceService(url) as other:
        mine, theirs = service.get("venue", "XNAS"), other.get("venue", "XNAS")
        for item, actor in ((mine, "bob"), (theirs, "eve")):
            item.approve(version=1, at=item.created_on, actor=actor, reason="seen")
        other.application.save(theirs)
        with pytest.raises(StaleEditError, match="somebody else changed it"):
            service._saved(mine)
        assert service.get("venue", "XNAS").approver == "eve"


def test_a_stale_version_is_refused(service: ReferenceService) -> None:
    service.propose("venue", "XNAS", TERMS, "ann", "new")
    service.amend("venue", "XNAS", {**TERMS, "lot_units": 10}, 1, "ann", "lots")
    with pytest.raises(StaleEditError):
        service.act("approve", "venue", "XNAS", 1, "bob", "seen")


def test_what_is_not_there_and_what_is_there_twice(service: ReferenceService) -> None:
    with pytest.raises(NotFoundError, match="sor reference list"):
        service.get("venue", "XNAS")
    service.propose("venue", "XNAS", TERMS, "ann", "new")
    with pytest.raises(InputError, match="exists; amend it"):
        service.propose("venue", "XNAS", TERMS, "ann", "new")
    with pytest.raises(InputError, match="no kind"):
        service.get("broker", "X")


def test_loading_a_file_again_does_nothing(service: ReferenceService, tmp_path: Path) -> None:
    file = tmp_path / "venues.toml"
    file.write_text('[[venue]]\nkey = "A"\nname = "One"\n[[venue]]\nkey = "B"\nname = "Two"\n')
    found = files.differences(service, file)
    assert [entry.what for entry in found] == ["new", "new"]
    assert len(files.load(service, found, "ann", "first")) == 2
    assert [e.what for e in files.differences(service, file)] == ["same", "same"]
    assert files.load(service, files.differences(service, file), "ann", "again") == []
    file.write_text(file.read_text().replace('"Two"', '"Deux"'))
    _, changed = files.differences(service, file)
    assert (changed.what, changed.fields) == ("changed", (("name", "Two", "Deux"),))
    files.load(service, [changed], "ann", "renamed")
    assert (service.get("venue", "B").pending or {})["name"] == "Deux"
    service.act("retire", "venue", "A", 1, "ann", "gone")
    assert [e.what for e in files.differences(service, file)] == ["retired", "same"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[venue]]\nname = 'x'", "number 1 has no `key`"),
        ("[[broker]]\nkey = 'x'", r"\[\[broker\]\] is none of"),
        ("[[venue]]\nkey = 'A'\nname = 'x'\n[[venue]]\nkey = 'A'\nname = 'x'", "twice"),
        ("[[venue]]\nkey = 'A'\nname = 'x'\ncolor = 1", "venue A: .*color"),
        ("[[venue]", "TOML"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        files.read_file(file)


def test_another_database_is_refused() -> None:
    with pytest.raises(InputError, match="no database"):
        ReferenceService("mysql://x")


def mics() -> dict[str, Any]:
    return {entry.value.mic.upper(): entry.value for entry in MIC}


def test_us_venues_have_public_active_mics() -> None:
    known = mics()
    entries = files.read_file(CONFIG / "venues_us_equity.toml")
    assert len(entries) >= 26
    for kind, key, terms in entries:
        assert kind == "venue"
        assert terms["mic"] == key
        assert known[key].status.name == "active"
        assert known[key].iso_country_code.name == "us"
        assert all(fee["modelled"] for fee in terms["fees"])
    assert sum(terms["kind"] == "lit" for _, _, terms in entries) >= 16


def test_crypto_venues_have_no_mic_and_both_fees() -> None:
    known = mics()
    entries = files.read_file(CONFIG / "venues_crypto.toml")
    assert len(entries) == 28
    for _, key, terms in entries:
        assert terms["mic"] is None
        assert key not in known
        codes = [fee["liquidity"] for fee in terms["fees"]]
        assert codes == ([] if key == "DERIBIT" else ["take", "add"])  # its schedule has none


def test_the_crypto_file_is_what_the_command_makes(shared_data: Path) -> None:
    (source,) = (shared_data / "crypto_fee_schedules").glob("*.json")
    made = files.crypto_venues(source, "2025-01-01")
    assert made == (CONFIG / "venues_crypto.toml").read_text(encoding="utf-8")

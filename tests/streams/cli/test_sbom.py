"""Every requirement is locked by hash, and the bill of materials names them all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.errors import InputError
from streams.cli import sbom

ROOT = Path(__file__).parents[3]
LOCKS = ROOT / "deploy" / "requirements"


@pytest.mark.promise(p=23)
def test_every_requirement_is_locked_by_hash() -> None:
    for name in sbom.LOCKS:
        lock = (LOCKS / f"{name}.txt").read_text()
        assert len(sbom.packages(lock)) >= 5
        assert sbom.unhashed(lock) == []
        first = next(iter(sbom.packages(lock)))
        planted = f"{lock}\nplanted==1.0\n"
        assert sbom.unhashed(planted) == ["planted"], first


@pytest.mark.promise(p=23)
def test_security_floors_hold() -> None:
    def parts(version: str) -> tuple[int, ...]:
        return tuple(int(part) for part in version.split(".")[:3])

    locked = sbom.packages((LOCKS / "dev.txt").read_text())
    floors = {"granian": "2.8.4", "litestar": "2.20.0", "pyjwt": "2.15.1", "aiohttp": "3.14.3"}
    for name, floor in floors.items():
        assert parts(locked[name]) >= parts(floor), name


@pytest.mark.promise(p=23)
def test_the_bill_names_packages_and_native_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert sbom.main([str(tmp_path / "sbom.json")]) == 0
    bill = json.loads((tmp_path / "sbom.json").read_bytes())
    named = {component["name"].lower() for component in bill["components"]}
    locked = set(sbom.packages((LOCKS / "runtime.txt").read_text()))
    assert locked <= named
    assert {"aggregates.core", "streams.log.core"} <= named
    assert bill["bomFormat"] == "CycloneDX"


def test_a_bare_requirement_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "deploy" / "requirements"
    folder.mkdir(parents=True)
    for name in sbom.LOCKS:
        (folder / f"{name}.txt").write_text("bare==1.0\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no hash for bare"):
        sbom.main(["x.json"])

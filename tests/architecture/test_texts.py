"""Committed text names no machine, no package host and no unfinished work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

MACHINE_PATH = re.compile(r"(?<![\w.])/(work|root|home|Users)/\w")
PACKAGE_HOST = re.compile(
    r"pypi\.org|python[h]osted|crates\.io|npm[j]s\.(org|com)|repo1?\.maven|maven\.apache\.org/maven2"
    r"|deb\.debian|proxy\.golang|anaconda\.(org|com)"
)
UNFINISHED = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X])\b")
MAX_BYTES = 1 << 20


def matches(root: Path, paths: list[Path], pattern: re.Pattern[str]) -> list[str]:
    """Return 'file:line: text' for each match in the files that are text."""
    found = []
    for path in paths:
        content = (root / path).read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode().splitlines(), 1):
            if match := pattern.search(line):
                found.append(f"{path}:{number}: {match[0]}")
    return found


@pytest.mark.parametrize(
    ("pattern", "planted"),
    [
        (MACHINE_PATH, "see " + "/" + "home/me/x"),
        (PACKAGE_HOST, "pypi" + ".org"),
        (UNFINISHED, "# TO" + "DO: later"),
    ],
    ids=["machine paths", "package hosts", "unfinished work"],
)
def test_no_committed_file_names(
    root: Path, committed: list[Path], pattern: re.Pattern[str], planted: str
) -> None:
    assert pattern.search(planted)
    assert matches(root, committed, pattern) == []


def test_no_committed_file_is_large(root: Path, committed: list[Path]) -> None:
    assert [path for path in committed if (root / path).stat().st_size > MAX_BYTES] == []


LOCKED = re.compile(
    r"^[a-z0-9-]+==[\w.]+ \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+", re.MULTILINE
)


@pytest.mark.parametrize("lock", ["runtime", "build", "dev"])
def test_locks_pin_every_package_by_hash_and_name_no_host(root: Path, lock: str) -> None:
    text = (root / f"deploy/requirements/{lock}.txt").read_text()
    left = re.sub(r"^ *#.*\n", "", LOCKED.sub("", text), flags=re.MULTILINE)
    assert left.strip() == ""
    assert "://" not in text
    assert "--index" not in text


def test_locks_agree(root: Path) -> None:
    pins: dict[str, str] = {}
    for lock in ("runtime", "build", "dev"):
        text = (root / f"deploy/requirements/{lock}.txt").read_text()
        for name, version in re.findall(r"^([a-z0-9-]+)==([\w.]+)", text, re.MULTILINE):
            assert pins.setdefault(name, version) == version, f"{name} in {lock}.txt"

"""The audit is a chain: what is changed, left out or added is seen."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from streams.service.audit import KEPT, Audit


def written(path: Path, lines: int = 5) -> list[bytes]:
    """Write some lines over two openings; the lines of the file."""
    clock = count(1)
    for start in (0, lines // 2):
        audit = Audit(path, lambda: next(clock))
        for number in range(start, lines // 2 if not start else lines):
            audit.note("ann", f"order {number}", {"position": number})
        audit.close()
    return path.read_bytes().splitlines(keepends=True)


def fault(path: Path) -> str:
    audit = Audit(path, lambda: 0)
    audit.close()
    return audit.fault


def test_it_goes_on_where_it_ended(tmp_path: Path) -> None:
    written(tmp_path / "audit.jsonl", KEPT + 50)
    audit = Audit(tmp_path / "audit.jsonl", lambda: 9)
    assert audit.fault == ""
    assert audit.newest(1)[0]["what"] == f"order {KEPT + 49}"
    assert len(audit.newest(10 * KEPT)) == KEPT
    audit.close()


CHEATS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "a changed name": lambda lines: [*lines[:2], lines[2].replace(b"ann", b"bob"), *lines[3:]],
    "a line left out": lambda lines: [*lines[:2], *lines[3:]],
    "a line twice": lambda lines: [*lines[:3], *lines[2:]],
    "two lines swapped": lambda lines: [*lines[:1], lines[2], lines[1], *lines[3:]],
    "a chain of its own": lambda lines: [*lines[:2], b'{"what":"x"}\n', *lines[2:]],
}


@pytest.mark.promise(p=22)
@pytest.mark.parametrize("cheat", CHEATS)
def test_what_was_changed_is_seen(tmp_path: Path, cheat: str) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(CHEATS[cheat](written(path))))
    assert "line" in fault(path), cheat


def test_a_line_cut_off_by_a_crash_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    lines = written(path)
    path.write_bytes(b"".join(lines)[:-7])
    assert fault(path) == ""
    assert path.read_bytes() == b"".join(lines[:-1])

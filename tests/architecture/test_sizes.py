"""Prints what is larger than we aim at, and fails a little above that."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pytest

CPP_OPENS = re.compile(r"^(?P<indent> *)(?!.*\b(namespace|struct|class|enum|union)\b)\S.*\{$")
CPP_CONTROL = re.compile(r"^ *\}? *(if|else|for|while|do|switch|case|default|try|catch)\b")


class Size(NamedTuple):
    """Lines of one file or function, and the most that we aim at."""

    lines: int
    aim: int
    where: str

    @property
    def ceiling(self) -> int:
        """A quarter above the aim: more than that fails."""
        return self.aim * 5 // 4


def python_functions(path: Path, source: str) -> Iterator[Size]:
    """Yield the size of each body, docstring included: a signature is a table of parameters."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            start = node.body[0].lineno
            lines = (node.end_lineno or start) - start + 1
            yield Size(lines, 40, f"{path}:{node.lineno} {node.name}")


def cpp_functions(path: Path, source: str) -> Iterator[Size]:
    """Yield each outermost braced body that is no type, namespace or table."""
    lines = source.splitlines()
    end = 0
    for number, line in enumerate(lines, 1):
        opens = CPP_OPENS.match(line)
        if number <= end or not opens or "(" not in line + lines[number - 2]:
            continue
        if CPP_CONTROL.match(line):
            continue
        closing = f"{opens['indent']}}}"
        end = next(
            (n for n in range(number + 1, len(lines) + 1) if lines[n - 1].startswith(closing)), 0
        )
        if end:
            yield Size(end - number + 1, 60, f"{path}:{number}")


@pytest.fixture(scope="module")
def files(root: Path, room_files: list[Path]) -> list[tuple[Path, str]]:
    """Return (path, text) of the rooms' Python and C++ sources."""
    return [
        (path, (root / path).read_text())
        for path in room_files
        if path.suffix in {".py", ".cpp", ".hpp"}
    ]


@pytest.fixture(scope="module")
def functions(files: list[tuple[Path, str]]) -> list[Size]:
    """Return the size of every function."""
    return [
        size
        for path, text in files
        for size in (python_functions if path.suffix == ".py" else cpp_functions)(path, text)
    ]


def report(capsys: pytest.CaptureFixture[str], what: str, sizes: list[Size]) -> list[Size]:
    """Print those over the aim; return those over the ceiling."""
    over = sorted((size for size in sizes if size.lines > size.aim), reverse=True)
    middle = median(size.lines for size in sizes)
    with capsys.disabled():
        print(f"\nsizes: {len(sizes)} {what}, median {middle:g} lines, {len(over)} over the aim")
        for size in over:
            print(f"  {size.lines} (aim {size.aim}) {size.where}")
    return [size for size in over if size.lines > size.ceiling]


def test_files_are_short(files: list[tuple[Path, str]], capsys: pytest.CaptureFixture[str]) -> None:
    sizes = [Size(text.count("\n"), 400, str(path)) for path, text in files]
    assert report(capsys, "files", sizes) == []
    assert median(size.lines for size in sizes) <= 200


def test_functions_are_short(functions: list[Size], capsys: pytest.CaptureFixture[str]) -> None:
    assert report(capsys, "functions", functions) == []
    assert median(size.lines for size in functions) <= 10


def test_lines_are_short(files: list[tuple[Path, str]]) -> None:
    found = [
        f"{path}:{number}"
        for path, text in files
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) > 100
    ]
    assert found == []


def test_a_long_cpp_function_is_seen() -> None:
    body = "  x += 1;\n" * 80
    source = f"namespace a {{\nint f(int x) {{\n{body}}}\n\nvoid g() {{\n  h();\n}}\n}}\n"
    sizes = list(cpp_functions(Path("a.cpp"), source))
    assert [size.lines for size in sizes] == [82, 3]
    assert sizes[0].lines > sizes[0].ceiling


def test_a_long_python_function_is_seen() -> None:
    source = "def f():\n" + "    x = 1\n" * 60
    (size,) = python_functions(Path("a.py"), source)
    assert size.lines > size.ceiling

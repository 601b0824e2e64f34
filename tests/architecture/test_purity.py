"""Pure rooms read no clock, file, environment, random source or hash order."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

PURE = ("schemas", "aggregates", "projections/views")
PURE_NATIVE = ("schemas/core", "aggregates/core", "streams/simulator/core")
IMPURE_CALLS = {"open", "input", "print", "exec", "eval", "compile", "hash", "id", "globals"}
TRANSCENDENTAL = {"exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "pow", "cbrt"}
TRANSCENDENTAL |= {"sin", "cos", "tan", "sinh", "cosh", "tanh", "erf", "erfc", "gamma", "lgamma"}
ORDER_OF_SUMMATION = {"sum", "mean", "std", "var", "dot", "cumsum", "prod"}
CLOCK_READS = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "date.today"}
IMPURE_CPP = re.compile(
    r"#include <(random|chrono|ctime|time\.h|thread|filesystem|fstream|cstdlib|sys/\w+\.h)>"
    rf"|\bstd::({'|'.join(sorted(TRANSCENDENTAL))})\b|\bgetenv\b|\bclock_gettime\b"
)
"""The one exception: how memory is mapped changes the time that a decision takes, and no byte."""


def banned_modules(root: Path) -> set[str]:
    """Return what ruff bans from pure rooms: one list for both checks."""
    settings = tomllib.loads((root / "pyproject.toml").read_text())
    return set(settings["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"])


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of everything imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def impurities(source: str, banned: set[str]) -> list[str]:
    """Return 'line: what' for every impure import, call or loop in Python source."""
    tree = ast.parse(source)
    found = [
        f"{line}: imports {name}"
        for line, name in imports(tree)
        if any(name == ban or name.startswith(f"{ban}.") for ban in banned)
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found += impure_call(node)
        elif isinstance(node, ast.For | ast.comprehension) and is_set(node.iter):
            found.append(f"{node.iter.lineno}: iterates a set, whose order is not fixed")
    return found


def impure_call(node: ast.Call) -> list[str]:
    """Return at most one complaint about a call."""
    name = ast.unparse(node.func)
    if name in IMPURE_CALLS:
        return [f"{node.lineno}: calls {name}()"]
    owner, _, method = name.rpartition(".")
    if owner == "math" and method in TRANSCENDENTAL:
        return [f"{node.lineno}: math.{method} differs between machines"]
    if owner in {"np", "numpy"} and method in ORDER_OF_SUMMATION:
        return [f"{node.lineno}: numpy.{method} has no fixed order of operations"]
    return []


def is_set(node: ast.expr) -> bool:
    """Return whether an expression is plainly a set."""
    call = isinstance(node, ast.Call) and ast.unparse(node.func) in {"set", "frozenset"}
    return call or isinstance(node, ast.Set | ast.SetComp)


def under(path: Path, folders: tuple[str, ...]) -> bool:
    """Return whether a path lies below one of the folders."""
    return any(path.is_relative_to(folder) for folder in folders)


def test_pure_rooms_are_pure(root: Path, room_files: list[Path]) -> None:
    banned = banned_modules(root)
    pure = [path for path in room_files if path.suffix == ".py" and under(path, PURE)]
    assert pure
    found = [
        f"{path}:{what}" for path in pure for what in impurities((root / path).read_text(), banned)
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "from os import environ",
        "from numpy import random",
        "from datetime import datetime\nimport numpy.random",
        "open('x')",
        "import math\nmath.exp(1.0)",
        "import numpy as np\nnp.sum([1.0])",
        "for venue in {1, 2}: pass",
        "[v for v in set((1, 2))]",
        "hash('x')",
    ],
)
def test_an_impurity_is_found(root: Path, source: str) -> None:
    assert impurities(source, banned_modules(root))


@pytest.mark.parametrize("room", ["schemas", "aggregates", "projections/views", "aggregates/deep"])
@pytest.mark.parametrize("line", ["import time", "import random", "from pathlib import Path"])
def test_ruff_refuses_an_impure_import(root: Path, room: str, line: str) -> None:
    assert "TID251" in ruff(root, f"{room}/planted.py", line)


def test_ruff_allows_io_in_streams(root: Path) -> None:
    assert "TID251" not in ruff(root, "streams/planted.py", "import time")


def ruff(root: Path, name: str, line: str) -> str:
    """Return what ruff says about one line as if it stood in the named file."""
    command = [sys.executable, "-m", "ruff", "check", "--stdin-filename", name, "-"]
    result = subprocess.run(
        command, cwd=root, input=line, capture_output=True, text=True, check=False
    )
    return result.stdout


def test_one_module_reads_the_wall_clock(root: Path, room_files: list[Path]) -> None:
    readers = {
        str(path)
        for path in room_files
        if path.suffix == ".py"
        for node in ast.walk(ast.parse((root / path).read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node).endswith(tuple(CLOCK_READS))
    }
    assert readers <= {"streams/clock.py"}


ASKS_FOR_MEMORY = Path("aggregates/core/huge_pages.hpp")
"""It asks the system for memory in large pieces, and is told nothing."""


def test_deterministic_cores_are_pure(root: Path, room_files: list[Path]) -> None:
    found = [
        f"{path}:{number}: {match[0]}"
        for path in room_files
        if path.suffix in {".cpp", ".hpp"} and under(path, PURE_NATIVE)
        if path != ASKS_FOR_MEMORY
        for number, line in enumerate((root / path).read_text().splitlines(), 1)
        if (match := IMPURE_CPP.search(line))
    ]
    assert found == []


@pytest.mark.parametrize("line", ["#include <chrono>", "x = std::exp(y);", "std::getenv(a)"])
def test_a_native_impurity_is_found(line: str) -> None:
    assert IMPURE_CPP.search(line)


def test_only_bindings_know_python(root: Path, room_files: list[Path]) -> None:
    knowing = {
        path
        for path in room_files
        if path.suffix in {".cpp", ".hpp"}
        and re.search(r"nanobind|Python\.h", (root / path).read_text())
    }
    assert {path.name for path in knowing} <= {"bindings.cpp", "bindings.hpp"}

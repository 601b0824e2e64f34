"""Each native module has a stub beside it that names exactly what it offers."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = re.compile(r"nanobind_add_module\(\s*(\w+)")


def native_modules() -> Iterator[tuple[Path, str]]:
    """Yield (package folder, module name) of every native target."""
    for listing in sorted(ROOT.glob("[a-z]*/**/core/CMakeLists.txt")):
        folder = listing.parent.parent.relative_to(ROOT)
        if folder.parts[0] in {"streams", "aggregates"}:
            yield from ((folder, name) for name in MODULE.findall(listing.read_text()))


NATIVE = list(native_modules())


def stub_names(body: list[ast.stmt]) -> set[str]:
    """Return the public names that a stub's body declares; type aliases exist only in stubs."""
    names = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) != "TypeAlias":
            names.add(ast.unparse(node.target))
    return public(names)


def public(names: set[str]) -> set[str]:
    """Return the names that do not start with an underscore."""
    return {name for name in names if not name.startswith("_")}


def test_there_are_native_modules() -> None:
    assert NATIVE


def inherited(body: list[ast.stmt], node: ast.ClassDef) -> set[str]:
    """Names of the bases that a stub takes from other stubs: the native class repeats them."""
    bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
    names: set[str] = set()
    for source in body:
        if not isinstance(source, ast.ImportFrom) or source.module is None:
            continue
        if not bases & {alias.name for alias in source.names}:
            continue
        stub = ROOT / f"{source.module.replace('.', '/')}.pyi"
        for other in ast.parse(stub.read_text()).body:
            if isinstance(other, ast.ClassDef) and other.name in bases:
                names |= stub_names(other.body)
    return names


@pytest.mark.parametrize(("folder", "name"), NATIVE, ids=str)
def test_a_stub_names_what_its_module_offers(folder: Path, name: str) -> None:
    module = importlib.import_module(".".join((*folder.parts, name)))
    body = ast.parse((ROOT / folder / f"{name}.pyi").read_text()).body
    assert stub_names(body) == public(set(dir(module)))
    for node in body:
        if isinstance(node, ast.ClassDef):
            offered = set(vars(getattr(module, node.name)))
            told = stub_names(node.body) | inherited(body, node)
            assert told == public(offered), node.name


def test_what_only_asks_for_memory_is_inlined() -> None:
    # The compiler takes a call of it for one without effect, and leaves it out.
    found = 0
    for path in sorted((ROOT / "aggregates" / "core").glob("*.hpp")):
        for line in path.read_text().splitlines():
            if re.search(r"\bvoid (Books::)?prefetch\w*\(.*[^;]$", line):
                found += 1
                assert "always_inline" in line, f"{path.name}: {line.strip()}"
    assert found >= 6

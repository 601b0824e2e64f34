"""Reads a configuration: command line > environment > file > default, validated once."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import msgspec

from schemas.errors import InputError
from streams.config.sections import EngineConfig, Section, Whole

PREFIX = "SOR__"
Tree = dict[str, Any]
Kind = TypeVar("Kind", bound="Whole")


class Origins:
    """Where each dotted key was set, to name the place when it is wrong."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    def of(self, dotted: str) -> str:
        """Place of a key, or of the nearest table around it."""
        while dotted and dotted not in self.places:
            dotted = dotted.rpartition(".")[0]
        return self.places.get(dotted, "configuration")


def load_config(
    path: Path | None = None,
    environment: Mapping[str, str] | None = None,
    assignments: Iterable[str] = (),
) -> EngineConfig:
    """The configuration of a run, as `load_whole` reads it."""
    return load_whole(EngineConfig, path, environment, assignments)


def load_whole(
    kind: type[Kind],
    path: Path | None = None,
    environment: Mapping[str, str] | None = None,
    assignments: Iterable[str] = (),
) -> Kind:
    """A configuration from a TOML file, SOR__SECTION__KEY variables and `section.key=value`.

    InputError names the place (file:line, variable or option) and the nearest known key.
    """
    origins = Origins()
    tree: Tree = {}
    if path is not None:
        text = _read(path)
        _merge_file(tree, origins, path, text)
    for name in sorted(environment or {}):
        if name.startswith(PREFIX):
            dotted = name.removeprefix(PREFIX).lower().replace("__", ".")
            _put(tree, origins, dotted, _value((environment or {})[name]), name)
    for assignment in assignments:
        dotted, equals, value = assignment.partition("=")
        if not equals:
            raise InputError(f"--set {assignment}: write it as section.key=value")
        _put(tree, origins, dotted.strip(), _value(value), f"--set {assignment}")
    _check_keys(tree, kind, "", origins)
    return _convert(kind, tree, origins)


def config_fields() -> Iterator[tuple[str, Any]]:
    """(dotted key, default) of everything that can be set."""
    defaults = msgspec.to_builtins(EngineConfig())
    yield from ((dotted, value) for dotted, value in leaves(defaults))


def leaves(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of every leaf of nested tables."""
    for key, value in tree.items():
        dotted = f"{above}.{key}" if above else key
        if isinstance(value, Mapping):
            yield from leaves(value, dotted)
        else:
            yield dotted, value


def line_of(text: str, dotted: str) -> int:
    """Line (from 1) on which a TOML text sets `dotted` or opens its table, else 1."""
    table, _, key = dotted.rpartition(".")
    current = ""
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[+([\w. -]+)\]+", line)
        if header:
            current = header[1].strip()
            if current == dotted:
                return number
        found = re.match(r"\s*([\w.-]+)\s*=", line)
        if found and (f"{current}.{found[1]}" if current else found[1]) in {dotted, table}:
            return number
        if found and current == table and found[1] == key:
            return number
    return 1


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot read the configuration ({error}); name a TOML") from None


def _merge_file(tree: Tree, origins: Origins, path: Path, text: str) -> None:
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not TOML: {error}; correct the syntax there") from None
    for dotted, value in leaves(raw):
        _put(tree, origins, dotted, value, f"{path}:{line_of(text, dotted)}")


def _value(text: str) -> Any:
    """A TOML value from text; what is not TOML is the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _put(tree: Tree, origins: Origins, dotted: str, value: Any, place: str) -> None:
    *tables, key = dotted.split(".")
    node = tree
    for table in tables:
        node = node.setdefault(table, {})
        if not isinstance(node, dict):
            raise InputError(f"{place}: `{table}` is a value, not a table; correct the key")
    node[key] = value
    origins.places[dotted] = place


def _check_keys(tree: Tree, section: type[Section], above: str, origins: Origins) -> None:
    known = get_type_hints(section)
    for key, value in tree.items():
        dotted = f"{above}.{key}" if above else key
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
            place = next(
                (p for name, p in origins.places.items() if f"{name}.".startswith(f"{dotted}.")),
                "configuration",
            )
            raise InputError(f"{place}: unknown key `{dotted}`; the nearest known key is `{near}`")
        if isinstance(known[key], type) and issubclass(known[key], Section):
            if not isinstance(value, dict):
                raise InputError(f"{origins.of(dotted)}: `{dotted}` is a table, not a value")
            _check_keys(value, known[key], dotted, origins)
        elif isinstance(value, dict):
            place = origins.of(next(f"{dotted}.{name}" for name, _ in leaves(value)))
            raise InputError(f"{place}: `{dotted}` is a value, not a table")


def _convert(kind: type[Kind], tree: Tree, origins: Origins) -> Kind:
    defaults: Tree = msgspec.to_builtins(kind())
    for dotted, value in leaves(tree):
        *tables, key = dotted.split(".")
        node = defaults
        for table in tables:
            node = node[table]
        node[key] = value
    try:
        config = msgspec.convert(defaults, kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        dotted = where.rstrip("`").partition("[")[0]
        raise InputError(
            f"{origins.of(dotted)}: `{dotted}`: {what[0].lower()}{what[1:]}; correct the value"
        ) from None
    for keys, fault in config.faults():
        place = next((origins.of(key) for key in keys if key in origins.places), "defaults")
        raise InputError(f"{place}: `{', '.join(keys)}`: {fault}; correct the value")
    return config

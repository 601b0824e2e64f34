"""`sor reference`: venues, instruments, policies, limits and accounts, and who agreed to them."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Any, Literal

from schemas.errors import InputError
from streams.cli.terminal import print_json, print_lines, print_table
from streams.reference import files
from streams.reference.service import ReferenceService, history_rows, shown

Verb = Literal[
    "load", "list", "show", "propose", "approve", "activate", "suspend", "retire", "crypto"
]
ACTS = ("approve", "activate", "suspend", "retire")
DEFAULT_STORE = "sqlite:///sor-reference.db"
WIDTH = 60


def reference(
    verb: Verb,
    kind: str | None = None,
    key: str | None = None,
    /,
    *,
    store: str = DEFAULT_STORE,
    file: Path | None = None,
    actor: str | None = None,
    reason: str = "",
    version: int | None = None,
    all: bool = False,  # noqa: A002 - the word that people type
    yes: bool = False,
    out: Path | None = None,
    as_of: str = "2025-01-01",
    json: bool = False,
) -> int:
    """Change reference data: propose, let a second person approve, activate.

    `load FILE` shows what differs and proposes it; `propose KIND KEY --file F` takes one entry of a
    file; `approve`, `activate`, `suspend`, `retire KIND KEY` act on one item, or on every item that
    is ready with --all; `crypto FILE --out TOML` makes a file of crypto venues.

    Args:
        verb: What to do.
        kind: `venue`, `instrument`, `policy`, `limits`, `account`; for `load`, `crypto` the file.
        key: Which one.
        store: `sqlite:///FILE` or `postgresql://USER@HOST/DATABASE`.
        file: File with the terms to propose.
        actor: Who does it; the name of the user by default.
        reason: Why; it is kept.
        version: The version that was looked at; a newer one makes the change stale. The newest by
            default.
        all: Every item of the kind (or of all kinds) that is ready for it.
        yes: Do not ask.
        out: File to write.
        as_of: Day that a made file gives for its fees.
        json: One JSON object instead of tables.
    """
    if verb == "crypto":
        return crypto(required(kind, "FILE"), out, as_of)
    who = actor or getpass.getuser()
    with ReferenceService(store) as service:
        if verb == "load":
            return load(service, Path(required(kind, "FILE")), who, reason, yes, json)
        if verb == "list":
            return show_items([shown(item) for item in service.items(kind)], json)
        if verb == "show":
            return show_one(service, required(kind, "KIND"), required(key, "KEY"), json)
        if verb == "propose":
            found = chosen(service, file, required(kind, "KIND"), required(key, "KEY"))
            return show_items([shown(i) for i in files.load(service, found, who, reason)], json)
        targets = ready(service, verb, kind) if all else [(kind, key)]
        done = [
            act(service, verb, required(k, "KIND"), required(n, "KEY"), version, who, reason)
            for k, n in targets
        ]
        return show_items(done, json)


def required(value: str | None, what: str) -> str:
    """An argument that this verb needs."""
    if value is None:
        raise InputError(f"sor reference: {what} is missing; see sor reference --help")
    return value


def act(
    service: ReferenceService,
    verb: str,
    kind: str,
    key: str,
    version: int | None,
    who: str,
    reason: str,
) -> dict[str, Any]:
    """Does one verb on one item."""
    seen = service.get(kind, key).version if version is None else version
    return shown(service.act(verb, kind, key, seen, who, reason))


def ready(service: ReferenceService, verb: str, kind: str | None) -> list[tuple[str, str]]:
    """Items that wait for a verb: unapproved terms to approve, approved ones to activate."""
    if verb not in {"approve", "activate"}:
        raise InputError(f"sor reference {verb} --all: only approve and activate take all at once")
    wants_approval = verb == "approve"
    return [
        (item.kind, item.key)
        for item in service.items(kind)
        if item.pending is not None and (item.approver is None) == wants_approval
    ]


def load(
    service: ReferenceService, path: Path, who: str, reason: str, yes: bool, json: bool
) -> int:
    """Shows what a file changes, asks, proposes it."""
    found = files.differences(service, path)
    work = [entry for entry in found if entry.what in {files.NEW, files.CHANGED}]
    if not json:
        show_differences(found)
    if work and not yes and not agreed():
        return 1
    done = files.load(service, work, who, reason) if work else []
    if json:
        counts = {what: sum(e.what == what for e in found) for what in files.OUTCOMES}
        print_json({**counts, "proposed": [item.key for item in done]})
    elif done:
        print_lines("Proposed", [f"{len(done)} items; a second person approves them"])
    return 0


def agreed() -> bool:
    """Asks on a terminal; off one, --yes is needed."""
    if not sys.stdin.isatty():
        raise InputError("sor reference load: add --yes to propose these changes")
    return input("propose these changes? [y/N] ").strip().lower() in {"y", "yes"}


def show_differences(found: list[files.Difference]) -> None:
    """Prints what a file changes."""
    rows = []
    for entry in found:
        if entry.what == files.CHANGED:
            rows += [
                [entry.kind, entry.key, name, short(before), short(after)]
                for name, before, after in entry.fields
            ]
        elif entry.what != files.SAME:
            rows.append([entry.kind, entry.key, entry.what, "", ""])
    if rows:
        print_table("", ["kind", "key", "what", "now", "then"], rows)
    same = sum(entry.what == files.SAME for entry in found)
    print_lines("Compared", [f"{len(found)} entries, {same} the same"])


def chosen(
    service: ReferenceService, file: Path | None, kind: str, key: str
) -> list[files.Difference]:
    """The entry of a file that is to be proposed."""
    if file is None:
        raise InputError("sor reference propose: --file FILE holds the terms")
    found = [e for e in files.differences(service, file) if (e.kind, e.key) == (kind, key)]
    if not found:
        raise InputError(f"{file}: no {kind} {key} in it")
    return found


def crypto(path: str, out: Path | None, as_of: str) -> int:
    """Writes a file of crypto venues."""
    text = files.crypto_venues(Path(path), as_of)
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, encoding="utf-8")
    return 0


def show_items(items: list[dict[str, Any]], json: bool) -> int:
    """Prints items."""
    if json:
        print_json({"items": items})
        return 0
    rows = [
        [
            item["kind"],
            item["key"],
            item["state"],
            str(item["version"]),
            str(item["revision"]),
            waiting(item),
        ]
        for item in items
    ]
    print_table("", ["kind", "key", "state", "version", "in force", "waits for"], rows)
    return 0


def waiting(item: dict[str, Any]) -> str:
    """What an item's proposed terms wait for."""
    if item["pending"] is None:
        return ""
    if item["approver"] is None:
        return f"approval, not by {item['author']}"
    return f"activation, approved by {item['approver']}"


def show_one(service: ReferenceService, kind: str, key: str, json: bool) -> int:
    """Prints an item and everything that was done to it."""
    item, events = shown(service.get(kind, key)), service.history(kind, key)
    history = history_rows(events)
    if json:
        print_json({**item, "history": history})
        return 0
    print_lines(f"{kind} {key}", [f"{name}: {short(value)}" for name, value in item.items()])
    print_table("", list(history[0]), [[str(v) for v in row.values()] for row in history])
    return 0


def short(value: Any) -> str:
    """A value in one line."""
    text = str(value)
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"

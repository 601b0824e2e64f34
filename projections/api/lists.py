"""The lists of the API: which view, which filters, and how a request becomes a query."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from projections.api.accepting import has_already
from projections.api.problems import ProblemError
from projections.api.reads import MAX_LIMIT, Page, Query, Reads, cursor_keys, cursor_text
from projections.api.rows import enum_of, present, shown_columns
from projections.views import columns, reference_columns
from projections.views.names import Names
from projections.views.view import View
from schemas.units import INT64_MAX, INT64_MIN

MAX_VALUES = 64
CONTROLS = ("limit", "cursor", "sort", "fields", "format")
TEXTS = ("client", "account", "cl_ord_id", "trader", "target", "key", "mic", "name")
NUMBERS = ("order_id", "decision_id", "child_id", "shard", "hour_ns")
ENUMS = ("side", "state", "reason", "outcome", "liquidity", "health", "kind", "scope", "status")


@dataclass(frozen=True)
class Listing:
    """One list: its path, view, and the columns that may be sorted by."""

    path: str
    view: View
    sorts: tuple[str, ...]
    about: str

    @cached_property
    def filters(self) -> tuple[str, ...]:
        """Query parameters that narrow the list."""
        names = set(self.view.names)
        found = [n for n in (*TEXTS, *NUMBERS, *ENUMS) if n in names]
        found += [n for n in ("instrument", "policy") if n in names]
        if names & {"venue", "venue_mask"} or self.view is columns.ORDERS:
            found.append("venue")
        if "log_ns" in names:
            found += ["since_ns", "until_ns"]
        return tuple(found)


LISTINGS = (
    Listing("decisions", columns.DECISIONS, ("log_ns", "id"), "Routing decisions, newest first."),
    Listing("orders", columns.ORDERS, ("log_ns", "id"), "Parent orders, newest first."),
    Listing("children", columns.CHILDREN, ("log_ns", "id"), "Child orders, newest first."),
    Listing("fills", columns.FILLS, ("log_ns", "id"), "Fills, newest first."),
    Listing("refusals", columns.REFUSALS, ("log_ns", "id"), "Inputs that were not applied."),
    Listing("alarms", columns.ALARMS, ("log_ns", "id"), "Facts that need a person."),
    Listing("amendments", columns.AMENDMENTS, ("log_ns", "id"), "Amendments, newest first."),
    Listing(
        "child-requests",
        columns.CHILD_REQUESTS,
        ("log_ns", "id"),
        "Cancels, replaces and questions that venues were sent.",
    ),
    Listing("breaks", columns.BREAKS, ("log_ns", "id"), "Differences between books."),
    Listing(
        "positions",
        columns.ACCOUNT_POSITIONS,
        ("log_ns", "id"),
        "What accounts held at days' ends.",
    ),
    Listing("instruments", reference_columns.INSTRUMENTS, ("instrument", "key"), "Instruments."),
    Listing("policies", reference_columns.POLICIES, ("policy", "name"), "Routing policies."),
    Listing("kill-switches", reference_columns.KILLS, ("shard",), "Kill switches, engaged or not."),
    Listing(
        "performance/venues",
        columns.PERFORMANCE_VENUES,
        ("hour_ns",),
        "Sums by hour, instrument, policy, client and venue.",
    ),
    Listing(
        "performance/orders",
        columns.PERFORMANCE_ORDERS,
        ("hour_ns",),
        "Sums of parent orders by hour, instrument, policy and client.",
    ),
    Listing("quality", columns.QUALITY, ("instrument",), "The latest quality rows from ticks."),
    Listing(
        "quality/execution",
        columns.EXECUTION_QUALITY,
        ("instrument",),
        "The latest quality rows from our fills.",
    ),
)


def query_of(listing: Listing, given: Mapping[str, str], names: Names) -> Query:
    """The query that request parameters ask for; ProblemError 400 names the bad one."""
    for name in given:
        if name not in CONTROLS and name not in listing.filters:
            known = ", ".join(sorted((*CONTROLS, *listing.filters)))
            raise ProblemError(400, "unknown_parameter", f"parameters are {known}", name[:64])
    sort = given.get("sort") or ("-" + listing.sorts[0] if is_timed(listing) else listing.sorts[0])
    order = sort.removeprefix("-")
    if order not in listing.sorts:
        wanted = ", ".join(listing.sorts)
        raise ProblemError(400, "bad_sort", f"sort by {wanted}; `-` in front turns it", "sort")
    query = Query(
        view=listing.view,
        columns=fields_of(listing, given.get("fields", "")),
        where=tuple(sorted(where_of(listing, given, names), key=repr)),
        order=order,
        is_descending=sort.startswith("-"),
        limit=whole("limit", given.get("limit", "100"), 1, MAX_LIMIT),
    )
    if "cursor" not in given:
        return query
    after = cursor_keys(query, given["cursor"])
    return Query(**{**vars(query), "after": after})


def is_timed(listing: Listing) -> bool:
    """Whether the newest rows come first."""
    return listing.sorts[0] in {"log_ns", "hour_ns"}


def fields_of(listing: Listing, given: str) -> tuple[str, ...]:
    """Columns asked for, all that can be shown by default."""
    known = [name for name, _ in shown_columns(listing.view)]
    if not given:
        return tuple(known)
    chosen = tuple(dict.fromkeys(given.split(",")))
    for name in chosen:
        if name not in known:
            detail = f"no field {name[:64]!r}; fields are {', '.join(known)}"
            raise ProblemError(400, "unknown_field", detail, "fields")
    return chosen


def where_of(
    listing: Listing, given: Mapping[str, str], names: Names
) -> Iterable[tuple[str, str, Any]]:
    """Conditions on columns."""
    for name, text in given.items():
        if name in CONTROLS:
            continue
        if name in {"since_ns", "until_ns"}:
            operator = "ge" if name == "since_ns" else "lt"
            yield "log_ns", operator, whole(name, text, INT64_MIN, INT64_MAX)
        elif name in NUMBERS:
            yield name, "eq", whole(name, text, INT64_MIN, INT64_MAX)
        elif name in {"instrument", "venue", "policy"}:
            yield dense(listing, name, text, names)
        elif enum_of(listing.view, name) is not None:
            yield name, "in", codes_of(listing, name, text)
        else:
            yield name, "eq", plain_text(name, text)


def dense(listing: Listing, name: str, text: str, names: Names) -> tuple[str, str, Any]:
    """A condition on dense ids, by the names of what they mean, several parted by commas."""
    found = sorted({dense_id(name, word, names) for word in text.split(",")[:MAX_VALUES]})
    if name != "venue" or "venue" in listing.view.names:
        return name, "in", tuple(found)
    return (
        ("id", "at", tuple(found))
        if listing.view is columns.ORDERS
        else (
            "venue_mask",
            "bits",
            sum(1 << venue for venue in found),
        )
    )


def dense_id(name: str, text: str, names: Names) -> int:
    """The dense id behind a name; ProblemError 400 where there is none."""
    if name == "policy":
        found = next((p for p in names.policies if names.policy(p) == text), None)
    else:
        found = names.instrument_id(text) if name == "instrument" else names.venue_id(text)
    if found is None:
        raise ProblemError(400, f"unknown_{name}", f"no {name} {text[:64]!r}", name)
    return found


def codes_of(listing: Listing, name: str, text: str) -> tuple[int, ...]:
    """Codes by their names, several parted by commas."""
    kind = enum_of(listing.view, name)
    assert kind is not None
    known = {code.name.lower(): int(code) for code in kind}
    wanted = text.split(",")
    for word in wanted:
        if word not in known:
            detail = f"no {name} {word[:64]!r}; there are {', '.join(known)}"
            raise ProblemError(400, "bad_value", detail, name)
    return tuple(sorted({known[word] for word in wanted}))


def plain_text(name: str, text: str) -> str:
    """Text that a database takes."""
    if "\0" in text or len(text) > 96:
        raise ProblemError(400, "bad_value", "at most 96 letters, none of them zero", name)
    return text


def whole(name: str, text: str, least: int, most: int) -> int:
    """A whole number from text within bounds."""
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) < 20 and least <= int(text) <= most:
        return int(text)
    raise ProblemError(400, "bad_value", f"give a whole number from {least} to {most}", name)


def page_body(query: Query, page: Page, cursor: str | None, names: Names) -> bytes:
    """A page as JSON."""
    items = present(query.view, query.columns, page.rows, names)
    body = {"items": items, "next_cursor": cursor, "position": page.position}
    return orjson.dumps(body)


def export(items: list[dict[str, Any]], fields: tuple[str, ...], form: str) -> bytes:
    """Rows as CSV or NDJSON."""
    if form == "ndjson":
        return b"".join(orjson.dumps(item) + b"\n" for item in items)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(fields)
    writer.writerows([[cell(item[name]) for name in fields] for item in items])
    return out.getvalue().encode()


def cell(value: Any) -> Any:
    """A value in a CSV; text that a spreadsheet would run is kept from that by a quote."""
    if isinstance(value, list):
        value = " ".join(value)
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return "'" + value
    return value


@dataclass(frozen=True)
class Answer:
    """One page in a form; no body when the caller has it already."""

    body: bytes | None
    cursor: str | None
    tag: str


def answer(
    reads: Reads, listing: Listing, given: Mapping[str, str], form: str, known_tag: str
) -> Answer:
    """One page; from the cache, or not at all, where nothing was projected since."""
    with reads.connect() as connection:
        look = reads.look(connection)
        names, stamp = look.names, (reads.generation, repr(look.position))
        query = query_of(listing, given, names)
        key = (form, query)
        tag = f'W/"{hashlib.sha256(repr((stamp, key)).encode()).hexdigest()[:24]}"'
        if has_already(known_tag, tag):
            return Answer(None, None, tag)
        kept = reads.cached(key, stamp) if form == "json" else None
        if kept is not None:
            return Answer(*kept, tag)
        page = reads.page_of(connection, query, look.position)
    cursor = cursor_text(query, page.last) if page.last is not None else None
    if form != "json":
        items = present(query.view, query.columns, page.rows, names)
        return Answer(export(items, query.columns, form), cursor, tag)
    body = page_body(query, page, cursor, names)
    reads.keep(key, stamp, body, cursor)
    return Answer(body, cursor, tag)

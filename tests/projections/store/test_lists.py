"""Lists against plain Python over the same rows; pages that neither skip nor repeat."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.store.convert import id_text, parse_id
from projections.store.cursors import FieldError
from projections.store.lists import LISTS, Filters
from projections.store.queries import ReadModels
from schemas.errors import InputError, NotFoundError
from streams.projector import Projector
from streams.rebuild import rebuild
from tests.projections.store.world import HISTORY_NS, LivingRun

Row = dict[str, Any]
LIST_NAMES = sorted(LISTS)
FIELDS = [name for name in Filters.__struct_fields__ if not name.endswith("_ns")]


@pytest.fixture(scope="module")
def models(projected: str) -> Iterator[ReadModels]:
    opened = ReadModels(projected)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def postgres_models(finished_run: Path, postgres_server: Any) -> Iterator[ReadModels]:
    rebuild(finished_run, postgres_server.url, HISTORY_NS)
    opened = ReadModels(postgres_server.url)
    yield opened
    opened.close()


def everything(models: ReadModels, name: str, **options: Any) -> list[Row]:
    """Read a list to its end."""
    rows: list[Row] = []
    cursor = None
    while True:
        page = models.page(name, cursor=cursor, limit=1000, **options)
        rows += page.rows
        cursor = page.cursor
        if cursor is None:
            return rows


def matches(row: Row, name: str, filters: Filters, touched: dict[str, set[str]]) -> bool:
    """Decide in plain Python whether a row is asked for."""
    spec = LISTS[name]
    if filters.start_ns is not None and row["log_ns"] < filters.start_ns:
        return False
    if filters.end_ns is not None and row["log_ns"] >= filters.end_ns:
        return False
    for field in FIELDS:
        wanted = getattr(filters, field)
        if not wanted:
            continue
        if field == "status":
            found = {row[spec.status[0]]} if spec.status else set()
        elif field == "venue" and name == "decisions":
            found = set(row["venue_mask"])
        elif field == "venue" and name == "orders":
            found = touched.get(row["id"], set())
        elif field == "order_id" and name == "orders":
            found = {row["id"]}
        else:
            found = {row[field]}
        if not found & set(wanted):
            return False
    return True


@st.composite
def questions(draw: st.DrawFn, rows: list[Row], name: str) -> tuple[Filters, str]:
    """Draw filters, most of which find something, and a sorting."""
    spec = LISTS[name]
    row = draw(st.sampled_from(rows))
    chosen: dict[str, Any] = {}
    possible = [f for f in FIELDS if f in row or f in {"status", "venue"}]
    for field in draw(st.lists(st.sampled_from(possible), unique=True, max_size=3)):
        others = draw(st.lists(st.sampled_from(rows), max_size=2))
        values = [value_of(spec.name, field, r) for r in [row, *others]]
        chosen[field] = tuple(dict.fromkeys(v for v in values if v))
    if draw(st.booleans()):
        chosen["start_ns"] = draw(st.sampled_from(rows))["log_ns"] + draw(st.integers(-1, 1))
    if draw(st.booleans()):
        chosen["end_ns"] = draw(st.sampled_from(rows))["log_ns"] + draw(st.integers(-1, 1))
    sort = draw(st.sampled_from(spec.sorts))
    return Filters(**chosen), draw(st.sampled_from(["", "-"])) + sort


def value_of(name: str, field: str, row: Row) -> str | None:
    """Return a filter's value that would find a row."""
    spec = LISTS[name]
    if field == "status":
        return str(row[spec.status[0]]) if spec.status else None
    if field == "venue" and name == "decisions":
        return row["venue_mask"][0] if row["venue_mask"] else None
    if field == "venue" and name == "orders":
        return "ARCX"
    found = row["id"] if (name, field) == ("orders", "order_id") else row.get(field)
    return None if found is None else str(found)


@pytest.mark.parametrize("name", [n for n in LIST_NAMES if n not in {"alarms", "refusals"}])
def test_filters_find_what_plain_python_finds(models: ReadModels, name: str) -> None:
    check_filters(models, name, examples=60)


@pytest.mark.parametrize("name", ["decisions", "orders"])
def test_filters_on_postgresql(postgres_models: ReadModels, name: str) -> None:
    check_filters(postgres_models, name, examples=25)


def check_filters(models: ReadModels, name: str, examples: int) -> None:
    rows = everything(models, name)
    touched: dict[str, set[str]] = {}
    for child in everything(models, "children"):
        touched.setdefault(child["order_id"], set()).add(child["venue"])

    @settings(max_examples=examples)
    @given(question=questions(rows, name), limit=st.integers(1, 7))
    def check(question: tuple[Filters, str], limit: int) -> None:
        filters, sort = question
        column, reverse = sort.removeprefix("-"), sort.startswith("-")
        kept = [row for row in rows if matches(row, name, filters, touched)]
        kept.sort(key=lambda row: (row[column], parse_id(row["id"])), reverse=reverse)
        found = everything(models, name, filters=filters, sort=sort)
        assert found == kept
        first = models.page(name, filters, sort=sort, limit=limit)
        assert first.rows == kept[:limit]
        if first.cursor:
            second = models.page(name, filters, sort=sort, limit=limit, cursor=first.cursor)
            assert second.rows == kept[limit : 2 * limit]
        else:
            assert len(kept) <= limit

    check()


def test_fields_can_be_chosen(models: ReadModels) -> None:
    page = models.page("orders", limit=3, fields=("id", "state", "client"))
    assert [list(row) for row in page.rows] == [["id", "state", "client"]] * 3
    full = models.one("orders", page.rows[0]["id"])
    assert {name: full[name] for name in page.rows[0]} == page.rows[0]


@pytest.mark.parametrize("sort", ["-log_ns", "log_ns", "-units"])
def test_pages_under_inserts_never_skip_or_repeat(
    tmp_path: Path, store_url: str, sort: str
) -> None:
    living = LivingRun(tmp_path / "run", shards=2, orders_per_s=80)
    projector = Projector(tmp_path / "run", store_url, HISTORY_NS)
    living.write(16)
    projector.step()
    models = ReadModels(store_url)
    before = {row["id"] for row in everything(models, "fills", sort=sort)}
    seen: list[str] = []
    cursor = None
    for turn in range(10_000):
        page = models.page("fills", sort=sort, limit=5, cursor=cursor)
        seen += [row["id"] for row in page.rows]
        cursor = page.cursor
        if cursor is None:
            break
        if turn < 40 and turn % 4 == 0:
            living.write(1)
            projector.step()
    assert len(seen) == len(set(seen))
    assert before <= set(seen)
    after = {row["id"] for row in everything(models, "fills", sort=sort)}
    assert len(after) > len(before) > 20
    models.close()
    projector.close()
    living.finish()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"sort": "side"}, "sort"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"fields": ("secret",)}, "fields"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "A" * 300}, "cursor"),
        ({"cursor": "é"}, "cursor"),
        ({"filters": Filters(instrument=("NOPE",))}, "instrument"),
        ({"filters": Filters(venue=("NOPE",))}, "venue"),
        ({"filters": Filters(policy=("NOPE",))}, "policy"),
        ({"filters": Filters(side=("up",))}, "side"),
        ({"filters": Filters(status=("maybe",))}, "status"),
        ({"filters": Filters(order_id=("x",))}, "order_id"),
        ({"filters": Filters(order_id=("9" * 16,))}, "order_id"),
        ({"filters": Filters(decision_id=("1",))}, "decision_id"),
        ({"filters": Filters(start_ns=2**63)}, "start_ns"),
        ({"filters": Filters(client=tuple(map(str, range(65))))}, "client"),
    ],
)
def test_what_does_not_fit_is_named(models: ReadModels, options: Row, field: str) -> None:
    with pytest.raises(FieldError) as caught:
        models.page("orders", **options)
    assert caught.value.field == field


def test_a_cursor_is_of_its_list_only(models: ReadModels) -> None:
    cursor = models.page("orders", limit=1).cursor
    with pytest.raises(FieldError, match="other filters"):
        models.page("orders", Filters(side=("buy",)), cursor=cursor)
    with pytest.raises(FieldError, match="other filters"):
        models.page("decisions", cursor=cursor)


def test_what_is_not_there(models: ReadModels, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no list"):
        models.page("secrets")
    with pytest.raises(NotFoundError, match="no '99999999'"):
        models.one("orders", "99999999")
    with pytest.raises(InputError, match="is no id"):
        models.one("orders", "1; DROP TABLE orders")
    empty = ReadModels(f"sqlite:///{tmp_path / 'empty'}")
    with pytest.raises(NotFoundError, match="none yet"):
        empty.page("orders")
    empty.close()


@given(st.integers(0, 2**14 - 1), st.integers(0, 2**48 - 1))
def test_ids_are_text_and_back(shard: int, number: int) -> None:
    identity = shard << 48 | number
    assert parse_id(id_text(identity)) == identity

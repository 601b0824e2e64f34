"""Lists against plain Python over the same rows; pages that neither skip nor repeat."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.api import reads
from projections.api.problems import ProblemError
from projections.api.rows import enum_of
from projections.views.columns import FILLS, QUALITY
from projections.views.view import global_id, local_id
from streams.projector import Projector
from streams.rebuild import rebuild
from tests.projections.store.models import LISTED, Models, Row
from tests.projections.store.world import HISTORY_NS, LivingRun

LISTS = ("decisions", "orders", "children", "fills")
NAMED = {"instrument", "venue", "policy"}


@pytest.fixture(scope="module")
def models(projected: str) -> Iterator[Models]:
    opened = Models(projected)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def postgres_models(finished_run: Path, postgres_server: Any) -> Iterator[Models]:
    rebuild(finished_run, postgres_server.url, HISTORY_NS)
    opened = Models(postgres_server.url)
    yield opened
    opened.close()


class World:
    """All rows of a store, and which venues an order or a decision went to."""

    def __init__(self, models: Models, name: str) -> None:
        self.name = name
        self.rows = models.everything(name)
        self.venues: dict[int, set[str]] = {}
        for child in models.everything("children"):
            for owner in (child["order_id"], child["decision_id"]):
                self.venues.setdefault(owner, set()).add(child["venue"])

    def matches(self, row: Row, given: dict[str, str]) -> bool:
        """Decide in plain Python whether a row is asked for."""
        for field, text in given.items():
            if field == "since_ns":
                fits = row["log_ns"] >= int(text)
            elif field == "until_ns":
                fits = row["log_ns"] < int(text)
            elif field == "venue" and "venue" not in row:
                fits = bool(self.venues.get(row["id"], set()) & set(text.split(",")))
            elif self.is_of_words(field):
                fits = row[field] in text.split(",")
            else:
                fits = str(row[field]) == text
            if not fits:
                return False
        return True

    def is_of_words(self, field: str) -> bool:
        """Whether a filter takes several words."""
        return field in NAMED or enum_of(LISTED[self.name].view, field) is not None

    @st.composite
    @staticmethod
    def questions(draw: st.DrawFn, world: World) -> tuple[dict[str, str], str]:
        """Draw filters, most of which find something, and a sorting."""
        listing = LISTED[world.name]
        chosen: dict[str, str] = {}
        row = draw(st.sampled_from(world.rows))
        for field in draw(st.lists(st.sampled_from(listing.filters), unique=True, max_size=3)):
            words = [world.word(field, row)]
            if world.is_of_words(field):
                others = draw(st.lists(st.sampled_from(world.rows), max_size=2))
                words += [world.word(field, other) for other in others]
            if all(words):
                chosen[field] = ",".join(dict.fromkeys(words))
        sort = draw(st.sampled_from(listing.sorts))
        return chosen, draw(st.sampled_from(["", "-"])) + sort

    def word(self, field: str, row: Row) -> str:
        """Return a filter's text that would find a row, nothing where none would."""
        if field in {"since_ns", "until_ns"}:
            return str(row["log_ns"] + (field == "until_ns"))
        if field == "venue" and "venue" not in row:
            return min(self.venues.get(row["id"], {""}))
        return str(row[field])


@pytest.mark.parametrize("name", LISTS)
def test_filters_find_what_plain_python_finds(models: Models, name: str) -> None:
    check_filters(models, World(models, name), examples=60)


@pytest.mark.parametrize("name", ["decisions", "orders"])
def test_filters_on_postgresql(postgres_models: Models, name: str) -> None:
    check_filters(postgres_models, World(postgres_models, name), examples=25)


def check_filters(models: Models, world: World, examples: int) -> None:
    assert len(world.rows) > 50

    @settings(max_examples=examples)
    @given(question=World.questions(world), limit=st.integers(1, 7))
    def check(question: tuple[dict[str, str], str], limit: int) -> None:
        chosen, sort = question
        column, is_descending = sort.removeprefix("-"), sort.startswith("-")
        kept = [row for row in world.rows if world.matches(row, chosen)]
        kept.sort(key=lambda row: (row[column], row["id"]), reverse=is_descending)
        assert models.everything(world.name, sort=sort, **chosen) == kept
        first = models.page(world.name, sort=sort, limit=limit, **chosen)
        assert first.rows == kept[:limit]
        if first.cursor:
            more = {"limit": limit, "cursor": first.cursor}
            second = models.page(world.name, sort=sort, **chosen, **more)
            assert second.rows == kept[limit : 2 * limit]
        else:
            assert len(kept) <= limit

    check()


@pytest.mark.parametrize("sort", ["-log_ns", "log_ns", "-id"])
def test_pages_under_inserts_never_skip_or_repeat(
    tmp_path: Path, store_url: str, sort: str
) -> None:
    living = LivingRun(tmp_path / "run", shards=2, orders_per_s=80)
    projector = Projector(tmp_path / "run", store_url, HISTORY_NS)
    living.write(16)
    projector.step()
    models = Models(store_url)
    before = {row["id"] for row in models.everything("fills", sort=sort)}
    seen: list[int] = []
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
    after = {row["id"] for row in models.everything("fills", sort=sort)}
    assert len(after) > len(before) > 20
    models.close()
    projector.close()
    living.finish()


def test_what_takes_too_long_is_given_up(
    postgres_models: Models, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "QUERY_S", 0.2)
    monkeypatch.setattr(reads, "STEPS", 100)
    endless = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT max(i) FROM n",
        "postgresql": "SELECT pg_sleep(20)",
    }
    for opened in (models, postgres_models):
        since = time.monotonic()
        with pytest.raises(ProblemError) as caught, opened.reads.connect() as connection:
            connection.exec_driver_sql(endless[connection.dialect.name])
        assert (caught.value.status, caught.value.code) == (503, "too_slow")
        assert time.monotonic() - since < 15
        assert opened.page("orders", limit=1).rows


def test_more_rows_than_are_given_at_once_is_an_error(models: Models) -> None:
    with pytest.raises(ProblemError, match="more than 3 rows"):
        models.reads.rows(FILLS, {}, "id", most=3)


def test_there_is_a_store_first(tmp_path: Path) -> None:
    empty = Models(f"sqlite:///{tmp_path / 'empty'}")
    with pytest.raises(ProblemError, match="not there yet"):
        empty.page("orders")
    empty.close()


@given(st.integers(0, 2**7 - 1), st.integers(0, 2**46 - 1))
def test_ids_hold_shard_and_number(shard: int, number: int) -> None:
    assert local_id(global_id(shard, number)) == (shard, number)


def test_rows_are_sorted_as_asked_before_shards() -> None:
    assert reads.Query(QUALITY, ("venue",), order="instrument").keys == (
        "instrument",
        "shard",
        "venue",
    )
    assert reads.Query(FILLS, ("id",), order="log_ns").keys == ("log_ns", "id")

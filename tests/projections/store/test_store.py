"""The store itself: migrations, generations, whom it refuses."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from projections.store.database import POINTER, open_generations
from projections.store.migrate import drop_indexes, migrate, revision_of
from projections.store.tables import METADATA
from projections.store.writer import StoreWriter
from schemas.errors import InputError, NotFoundError
from streams.projector import run_key
from streams.rebuild import rebuild
from tests.projections.store.models import Models
from tests.projections.store.world import HISTORY_NS


def test_migrations_make_the_tables_and_take_them_away(store_url: str) -> None:
    generations = open_generations(store_url)
    number = generations.next_number()
    generations.create(number)
    engine = generations.engine(number)
    with engine.begin() as connection:
        assert revision_of(connection) is None
        migrate(connection)
        migrate(connection)
        assert revision_of(connection) == "0001"
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, METADATA) == []
        drop_indexes(connection)
        assert compare_metadata(context, METADATA) != []
    engine.dispose()
    generations.drop(number)
    assert generations.numbers() == []
    generations.close()


def test_readers_stay_until_the_swap_and_follow_it(finished_run: Path, store_url: str) -> None:
    rebuild(finished_run, store_url, HISTORY_NS)
    models = Models(store_url)
    before = models.page("orders", limit=50)
    seen: list[list[int]] = []
    stopped = threading.Event()

    def read() -> None:
        while not stopped.is_set():
            seen.append([row["id"] for row in models.page("orders", limit=50).rows])

    reader = threading.Thread(target=read)
    reader.start()
    done = rebuild(finished_run, store_url, HISTORY_NS)
    stopped.set()
    reader.join()
    assert seen
    assert all(ids == [row["id"] for row in before.rows] for ids in seen)
    after = models.page("orders", limit=50)
    assert after.rows == before.rows
    assert after.position == before.position
    assert done.generation == 2
    next_page = models.page("orders", limit=50, cursor=before.cursor)
    assert next_page.rows == models.page("orders", limit=50, cursor=after.cursor).rows
    models.close()


def test_one_rebuild_at_a_time(finished_run: Path, store_url: str) -> None:
    generations = open_generations(store_url)
    with generations.lock(), pytest.raises(InputError, match="another rebuild"):
        rebuild(finished_run, store_url, HISTORY_NS)
    rebuild(finished_run, store_url, HISTORY_NS)
    with pytest.raises(InputError, match="current"):
        generations.drop(generations.current())
    generations.close()


def test_rows_of_another_run_are_not_mixed(finished_run: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store'}"
    rebuild(finished_run, url, HISTORY_NS)
    generations = open_generations(url)
    engine = generations.engine(generations.current())
    with pytest.raises(InputError, match="made with run"):
        StoreWriter(engine, "another run", HISTORY_NS)
    with pytest.raises(InputError, match="history_ns"):
        StoreWriter(engine, run_key(finished_run), HISTORY_NS * 2)
    engine.dispose()


def test_what_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no store"):
        open_generations("mysql://x")
    generations = open_generations(f"sqlite:///{tmp_path / 'store'}")
    with pytest.raises(NotFoundError, match="no such generation"):
        generations.engine(7)
    (tmp_path / "store" / "current").write_text("many")
    with pytest.raises(InputError, match="does not hold a number"):
        generations.current()


def test_processes_that_begin_together_make_one_store(postgres_url: str) -> None:
    """Where the pointer's table did not wait for a turn, one of eight met the other's."""
    url = postgres_url.replace("postgresql://", "postgresql+psycopg://", 1)
    root = sa.create_engine(url)
    for _ in range(10):
        with root.begin() as connection:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {POINTER}")
        with ThreadPoolExecutor(8) as pool:
            opened = list(pool.map(open_generations, [postgres_url] * 8))
        assert {generations.current() for generations in opened} == {0}
        for generations in opened:
            generations.close()
    root.dispose()


def test_ddl_is_part_of_the_transaction(store_url: str) -> None:
    generations = open_generations(store_url)
    generations.create(1)
    engine = generations.engine(1)
    connection = engine.connect()
    transaction = connection.begin()
    migrate(connection)
    transaction.rollback()
    assert sa.inspect(connection).get_table_names() == []
    connection.close()
    engine.dispose()
    generations.close()

"""The servers that tests run on are real, keep their data, and can be paused."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.servers.running import SCRIPT, RunningServer


def listening(server: RunningServer) -> bool:
    with socket.socket() as client:
        client.settimeout(2)
        return client.connect_ex(("127.0.0.1", int(server.facts["port"]))) == 0


def test_postgres_takes_rows(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE t (a int)")
        connection.execute("INSERT INTO t VALUES (7)")
        row = connection.execute("SELECT a, current_setting('server_version_num') FROM t")
        found = row.fetchone()
    assert found is not None
    assert found[0] == 7
    assert int(found[1]) >= 170000


def test_a_database_is_new_for_each_test(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE tablename = 't'")
        assert found.fetchone() == (0,)


def test_data_and_port_outlive_a_restart(postgres_server: RunningServer) -> None:
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (a int)")
        connection.execute("INSERT INTO kept VALUES (1)")
    url = postgres_server.url
    postgres_server.stop()
    assert not listening(postgres_server)
    postgres_server.start()
    assert postgres_server.url == url
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute("SELECT a FROM kept").fetchone() == (1,)


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["redis"], 2, "no server 'redis'"),
        (["kafka", "--data", "/dev/null/x"], 1, "Not a directory"),
    ],
)
def test_bad_use_is_named(arguments: list[str], status: int, says: str, tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == status
    assert says in done.stderr

"""README's lines for Kafka and Pulsar, extracted and run as they stand, on real servers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.running import RunningServer, eventually

pytestmark = pytest.mark.servers
SMALL = {
    "SOR__MARKET__VENUES": "5",
    "SOR__MARKET__INSTRUMENTS": "1",
    "SOR__MARKET__RECORDS_PER_S": "300",
    "SOR__MARKET__STALE_MS": "10000",
}
"""A smaller market than that of the configuration, for a machine that runs other tests beside."""


def blocks(root: Path) -> list[tuple[str, str]]:
    """(language, text) of README's fenced blocks about brokers."""
    part = (root / "README.md").read_text().split("## On Kafka and on Pulsar")[1].split("\n## ")[0]
    return re.findall(r"```(\w*)\n(.*?)```", part, re.DOTALL)


def shell_lines(root: Path, name: str) -> list[str]:
    """The five lines of a broker, without comments."""
    (block,) = [text for language, text in blocks(root) if not language and f"ONLY={name}" in text]
    return [line.partition("  #")[0].strip() for line in block.splitlines()]


def example(root: Path, word: str) -> str:
    """The client that imports `word`."""
    (code,) = [text for language, text in blocks(root) if language == "python" and word in text]
    return code


@contextmanager
def running_line(line: str, root: Path, environment: dict[str, str], log: Path) -> Iterator[None]:
    """A line of the shell, until the block ends."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            ["bash", "-c", f"exec env {line}"], cwd=root, env=environment, stdout=file, stderr=file
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def client(code: str, environment: dict[str, str]) -> Iterator[list[str]]:
    """The example as a script; its lines as they come."""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said: list[str] = []
    assert process.stdout is not None
    reading = threading.Thread(target=lambda: said.extend(process.stdout or ()), daemon=True)
    reading.start()
    try:
        yield said
    finally:
        process.kill()
        process.wait()
        reading.join()
        process.stdout.close()


def run_as_written(root: Path, name: str, env: dict[str, str], folder: Path, word: str) -> None:
    """Lines 3 to 5 as processes, then the client until a decision names its order."""
    servers, export, serve, gateway, second = shell_lines(root, name)
    assert servers == f"make servers ONLY={name}"
    assert set(re.findall(r"(SOR__\w+)=", export)) <= env.keys()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    whole = {**os.environ, **SMALL, **env, "PATH": path}
    logs = [folder / f"{number}.log" for number in range(3)]
    with (
        running_line(serve, root, whole, logs[0]),
        running_line(gateway, root, whole, logs[1]),
        running_line(second, root, whole, logs[2]),
    ):
        try:
            eventually(lambda: list(folder.glob("gateway/shard-*/state")), 90)  # market is open
            with client(example(root, word), whole) as said:
                eventually(lambda: [s for s in said if "SmartRoutingDecision" in s], 60)
        except AssertionError as error:
            raise AssertionError(f"{error}\n" + "\n".join(ends(logs))) from None
    assert not [end for end in ends(logs) if "Traceback" in end]


def ends(logs: list[Path]) -> list[str]:
    """The end of each log."""
    return [f"{log.name}: {log.read_text()[-1500:]}" for log in logs]


def test_kafka_as_written(root: Path, kafka_server: RunningServer, tmp_path: Path) -> None:
    env = {
        "SOR__KAFKA__BOOTSTRAP": kafka_server.url,
        "SOR__KAFKA__SHARDS": "4",
        "SOR__KAFKA__DATA": str(tmp_path / "worker"),
        "SOR__GATEWAY__DATA": str(tmp_path / "gateway"),
    }
    run_as_written(root, "kafka", env, tmp_path, "confluent_kafka")


def test_pulsar_as_written(root: Path, pulsar_server: RunningServer, tmp_path: Path) -> None:
    env = {
        "SOR__PULSAR__URL": pulsar_server.url,
        "SOR__PULSAR__ADMIN_URL": pulsar_server.facts["admin_url"],
        "SOR__PULSAR__SHARDS": "4",
        "SOR__GATEWAY__DATA": str(tmp_path / "gateway"),
    }
    run_as_written(root, "pulsar", env, tmp_path, "import pulsar")

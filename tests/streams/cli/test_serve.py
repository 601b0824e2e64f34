"""`sor serve`: its configuration, what it refuses, and a whole service that ends on SIGTERM."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streams.cli.serve import RUNTIMES
from streams.config.load import load_whole
from streams.config.service import ServiceConfig
from streams.service.serve import Processes, ServiceError
from tests.projections.api.conftest import free_port, is_ready, wait_until
from tests.streams.cli.conftest import Sor

TOML = Path(__file__).parents[3] / "deploy" / "config" / "embedded.toml"


def test_the_shipped_configuration_is_the_default() -> None:
    found = load_whole(ServiceConfig, TOML)
    assert found == ServiceConfig()
    assert found.api.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("service.runtime=cloud", "service.runtime"),
        ("api.port=70000", "api.port"),
        ("api.prot=1", "nearest known key is `port`"),
        ("api.host=0.0.0.0", "not loopback"),
        ("engine.health.clean_run_max=1", "is above 1"),
    ],
)
def test_bad_configurations_are_named(sor: Sor, assignment: str, words: str) -> None:
    code, out, err = sor("serve", "--set", assignment)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err


def test_every_runtime_names_a_function() -> None:
    assert "embedded" in RUNTIMES
    assert all(":" in place for place in RUNTIMES.values())


def started(command: str, tmp_path: Path, *given: str) -> tuple[subprocess.Popen[bytes], list[int]]:
    """Start `sor command` and wait for its API; the second is the processes it has started."""
    port = free_port()
    words = [sys.executable, "-m", "streams.cli.main", command]
    words += [word.format(port=port, run=tmp_path / "run") for word in given]
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    wait_until(lambda: is_ready(f"http://127.0.0.1:{port}"), 120)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) == 3
    return process, [int(pid) for pid in children]


def are_gone(pids: list[int]) -> bool:
    """Whether none runs any more; one that nobody has waited for (Z) does not run."""
    states = [Path(f"/proc/{pid}/stat") for pid in pids]
    return all(not s.exists() or s.read_text().rpartition(")")[2].split()[0] == "Z" for s in states)


SERVE = [
    word
    for key in (
        "service.run={run}",
        "api.port={port}",
        "market.venues=3",
        "market.instruments=1",
        "market.records_per_s=500",
    )
    for word in ("--set", key)
]


@pytest.mark.parametrize(
    ("command", "given"), [("serve", SERVE), ("demo", ["--port", "{port}", "--out", "{run}"])]
)
def test_on_sigterm_all_processes_end(tmp_path: Path, command: str, given: list[str]) -> None:
    process, children = started(command, tmp_path, *given)
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    assert are_gone(children)


def test_an_engine_that_nobody_watches_does_not_trade_on(tmp_path: Path) -> None:
    process, children = started("serve", tmp_path, *SERVE)
    process.kill()
    process.wait(60)
    wait_until(lambda: are_gone(children), 120)


def test_a_part_that_ends_is_never_hidden(tmp_path: Path) -> None:
    config = load_whole(
        ServiceConfig, None, {}, [f"service.run={tmp_path / 'run'}", f"api.port={free_port()}"]
    )
    with Processes(config, tmp_path / "log") as processes:
        processes.running["projector"].kill()
        with pytest.raises(ServiceError, match="the projector process ended"):
            processes.watch(lambda: False)
    assert processes.running == {}

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


def test_a_service_starts_and_ends_on_sigterm(tmp_path: Path) -> None:
    port = free_port()
    sets = [
        f"service.run={tmp_path / 'run'}",
        f"api.port={port}",
        "market.venues=3",
        "market.instruments=1",
        "market.records_per_s=500",
    ]
    given = [word for assignment in sets for word in ("--set", assignment)]
    command = [sys.executable, "-m", "streams.cli.main", "serve", *given]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    wait_until(lambda: is_ready(f"http://127.0.0.1:{port}"), 60)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert not is_ready(f"http://127.0.0.1:{port}")


def test_a_part_that_ends_is_never_hidden(tmp_path: Path) -> None:
    config = load_whole(
        ServiceConfig, None, {}, [f"service.run={tmp_path / 'run'}", f"api.port={free_port()}"]
    )
    with Processes(config, tmp_path / "log") as processes:
        processes.running["projector"].kill()
        with pytest.raises(ServiceError, match="the projector process ended"):
            processes.watch(lambda: False)
    assert processes.running == {}

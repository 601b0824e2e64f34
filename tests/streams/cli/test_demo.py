"""The demo without a terminal and with one, on a clock that nobody waits for."""

from __future__ import annotations

import io
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.live import Live

from schemas.envelope import OUT_HEADER
from schemas.events import OrderStateEvent
from streams.cli import demo as command
from streams.cli.demo_view import DemoView
from streams.clock import ManualClock
from streams.replay.interrupt import Interrupt
from streams.replay.verify import verify
from streams.runtime_embedded import demo as demo_module
from streams.runtime_embedded.demo import Demo, DemoRequest
from streams.runtime_embedded.engine_shard import EngineShard
from tests.streams.cli.conftest import Sor
from tests.streams.replay.reading import manifest_of, outputs_of


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let demos run as fast as they can."""
    monkeypatch.setattr(demo_module, "SystemClock", ManualClock)


def ignore(show: Demo, outputs: bytes) -> None:
    """Watch nothing."""


def test_a_demo_is_a_run_that_verifies(sor: Sor, tmp_path: Path) -> None:
    code, out, err = sor("demo", "--seconds", 4, "--headless", "--out", tmp_path / "run")
    assert (code, err) == (0, "")
    for words in ("at 24 venues", "XNYS", "lowest_cost", "decision to durable", "sor verify"):
        assert words in out
    for core in ("native", "reference"):
        assert verify(tmp_path / "run", core, Interrupt())[0].passed
    manifest = manifest_of(tmp_path / "run")
    assert manifest["kind"] == "demo"
    assert manifest["decisions"] > 50


def test_the_same_seed_gives_the_same_demo(tmp_path: Path) -> None:
    hashes = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        show = Demo(DemoRequest(tmp_path / name, seconds=3, seed=seed))
        hashes.append(show.execute(Interrupt(), ignore)["decision_hash"])
    assert hashes[0] == hashes[1] != hashes[2]


def test_children_leave_only_after_their_inputs_are_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    send = EngineShard._send

    def watched(self: EngineShard, raw: Any) -> None:
        seen.append((OUT_HEADER.unpack(raw).seq, self.log.inputs.durable_seq))
        send(self, raw)

    monkeypatch.setattr(EngineShard, "_send", watched)
    Demo(DemoRequest(tmp_path / "run", seconds=4)).execute(Interrupt(), ignore)
    assert len(seen) > 50
    assert all(durable >= stepped for stepped, durable in seen)


def test_ctrl_c_ends_it_with_everything_closed(tmp_path: Path) -> None:
    def stop(show: Demo, outputs: bytes) -> None:
        if show.ticks > 10_000:
            os.kill(os.getpid(), signal.SIGINT)

    show = Demo(DemoRequest(tmp_path / "run"))
    with Interrupt() as interrupt:
        result = show.execute(interrupt, stop)
    assert result["ticks"] > 10_000
    assert result["elapsed_s"] < 30
    assert verify(tmp_path / "run", "native", Interrupt())[0].passed
    outputs = outputs_of(tmp_path / "run")
    states = {e.order_id: e.state for e in outputs if isinstance(e, OrderStateEvent)}
    assert "working" not in states.values()


def test_the_live_view_shows_venues_decisions_and_savings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=150, height=60)
    monkeypatch.setattr(
        "streams.cli.demo_view.Live", lambda **terms: Live(console=console, **terms)
    )
    show = Demo(DemoRequest(tmp_path / "run", seconds=4))
    with DemoView() as view:
        show.execute(Interrupt(), view.update)
    shown = screen.getvalue()
    for words in (
        "venuefold demo",
        "ticks/s",
        "last decisions",
        "XNYS",
        "lowest_cost saves",
        "bps",
    ):
        assert words in shown


def test_without_a_folder_it_takes_a_temporary_one(
    sor: Sor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "HEADLESS_SECONDS", 3)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    code, out, _ = sor("demo", "--json")
    assert code == 0
    import json

    folder = Path(json.loads(out)["run"])
    assert folder.parent == tmp_path
    assert (folder / "manifest.json").exists()


def test_a_quiet_market_has_no_latency_to_tell() -> None:
    assert command.latency_lines([]) == ["no child was sent"]

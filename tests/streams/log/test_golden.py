"""Promise 21: a log of any format is read, proven, decoded and, in its generation, re-executed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from aggregates import kernel
from schemas.errors import InputError
from schemas.upcast import upcast_output
from schemas.wire import decode_output, input_dict, iter_inputs, iter_raw_outputs
from streams.log import RunDirectory
from streams.log.audit import audit_run
from streams.replay.interrupt import Interrupt
from streams.replay.verify import verify

pytestmark = pytest.mark.promise(p=21)
GOLDEN = Path(__file__).parents[2] / "golden"
FORMATS = sorted(path.name for path in GOLDEN.glob("format-*"))


def test_there_are_formats() -> None:
    assert "format-0" in FORMATS


@pytest.fixture(params=FORMATS)
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """Return (copy of the run, what it must hold)."""
    folder = GOLDEN / request.param
    run = Path(shutil.copytree(folder / "run", tmp_path / "run"))
    return run, json.loads((folder / "expected.json").read_text())


def test_the_log_is_proven(golden: tuple[Path, dict[str, Any]]) -> None:
    run, expected = golden
    audit = audit_run(run)
    # Stores are built again, so a golden run has none; every other byte is proven.
    assert audit.findings == []
    with RunDirectory.open(run) as opened:
        report = opened.shard().check()
    assert report.inputs.chain_head is not None
    assert report.outputs.chain_head is not None
    found = (report.inputs.records, report.inputs.chain_head.hex())
    assert found == (expected["inputs"], expected["input_chain"])
    found = (report.outputs.records, report.outputs.chain_head.hex())
    assert found == (expected["outputs"], expected["output_chain"])


def test_every_record_decodes(golden: tuple[Path, dict[str, Any]]) -> None:
    run, expected = golden
    with RunDirectory.open(run) as opened:
        shard = opened.shard()
        events = [
            decode_output(upcast_output(raw))
            for frame in shard.reader("outputs")
            for _, raw in iter_raw_outputs(frame.payload)
        ]
        inputs = [
            input_dict(raw)
            for frame in shard.reader("inputs")
            for _, raw in iter_inputs(frame.payload)
        ]
    assert [event.out_seq for event in events] == list(range(1, expected["outputs"] + 1))
    assert len(inputs) == expected["inputs"]
    assert not any(row["type"].isdigit() for row in inputs)


def test_it_re_executes_in_its_generation(golden: tuple[Path, dict[str, Any]]) -> None:
    run, expected = golden
    if expected["engine_generation"] != kernel.GENERATION.hex():
        with pytest.raises(InputError, match="engine generation"):
            verify(run, "native", Interrupt())
        return
    for core in ("native", "reference"):
        verdict, found = verify(run, core, Interrupt())
        assert verdict.passed, verdict.first_divergence
        for name in ("inputs", "decisions", "state_hash", "decision_hash"):
            assert found[name] == expected[name]


@pytest.mark.parametrize("core", ["native", "reference"])
def test_a_state_of_a_newer_format_is_refused(core: str) -> None:
    engine = kernel.load(core, 0)
    state = bytearray(engine.state_bytes())
    before = bytes(state)
    state[8:12] = (2).to_bytes(4, "little")
    with pytest.raises(InputError, match="format"):
        engine.restore(bytes(state))
    assert engine.state_bytes() == before

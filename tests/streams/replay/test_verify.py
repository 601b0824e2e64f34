"""Verification fails on every planted change, and says where."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schemas.codes import InputType
from schemas.errors import CorruptLogError, InputError
from schemas.events import SmartRoutingDecisionEvent
from schemas.wire import iter_inputs
from streams.cli.main import main
from streams.log import _journal
from streams.log.ahead import AheadReader
from streams.log.run import RunDirectory
from streams.log.segments import Frame
from streams.replay import logged
from streams.replay.interrupt import Interrupt
from streams.replay.logged import LoggedOutputs
from streams.replay.verdict import ShardVerdict
from streams.replay.verify import verify
from tests.streams.replay.dataset import make_run
from tests.streams.replay.reading import inputs_of, outputs_of, raw_outputs_of
from tests.streams.replay.tamper import (
    Edit,
    change_and_chain_again,
    change_in_place,
    change_manifest,
    copy_run,
    cut_tail,
)

OUT_SEQ_OFFSET = 16
Change = Callable[[Path, str, int, Edit], None]
LIMIT_OFFSET = 40 + 5 * 8 + 3 * 4 + 4 + 8
"""Offset of limit_nanos in a DECISION: header, ids, counters, codes, remaining."""


@pytest.fixture
def run(small_run: Path, tmp_path: Path) -> Path:
    """Return a copy of the small run."""
    return copy_run(small_run, tmp_path / "copy")


def one_more(at: int) -> Edit:
    """Return an edit that adds 1 to the 64-bit number at an offset."""

    def edit(record: bytearray) -> None:
        (value,) = struct.unpack_from("<q", record, at)
        struct.pack_into("<q", record, at, value + 1)

    return edit


def decision_of(run: Path) -> SmartRoutingDecisionEvent:
    """Return a decision from the middle of the run."""
    made = [e for e in outputs_of(run) if isinstance(e, SmartRoutingDecisionEvent)]
    return made[len(made) // 2]


def quote_that_decided(run: Path) -> int:
    """Return the position of the last quote before a decision that sent something."""
    made = [e for e in outputs_of(run) if isinstance(e, SmartRoutingDecisionEvent)]
    decision = next(d for d in made if len(d.children) > 1)
    inputs = inputs_of(run)
    venue = decision.children[0].venue
    return max(
        seq
        for seq in range(1, decision.seq)
        if inputs[seq - 1][0] == InputType.QUOTE
        and inputs[seq - 1][1].venue == venue
        and inputs[seq - 1][1].instrument == decision.instrument
    )


def test_an_untouched_copy_passes(run: Path) -> None:
    verdict, found = verify(run, "native", Interrupt())
    assert verdict.passed
    assert found["first_divergence"] is None
    assert found["chain"] == "ok"


@pytest.mark.parametrize("change", [change_in_place, change_and_chain_again])
def test_a_changed_output_is_found(run: Path, change: Change) -> None:
    decision = decision_of(run)
    change(run, "outputs", decision.out_seq, one_more(LIMIT_OFFSET))
    verdict, found = verify(run, "native", Interrupt())
    assert not verdict.passed
    assert found["mismatches"] == 1
    first = found["first_divergence"]
    assert first["out_seq"] == decision.out_seq
    assert first["seq"] == decision.seq
    assert first["fields"] == ["limit_nanos"]
    assert first["logged"]["limit_nanos"] == first["executed"]["limit_nanos"] + 1
    assert found["chain"].startswith("ok" if change is change_and_chain_again else "broken")


@pytest.mark.parametrize("change", [change_in_place, change_and_chain_again])
@pytest.mark.parametrize("core", ["native", "reference"])
def test_a_changed_input_is_found(run: Path, change: Change, core: str) -> None:
    seq = quote_that_decided(run)
    change(run, "inputs", seq, one_more(56))
    verdict, found = verify(run, core, Interrupt())
    assert not verdict.passed
    assert found["mismatches"] > 0
    assert found["chain"].startswith("ok" if change is change_and_chain_again else "broken")


def test_a_flipped_bit_in_the_last_frame_is_not_taken_for_a_torn_end(run: Path) -> None:
    flip_bit(next((run / "shard-000").glob("inputs-*.seg")))
    verdict, found = verify(run, "native", Interrupt())
    assert not verdict.passed
    assert "was durable" in found["chain"]


def test_a_flipped_bit_before_the_last_frame_is_damage(
    small_dataset: tuple[Path, Path], tmp_path: Path
) -> None:
    make_run(small_dataset, tmp_path / "run", settings=("run.snapshot_inputs=500",))
    flip_bit(next((tmp_path / "run" / "shard-000").glob("inputs-*.seg")))
    with pytest.raises(CorruptLogError, match="damaged at byte"):
        verify(tmp_path / "run", "native", Interrupt())


def flip_bit(path: Path) -> None:
    """Flip one bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("stream", ["inputs", "outputs"])
def test_a_missing_end_is_found(run: Path, stream: str) -> None:
    cut_tail(run, stream)
    verdict, found = verify(run, "native", Interrupt())
    assert not verdict.passed
    assert found["chain"].startswith("broken")
    assert found["mismatches"] > 0


@pytest.mark.parametrize("name", ["state_hash", "decision_hash"])
def test_a_manifest_that_lies_is_found(run: Path, name: str) -> None:
    change_manifest(run, **{name: "0" * 64})
    verdict, found = verify(run, "native", Interrupt())
    assert not verdict.passed
    assert found["first_divergence"]["what"] == name


def test_the_command_says_what_the_manifest_gets_wrong(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change_manifest(run, state_hash="0" * 64)
    assert main(["verify", str(run)]) == 1
    shown = capsys.readouterr()
    assert "first divergence: state_hash" in shown.out
    assert shown.err == f"sor: {run}: state_hash differs from the manifest's\n"


def test_the_command_says_that_the_chain_is_broken(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    timer = next(s for s, (kind, _) in enumerate(inputs_of(run), 1) if kind == InputType.TIMER)
    change_in_place(run, "inputs", timer, lambda record: record.__setitem__(-1, 1))
    verdict, _ = verify(run, "native", Interrupt())
    assert verdict.mismatches == 0, "a reserved byte changes nothing that the engine says"
    assert main(["verify", str(run)]) == 1
    assert "chain broken" in capsys.readouterr().err


def test_outputs_that_were_never_made_are_found(run: Path) -> None:
    """Whoever appends outputs, properly chained, does not get them past the engine."""
    raw = raw_outputs_of(run)
    extra = bytearray(raw[-1])
    struct.pack_into("<Q", extra, OUT_SEQ_OFFSET, len(raw) + 1)
    with RunDirectory.open(run, writable=True) as directory:
        log = directory.shard(0)
        log.open_writers()
        log.outputs.append(bytes(extra), 1, 0)
    verdict, found = verify(run, "native", Interrupt())
    assert not verdict.passed
    assert found["first_divergence"]["executed"] is None


def test_what_is_written_meanwhile_is_no_difference(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that is being written: its last inputs come when their end was read already."""
    with RunDirectory.open(run) as directory:
        data = b"".join(bytes(f.payload) for f in directory.shard(0).reader("inputs"))
    records = [raw for _, raw in iter_inputs(data)]
    half, end = len(records) // 2, len(records)
    (path,) = (run / "shard-000").glob("inputs-*.seg")
    path.unlink()
    (run / "shard-000/anchor.json").unlink()
    writer = _journal.SegmentWriter(str(path.parent), "inputs", 0, codec="none")

    def put(first: int, last: int) -> None:
        writer.append(b"".join(records[first:last]), last - first, last)
        assert writer.wait_durable(last)

    take = LoggedOutputs.take_record

    def grown(logged: LoggedOutputs) -> bytes:
        if writer.next_seq <= end:
            put(half, end)
        return take(logged)

    monkeypatch.setattr(LoggedOutputs, "take_record", grown)
    put(0, half)
    facts = json.loads((run / "manifest.json").read_bytes())
    assert facts.pop("inputs") == end
    (run / "manifest.json").write_text(json.dumps(facts))
    verdict, found = verify(run, "native", Interrupt())
    writer.close()
    assert verdict.passed, found
    assert found["inputs"] == end
    assert found["outputs_missing"] == 0


def test_an_anchor_written_while_the_log_is_read_accuses_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end was read at 5 when the writer went on to 10 and anchored that."""
    tick = bytes([1]) + bytes(63)
    with RunDirectory.create(tmp_path / "live", {"core": "native"}) as directory:
        log = directory.shard()
        log.open_writers()

        def more() -> None:
            log.inputs.wait_durable(log.inputs.append(tick * 5, 5, 1) + 4)
            log.write_anchor()

        class Stopping(AheadReader):
            """Stops at the end that it saw, and the writer goes on."""

            def __iter__(self) -> Iterator[Frame]:
                yield next(super().__iter__())
                more()

        class Nothing(AheadReader):
            """A log whose records are gone."""

            def __iter__(self) -> Iterator[Frame]:
                yield from ()

        more()
        for reader, accuses in ((Stopping, False), (Nothing, True)):
            monkeypatch.setattr(logged, "AheadReader", reader)
            verdict = ShardVerdict(shard=0)
            list(logged.proven_frames(log, "inputs", verdict, 1))
            assert log.anchors()["inputs"].seq == 10
            assert ("10 was durable" in verdict.chain) == accuses
            assert verdict.passed != accuses


def test_another_engine_generation_is_named(run: Path) -> None:
    change_manifest(run, versions={"engine_generation": "ab" * 32, "venuefold": "9.9"})
    with pytest.raises(InputError, match=r"venuefold 9\.9"):
        verify(run, "native", Interrupt())


def test_the_command_fails_and_shows_both_sides(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decision = decision_of(run)
    change_and_chain_again(run, "outputs", decision.out_seq, one_more(LIMIT_OFFSET))
    assert main(["verify", str(run)]) == 1
    shown = capsys.readouterr()
    assert "first divergence: shard 0" in shown.out
    assert "logged" in shown.out
    assert "executed" in shown.out
    assert f"input {decision.seq}, output {decision.out_seq}" in shown.err
    assert shown.err.count("\n") == 1


def test_records_over_pieces_are_read_whole() -> None:
    records = [bytes([n, 0, 0, 0]) + bytes(n - 4) for n in (8, 16, 24)]
    logged = LoggedOutputs(iter(()))
    logged.give_back(b"".join(records))
    assert logged.take(3) == records[0][:3]
    logged.give_back(records[0][:3])
    assert [logged.take_record() for _ in range(4)] == [*records, b""]

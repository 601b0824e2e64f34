"""`sor explain` by id and by time, with a proof that leads to an anchor."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.events import RefusalEvent, SmartRoutingDecisionEvent
from streams.cli.explain import moment_ns
from tests.streams.replay.dataset import make_run
from tests.streams.replay.reading import outputs_of, raw_outputs_of
from tests.streams.replay.tamper import change_in_place, copy_run

Sor = Callable[..., tuple[int, str, str]]
SorJson = Callable[..., dict[str, Any]]


def decisions(run: Path) -> list[SmartRoutingDecisionEvent]:
    """All decisions of a run."""
    return [e for e in outputs_of(run) if isinstance(e, SmartRoutingDecisionEvent)]


def moment(ns: int) -> str:
    """A moment as a person writes it."""
    from datetime import UTC, datetime

    second = datetime.fromtimestamp(ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{second}.{ns % 10**9:09d}Z"


def test_a_moment_to_the_nanosecond() -> None:
    assert moment_ns("--from", "1970-01-01T00:00:01.000000001") == 1_000_000_001
    assert moment_ns("--from", "1970-01-01T01:00:00+01:00") == 0
    assert moment_ns("--from", moment(1_700_000_000_123_456_789)) == 1_700_000_000_123_456_789


def test_by_time(sor: Sor, sor_json: SorJson, run: Path) -> None:
    made = decisions(run)
    chosen = made[10:15]
    stretch = ("--from", moment(chosen[0].log_ns), "--to", moment(made[15].log_ns))
    told = sor_json("explain", run, *stretch)["decisions"]
    expected = [d.out_seq for d in made if chosen[0].log_ns <= d.log_ns < made[15].log_ns]
    assert [d["decision"]["out_seq"] for d in told] == expected
    assert told[0] == sor_json("explain", run, chosen[0].out_seq)
    assert len(sor_json("explain", run, *stretch, "--limit", 2)["decisions"]) == 2
    code, out, _ = sor("explain", run, *stretch)
    assert code == 0
    assert out.count("Chain proof") == len(expected)
    assert len(sor_json("explain", run, "--to", stretch[1], "--limit", 9)["decisions"]) == 9
    code, out, _ = sor("explain", run, "--from", "2200-01-01T00:00:00")
    assert (code, "No decisions" in out) == (0, True)


def test_by_time_over_shards(sor_json: SorJson, dataset: tuple[Path, Path], tmp_path: Path) -> None:
    make_run(dataset, tmp_path / "run", settings=("run.shards=3",))
    told = sor_json("explain", tmp_path / "run", "--from", "2000-01-01T00:00:00")["decisions"]
    times = [d["decision"]["log_ns"] for d in told]
    assert len(times) == 20
    assert times == sorted(times)


def test_the_proof_can_be_done_by_hand(sor_json: SorJson, run: Path) -> None:
    raw = raw_outputs_of(run)
    heads = [hashlib.sha256(b"venuefold:outputs:0").digest()]
    for record in raw:
        heads.append(hashlib.sha256(heads[-1] + record).digest())
    for decision in decisions(run)[::20]:
        proof = sor_json("explain", run, decision.out_seq)["proof"]
        seq = decision.out_seq
        assert proof["before"] == heads[seq - 1].hex()
        assert proof["record_sha256"] == hashlib.sha256(raw[seq - 1]).hexdigest()
        assert proof["chain"] == heads[seq].hex()
        assert proof["anchor_seq"] == len(raw)
        assert proof["anchor_head"] == heads[-1].hex()


def test_a_refusal_is_proven_too(sor: Sor, run: Path) -> None:
    refused = [e for e in outputs_of(run) if isinstance(e, RefusalEvent) and e.cl_ord_id]
    for event in refused[:1]:
        code, out, _ = sor("explain", run, event.cl_ord_id)
        assert code == 0
        assert "Chain proof" in out


def test_a_changed_record_is_not_proven(sor: Sor, run: Path, tmp_path: Path) -> None:
    copy = copy_run(run, tmp_path / "copy")
    decision = decisions(copy)[5]
    change_in_place(copy, "outputs", decision.out_seq, lambda r: r.__setitem__(-1, r[-1] ^ 1))
    code, _, error = sor("explain", copy, decision.out_seq)
    assert code != 0
    assert "outputs-" in error


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "give a decision"),
        (("1", "--from", "2013-10-08"), "give a decision"),
        (("--from", "noon"), "write a moment as"),
        (("--from", "2013-10-08T15:00:00", "--limit", "0"), "--limit 0"),
    ],
)
def test_bad_use(sor: Sor, run: Path, arguments: tuple[str, ...], word: str) -> None:
    code, _, error = sor("explain", run, *arguments)
    assert code == 2
    assert word in error

"""Everything that an engine can say, projected with restarts anywhere, equals a rebuild."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from aggregates import kernel
from schemas.wire import iter_inputs, iter_raw_outputs
from streams.log.run import RunDirectory
from streams.projector import Projector
from streams.rebuild import rebuild
from tests.aggregates.generator import random_inputs
from tests.projections.store.world import HISTORY_NS, dump, same

COUNT = 1_500


def pieces(inputs: bytes, rng: random.Random) -> list[bytes]:
    """Cut inputs between records, anywhere."""
    found, held = [], b""
    for _, raw in iter_inputs(inputs):
        held += raw
        if rng.random() < 0.02:
            found.append(held)
            held = b""
    return [*found, held] if held else found


@pytest.mark.promise(p=20)
def test_restarts_anywhere_equal_a_rebuild(tmp_path: Path, full_size: bool) -> None:
    seen: dict[str, int] = {}
    for seed in range(500, 520 if full_size else 506):
        rng = random.Random(seed)
        inputs = random_inputs(seed, COUNT, engine=kernel.load("native"))
        engine = kernel.load("native")
        run = RunDirectory.create(tmp_path / f"run-{seed}", {"kind": "test", "seed": seed})
        url = f"sqlite:///{tmp_path / f'store-{seed}'}"
        log = run.shard(0)
        log.open_writers()
        for piece in pieces(inputs, rng):
            _, outputs = engine.step(piece)
            records = [*iter_inputs(piece)]
            log.inputs.append(piece, len(records), engine.log_ns)
            log.inputs.wait_durable(engine.seq)
            if outputs:
                log.outputs.append(outputs, len([*iter_raw_outputs(outputs)]), engine.log_ns)
                log.outputs.wait_durable(engine.out_seq)
            if rng.random() < 0.3:
                step_once(run.path, url)
        while step_once(run.path, url):
            pass
        live = dump(url)
        rebuild(run.path, url, HISTORY_NS)
        again = dump(url)
        run.close()
        assert same(live, again) == [], seed
        for name, rows in again.items():
            seen[name] = seen.get(name, 0) + len(rows)
    for name in ("amendments", "child_requests", "breaks", "account_positions", "alarms"):
        assert seen[name] > 10, (name, seen)


def step_once(path: Path, url: str) -> int:
    """Project what is there by a program that starts and ends."""
    projector = Projector(path, url, HISTORY_NS)
    found = projector.step()
    projector.close()
    return found

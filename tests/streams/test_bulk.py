"""Bulk runs: what is written is a log like any other, and it can go on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from schemas.errors import InputError
from streams.bulk import FIRST_INPUTS, OUTPUTS, QUALITY_OUTPUTS, goes_on, new_orders, write_run
from streams.clock import ManualClock
from streams.log.run import RunDirectory


def reached(folder: Path) -> tuple[int, int]:
    """Orders in the log, and orders whose outputs are there."""
    with RunDirectory.open(folder, writable=True) as run:
        log = run.shard(0)
        log.open_writers()
        inputs, outputs = log.inputs.next_seq - 1 - FIRST_INPUTS, log.outputs.next_seq - 1
    return inputs, (outputs - QUALITY_OUTPUTS) // OUTPUTS


def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    write_run(folder, 100)
    assert reached(folder) == (100, 100)
    goes_on(folder, 200, 1.0, ManualClock(), lambda: False)
    assert reached(folder) == (300, 300)
    answers = iter([False, False, True])
    goes_on(folder, 200, 1.0, ManualClock(), lambda: next(answers))
    assert reached(folder) == (320, 320)


def test_orders_without_outputs_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    write_run(folder, 10)
    with RunDirectory.open(folder, writable=True) as run:
        log = run.shard(0)
        log.open_writers()
        orders = new_orders(np.arange(10, 12))
        log.inputs.append(orders.tobytes(), len(orders), int(orders["log_ns"][-1]))
    with pytest.raises(InputError, match="have no outputs"):
        goes_on(folder, 200, 1.0, ManualClock(), lambda: False)

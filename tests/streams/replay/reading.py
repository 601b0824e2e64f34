"""Reads a run's logs for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from schemas.events import Event
from schemas.wire import INPUTS, decode_output, iter_inputs, iter_raw_outputs
from streams.log.run import RunDirectory


def inputs_of(run: Path, shard: int = 0) -> list[tuple[int, Any]]:
    """(type, record) of every input; the place in the list is seq - 1."""
    found = []
    with RunDirectory.open(run) as directory:
        for frame in directory.shard(shard).reader("inputs"):
            found += [(k, INPUTS[k].unpack(raw)) for k, raw in iter_inputs(frame.payload)]
    return found


def outputs_of(run: Path, shard: int = 0) -> list[Event]:
    """Every output; the place in the list is out_seq - 1."""
    return [decode_output(raw) for raw in raw_outputs_of(run, shard)]


def raw_outputs_of(run: Path, shard: int = 0) -> list[bytes]:
    """Every output's bytes."""
    found: list[bytes] = []
    with RunDirectory.open(run) as directory:
        for frame in directory.shard(shard).reader("outputs"):
            found += [bytes(raw) for _, raw in iter_raw_outputs(frame.payload)]
    return found


def manifest_of(run: Path) -> dict[str, Any]:
    """The run's manifest."""
    with RunDirectory.open(run) as directory:
        return directory.manifest

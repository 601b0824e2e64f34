"""Reads a run's logs once and folds them into what people ask for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from projections.views.names import REFERENCE_TYPES, Names
from projections.views.quality import QualityTable
from projections.views.totals import RunTotals
from schemas.codes import InputType
from schemas.wire import iter_inputs, iter_raw_outputs
from streams.log.carried import read_carried
from streams.log.run import RunDirectory
from streams.log.shard_log import ShardLog


@dataclass
class Summary:
    """Folds over all shards of a run. `orders` counts the orders that the run was given."""

    names: Names
    totals: RunTotals
    quality: QualityTable
    orders: int


def summarise(path: Path) -> Summary:
    """The folds of the run at `path`."""
    with RunDirectory.open(path) as run:
        names = Names()
        for shard in run.shards():
            fold_names(names, run.shard(shard))
        totals, quality = RunTotals(names), QualityTable()
        for shard in run.shards():
            for frame in run.shard(shard).reader("outputs", verify_chain=False):
                for kind, raw in iter_raw_outputs(frame.payload):
                    totals.add_record(kind, raw)
                    quality.add_record(kind, raw)
        return Summary(names, totals, quality, int(run.manifest.get("orders_given", 0)))


def fold_names(names: Names, log: ShardLog) -> None:
    """Folds the reference inputs that a shard's log starts with."""
    for kind, raw in leading_reference(log):
        names.add(kind, raw)


def leading_reference(log: ShardLog) -> Iterator[tuple[InputType, bytes]]:
    """Reference records up to the first input of another kind, those that a prune kept first."""
    for kind, raw in iter_inputs(read_carried(log.directory)[1]):
        yield InputType(kind), raw
    for frame in log.reader("inputs", verify_chain=False):
        for kind, raw in iter_inputs(frame.payload):
            if kind not in REFERENCE_TYPES:
                return
            yield InputType(kind), raw

"""Routes parent orders over recorded data and leaves a run: inputs, outputs, manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.errors import InputError
from schemas.units import INT64_MAX, NS_PER_S, NS_PER_US
from streams.clock import Clock, SystemClock
from streams.config.records import config_dict, config_hash, config_records
from streams.config.sections import EngineConfig
from streams.log.run import RunDirectory, is_unused, require_replaceable
from streams.replay.decision_hash import hash_of_run
from streams.replay.facts import FILL_MODELS, file_facts, file_hash, versions
from streams.replay.interrupt import Interrupt, InterruptError
from streams.replay.live_shard import LiveShard, Stepping
from streams.replay.lookup import build_index
from streams.replay.sharding import ShardFeed
from streams.simulator.market import PASSIVE_MODELS, replay_market
from streams.sources.base import DatasetReader
from streams.sources.open_dataset import open_dataset
from streams.sources.order_file import orders_from_file
from streams.sources.orders import order_mix, seeded_orders
from streams.sources.records import Records

RUN_STATE = ("complete", "interrupted")
SLICE_RECORDS = {"native": 65_536, "reference": 2_048}
Progress = Callable[[str, int, int], None]
"""Told (what is being done, records done, records in all or 0 when unknown)."""


def no_progress(what: str, done: int, total: int) -> None:
    """Says nothing."""


@dataclass(frozen=True)
class ReplayRequest:
    """What a person asks for. `orders_file` wins over `orders`.

    `resume` goes on with a run that was killed or interrupted: everything is made again from the
    start, compared with what the log holds, and appended from where it ends.
    """

    dataset: Path
    data: Path
    out: Path
    orders: int = 1000
    orders_file: Path | None = None
    seed: int = 1
    core: str = "native"
    passive_model: str = PASSIVE_MODELS[0]
    force: bool = False
    resume: bool = False
    config: EngineConfig = field(default_factory=EngineConfig)


class Replay:
    """One replay from its request to its finished run."""

    def __init__(
        self,
        request: ReplayRequest,
        progress: Progress = no_progress,
        clock: Clock | None = None,
    ) -> None:
        self.request, self.progress = request, progress
        self.clock = clock or SystemClock()
        self.reader = checked_reader(request)
        self.total = 0

    def execute(self, interrupt: Interrupt) -> dict[str, Any]:
        """Runs it; the result's keys are those of `sor replay --json`.

        Raises InterruptError after a Ctrl-C, with the run whole up to its last record.
        """
        request = self.request
        if not request.resume:
            require_new(request.out, request.force)
        orders = self._orders(interrupt)
        reference = self._reference()
        manifest = self._manifest(reference, orders)
        with self._open_run(manifest) as run:
            if run.manifest["complete"]:
                return {**run.manifest, "run": str(request.out)}
            shards = self._open_shards(run, reference, interrupt)
            started_ns = self.clock.elapsed_ns()
            error = self._drive(shards, orders, interrupt)
            elapsed_s = (self.clock.elapsed_ns() - started_ns) / NS_PER_S
            for shard in shards:
                shard.finish()
                shard.log.close()
                build_index(shard.log)
            facts = self._facts(run, shards, elapsed_s)
            run.update_manifest(**facts, interrupted=error is not None, complete=error is None)
        if error is not None:
            raise InterruptError(
                f"interrupted; {request.out} is whole up to input {facts['inputs']}, "
                "`sor verify` checks it"
            )
        return {**facts, "run": str(request.out)}

    def _open_run(self, manifest: dict[str, Any]) -> RunDirectory:
        """A new run, or the unfinished one that is to be continued."""
        request = self.request
        if request.resume and not is_unused(request.out):
            return reopened(request.out, manifest)
        return RunDirectory.create(request.out, manifest, request.force)

    def _orders(self, interrupt: Interrupt) -> NDArray[np.void]:
        request = self.request
        if request.orders_file is not None:
            return orders_from_file(request.orders_file, self.reader)
        mix = order_mix(self.reader)
        chunks = self._watched(self.reader.chunks(), "drawing orders", interrupt)
        orders = seeded_orders(chunks, request.orders, request.seed, mix)
        report = self.reader.report()
        self.total = report.quotes + report.trades
        return orders

    def _watched(
        self, chunks: Iterator[Records], what: str, interrupt: Interrupt
    ) -> Iterator[Records]:
        done = 0
        for chunk in chunks:
            interrupt.check()
            yield chunk
            done += len(chunk)
            self.progress(what, done, self.total)

    def _reference(self) -> bytes:
        dataset_records = self.reader.reference()
        terms = self.reader.dataset.replay
        return dataset_records + config_records(
            self.request.config,
            dataset_records,
            stale_ms=terms.stale_ms,
            horizon_ms=terms.horizon_ms,
            poll_ms=terms.poll_ms,
        )

    def _open_shards(
        self, run: RunDirectory, reference: bytes, interrupt: Interrupt
    ) -> list[LiveShard]:
        latencies = [
            (venue.out_us * NS_PER_US, venue.back_us * NS_PER_US)
            for venue in self.reader.dataset.venues
        ]
        stepping = Stepping(self.request.core, self.request.config.run.snapshot_inputs)
        shards = []
        for number in range(self.shards):
            market = replay_market(
                self.reader.reference(),
                latencies,
                passive_model=self.request.passive_model,
                seed=self.request.seed,
            )
            log = run.shard(number)
            shards.append(LiveShard(log, market, reference, stepping, interrupt.check))
        return shards

    @property
    def shards(self) -> int:
        """How many shards the run has."""
        return self.request.config.run.shards or self.reader.dataset.replay.shards

    def _drive(
        self, shards: list[LiveShard], orders: NDArray[np.void], interrupt: Interrupt
    ) -> InterruptError | None:
        keys = self.reader.instruments()
        feeds = [ShardFeed(n, len(shards), keys, orders) for n in range(len(shards))]
        size = SLICE_RECORDS[self.request.core]
        try:
            for chunk in self._watched(sliced(self.reader.chunks(), size), "replaying", interrupt):
                for shard, feed in zip(shards, feeds, strict=True):
                    for batch in feed.batches(chunk):
                        shard.feed(batch)
            for shard, feed in zip(shards, feeds, strict=True):
                for batch in feed.rest():
                    shard.feed(batch)
                shard.drain(max(1, self.request.config.quality.publish_s) * NS_PER_S)
        except InterruptError as error:
            return error
        return None

    def _manifest(self, reference: bytes, orders: NDArray[np.void]) -> dict[str, Any]:
        """Facts known before the first input."""
        request, dataset = self.request, self.reader.dataset
        from_file = request.orders_file
        return {
            "kind": "replay",
            "dataset": dataset.name,
            "about": dataset.about,
            "dataset_sha256": file_hash(request.dataset),
            "data_files": file_facts(data_paths(self.reader)),
            "orders_file_sha256": file_hash(from_file) if from_file else None,
            "orders_given": len(orders),
            "seed": request.seed,
            "core": request.core,
            "shards": self.shards,
            "passive_model": request.passive_model,
            "passive_models": list(PASSIVE_MODELS),
            "modelled": {**FILL_MODELS, **dataset.modelled},
            "is_polled": dataset.replay.is_polled,
            "config": config_dict(request.config),
            "config_hash": config_hash([reference]),
            "versions": versions(),
            "complete": False,
            "interrupted": False,
        }

    def _facts(
        self, run: RunDirectory, shards: list[LiveShard], elapsed_s: float
    ) -> dict[str, Any]:
        """Counts and hashes of what was logged."""
        inputs = sum(shard.engine.seq for shard in shards)
        report = self.reader.report()
        decisions, decision_hash = hash_of_run(run)
        return {
            "inputs": inputs,
            "outputs": sum(shard.engine.out_seq for shard in shards),
            "ticks": report.quotes + report.trades,
            "decisions": decisions,
            "children": sum(shard.run.children for shard in shards),
            "venues": len(self.reader.dataset.venues),
            "elapsed_s": round(elapsed_s, 3),
            "inputs_per_s": round(inputs / elapsed_s) if elapsed_s else 0,
            "state_hash": joined_hash([shard.state_hash() for shard in shards]),
            "decision_hash": decision_hash,
            "read": report.as_dict(),
        }


def checked_reader(request: ReplayRequest) -> DatasetReader:
    """The dataset's reader; InputError for what the request gets wrong."""
    if request.core not in SLICE_RECORDS:
        raise InputError(f"--core {request.core}: use {' or '.join(SLICE_RECORDS)}")
    if request.passive_model not in PASSIVE_MODELS:
        raise InputError(
            f"--passive-model {request.passive_model}: use {' or '.join(PASSIVE_MODELS)}"
        )
    if request.orders < 0:
        raise InputError(f"--orders {request.orders}: give 0 or more")
    if not 0 <= request.seed <= INT64_MAX:
        raise InputError(f"--seed {request.seed}: give 0 to {INT64_MAX}")
    return open_dataset(request.dataset, request.data)


def require_new(out: Path, force: bool) -> None:
    """Refuses an output folder with anything in it before any work is done."""
    if not is_unused(out):
        require_replaceable(out, force)


def reopened(out: Path, manifest: dict[str, Any]) -> RunDirectory:
    """An unfinished run opened for writing; InputError when it was begun with other arguments."""
    run = RunDirectory.open(out, writable=True)
    try:
        for name, value in manifest.items():
            begun = run.manifest.get(name)
            if name not in RUN_STATE and normal(begun) != normal(value):
                raise InputError(
                    f"{out}: was begun with another {name} than this command gives; use the same "
                    "arguments and data, or --force to begin again"
                )
        if not run.manifest["complete"]:
            kept = ("format", "format_version", *manifest)
            run.manifest = {name: run.manifest[name] for name in kept}
            run.update_manifest(complete=False, interrupted=False)
    except BaseException:
        run.close()
        raise
    return run


def normal(value: Any) -> Any:
    """A value of a manifest as it is after writing and reading; of versions what decides bytes."""
    if isinstance(value, dict) and "engine_generation" in value:
        return value["engine_generation"]
    return msgspec.json.decode(msgspec.json.encode(value))


def data_paths(reader: DatasetReader) -> list[Path]:
    """Every file that the reader reads."""
    groups = getattr(reader, "groups", [])
    return [path for group in groups for path in (*group.quotes, *group.trades)]


def sliced(chunks: Iterator[Records], size: int) -> Iterator[Records]:
    """The same records in arrays of at most `size`."""
    for chunk in chunks:
        for start in range(0, len(chunk), size):
            yield chunk[start : start + size]


def joined_hash(hashes: list[str]) -> str:
    """A run's state hash: the shard's own, or the hashes of several in shard order."""
    return "+".join(hashes)

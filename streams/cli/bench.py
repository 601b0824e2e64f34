"""`sor bench`: measures speed and says on what machine."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from schemas.errors import InputError
from streams.cli.benchmarks import (
    accelerator,
    durability,
    engine,
    market,
    native,
    pipelines,
    projections,
    solver,
)
from streams.cli.benchmarks.api import LiveService, StoredReads
from streams.cli.benchmarks.brokers import broker_benchmarks
from streams.cli.benchmarks.budget import NAMES as BUDGET
from streams.cli.benchmarks.budget import write_budget
from streams.cli.benchmarks.compare import compare
from streams.cli.benchmarks.keep import keep, sections, write_markdown
from streams.cli.benchmarks.machine import commit, machine
from streams.cli.benchmarks.parallel import parallel, thread_counts
from streams.cli.benchmarks.parity import GENERATOR, parity
from streams.cli.benchmarks.timing import Calibration, Failure, Result
from streams.cli.benchmarks.world import World
from streams.cli.terminal import print_json, print_lines, print_table

Benchmark = Callable[[], Result | list[Result]]
DATASETS = Path(__file__).resolve().parents[2] / "deploy" / "datasets"


class Report(msgspec.Struct, kw_only=True):
    """What `sor bench --json` prints."""

    machine: dict[str, str | int | float | None]
    commit: str
    seed: int
    size: str
    seconds: float
    results: list[Result]
    failures: list[Failure]


LONGEST_S = {"quick": 120, "whole": 300, "full": 3_600}
"""Seconds that one benchmark may take; then it is reported as failed and the rest goes on."""
NOT_QUICK = ("*.ticks", "api.read*", "projection.[rgp]*", "solver.[123]*", "snapshot.pause.none")
"""Benchmarks that the quick table leaves out; by name they run at its size."""
FIXED_COST_NANOS = 300_000_000
"""What a child costs in the benchmark of decisions with fixed costs: 0.30 of the currency."""


class Catalogue:
    """Every benchmark by name; the simulated day is made once and only when one needs it."""

    def __init__(self, size: str, data: Path | None, folder: Path) -> None:
        # What is quick at any size is measured at length in the whole table too.
        self.is_long, self.folder = size != "quick", folder
        self.size, self.is_full = size, size == "full"
        is_full = self.is_full
        self.day: pipelines.SimulatedDay | None = None
        self.native: dict[int, native.NativeBench] = {}
        self.table: dict[str, Benchmark] = {
            "fold.500x24": partial(engine.fold, 500, 24, self.is_long),
            "fold.2000x50": partial(engine.fold, 2000, 50, self.is_long),
            "decide.24": partial(engine.decide, 24, self.is_long),
            "decide.50": partial(engine.decide, 50, self.is_long),
            "decide.24.fixed_cost": partial(engine.decide, 24, self.is_long, FIXED_COST_NANOS),
            **self._solver(),
            **self._native(),
            **{f"parallel.{n}": partial(parallel, n) for n in thread_counts(os.cpu_count() or 1)},
            "pipeline.durable": lambda: self._day().durable(folder / "durable"),
            **self._durability(),
            "simulator": lambda: self._day().simulate(),
            "market": partial(market.alone, is_full),
            "market.routed": partial(market.routed, is_full),
            "replay": lambda: self._day().replay(folder / "replay"),
            "verify": self._verify,
            "whatif.command": partial(pipelines.whatif, folder / "whatif"),
            "log.bytes_per_tick": lambda: durability.bytes_per_tick(self._run()),
            **self._read_models(),
            **broker_benchmarks(folder / "brokers", is_full),
        }
        for toml in sorted(DATASETS.glob("*.toml")) if data else []:
            where = dataset_folder(toml, data)
            if where is not None:
                self.table[f"reader.{where.name}"] = partial(pipelines.read_dataset, toml, where)
        if accelerator.is_present():
            self.table["accelerator"] = accelerator.accelerator
        if is_full and GENERATOR.exists():
            self.table["parity"] = partial(parity, 2_000_000)

    def _read_models(self) -> dict[str, Benchmark]:
        """Projection, then the API over what was projected."""
        models = projections.ReadModelBench(self.folder, self.is_full)
        found: dict[str, Benchmark] = {
            **models.benchmarks(),
            "api.read": lambda: StoredReads(models, self.is_full).run(),
            "api": lambda: LiveService(self.folder / "api", self.is_full).run(),
        }
        url = models.postgres
        if url:
            found["api.read.postgresql"] = lambda: StoredReads(models, self.is_full, url).run()
        return found

    def _solver(self) -> dict[str, Benchmark]:
        """Protocol A, in a checkout that has the oracle."""
        if not solver.is_present():
            return {}
        return {
            "solver.common": partial(solver.common, self.is_full),
            **{
                f"solver.{venues}": partial(solver.protocol_a, venues, self.size)
                for venues in solver.SIZES
            },
        }

    def _durability(self) -> dict[str, Benchmark]:
        """The log, and the device beside it in the same run."""
        folder, is_full = self.folder, self.is_long
        stream = durability.OrderToDurable(folder / "orders", is_full)
        return {
            "log.durable": partial(durability.log_durable, folder / "log", is_full),
            "order_to_durable": stream.orders,
            "order_to_durable.fdatasync": stream.fdatasync,
            "order_to_durable.ratio": stream.ratio,
            "log.stages": stream.stages,
            "snapshot.pause": partial(durability.pauses, folder / "beside", "beside", is_full),
            "snapshot.pause.in_process": partial(
                durability.pauses, folder / "in_process", "in_process", is_full
            ),
            "snapshot.pause.none": partial(durability.pauses, folder / "none", "none", is_full),
            "recovery.10m": partial(durability.recovery, folder / "recovery", is_full),
        }

    def chosen(self, names: tuple[str, ...]) -> dict[str, Benchmark]:
        """Those whose name matches one of `names`; InputError for a name that matches none."""
        for name in names:
            if not any(fnmatchcase(known, name) for known in self.table):
                raise InputError(f"no benchmark {name!r}; there are {', '.join(self.table)}")
        left_out = NOT_QUICK if self.size == "quick" and not names else ()
        return {
            known: run
            for known, run in self.table.items()
            if any(fnmatchcase(known, name) for name in names or ("*",))
            and not any(fnmatchcase(known, name) for name in left_out)
        }

    def _native(self) -> dict[str, Benchmark]:
        """The engine without Python around it, its instructions, and the floor."""
        count = 1_000_000 if self.is_long else 50_000
        table: dict[str, Benchmark] = {
            "floor": partial(native.floors, count),
            "fold.500x24.native": lambda: self._world(500, 24).fold(50),
            "fold.2000x50.native": lambda: self._world(2_000, 50).fold(15),
            "fold.500x24.families": lambda: self._world(500, 24).families(30),
            "fold.2000x50.families": lambda: self._world(2_000, 50).families(10),
            "fold.500x24.allocations": lambda: self._world(500, 24).fold_allocations(),
            "fold.row": native.row_bytes,
            "decide.24.native": lambda: self._world(500, 24).decide(count),
            "decide.24.native.bare": lambda: self._world(500, 24).decide_bare(count),
            "decide.50.native": lambda: self._world(500, 50).decide(count),
            "whatif.decisions": lambda: self._world(500, 24).whatif(count // 500),
            "parallel.decisions.1": lambda: self._world(500, 24).side_by_side(1, count // 500),
            "parallel.decisions.2": lambda: self._world(500, 24).side_by_side(2, count // 500),
            "score": partial(native.scores, count),
            "decide.24.allocations": lambda: self._world(500, 24).allocations(),
            "response.24": lambda: self._world(500, 24).response(self.is_long),
        }
        if shutil.which("valgrind"):
            table["fold.500x24.instructions"] = lambda: self._world(500, 24).fold_instructions()
            table["fold.500x24.families_instructions"] = lambda: self._world(
                500, 24
            ).families_instructions()
            table["decide.24.stages"] = lambda: self._world(500, 24).decide_stages()
            table["decide.24.instructions"] = lambda: self._world(500, 24).decide_instructions()
        return table

    def _world(self, instruments: int, venues: int) -> native.NativeBench:
        size = instruments * venues
        if size not in self.native:
            self.native[size] = native.NativeBench(self.folder, instruments, venues)
        return self.native[size]

    def _day(self) -> pipelines.SimulatedDay:
        if self.day is None:
            self.day = pipelines.SimulatedDay(self.is_long)
        return self.day

    def _run(self) -> Path:
        """The run that `replay` wrote."""
        if not (self.folder / "replay").exists():
            self._day().replay(self.folder / "replay")
        return self.folder / "replay"

    def _verify(self) -> Result:
        return self._day().verify(self._run())


def bench(
    *names: str,
    quick: bool = False,
    full: bool = False,
    data: Path | None = None,
    json: bool = False,
    out: Path | None = None,
    markdown: Path | None = None,
    budget: Path | None = None,
    schema: bool = False,
) -> int:
    """Measure speed; nothing is asserted. `sor bench compare A.json B.json` compares two runs.

    Args:
        names: Which ones, as globs (`fold.*`); all by default.
        quick: Small sizes, the whole table in under three minutes.
        full: Largest sizes, and both cores compared on random inputs: an hour.
        data: Folder with a folder for each dataset, to measure the readers too.
        json: One JSON object instead of a table.
        out: Folder that keeps the JSON of this run, named by time and commit.
        schema: Print the JSON Schema of the report and measure nothing.
        markdown: Write the table to this file (BENCHMARKS.md is made so).
        budget: Write the latency budget by stage between the marks of this page (ARCHITECTURE.md).
    """
    if names and names[0] == "compare":
        return compare(names[1:], json)
    if schema:
        print_json(msgspec.json.schema(Report))
        return 0
    if quick and full:
        raise InputError("--quick and --full: give one of them")
    names = names or (BUDGET if budget is not None and markdown is None else ())
    size = "quick" if quick else "full" if full else "whole"
    with pipelines.scratch() as folder:
        report = measured(Catalogue(size, data, Path(folder)).chosen(names), size)
    plain = msgspec.to_builtins(report)
    if out is not None:
        keep(plain, out)
    if markdown is not None:
        write_markdown(plain, markdown)
    if budget is not None:
        write_budget(budget, {result["name"]: result for result in plain["results"]})
    if json:
        print_json(plain)
    else:
        print_report(plain)
    return 1 if report.failures else 0


def measured(chosen: dict[str, Benchmark], size: str) -> Report:
    """Runs them one after the other; one that fails is noted and the rest goes on."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended too
    started = time.monotonic()
    about, calibration = machine(), Calibration()
    results: list[Result] = []
    failures = []
    for name, run in chosen.items():
        since = time.monotonic()
        try:
            results.extend(calibration.run(run, LONGEST_S[size]))
        except Exception as error:  # noqa: BLE001
            failures.append(Failure(name=name, error=f"{type(error).__name__}: {error}"))
        if sys.stderr.isatty():
            print(f"{name}: {time.monotonic() - since:.1f} s", file=sys.stderr)
    seconds = round(time.monotonic() - started, 1)
    return Report(
        machine=about,
        commit=commit(),
        seed=World.seed,
        size=size,
        seconds=seconds,
        results=results,
        failures=failures,
    )


def print_report(report: dict[str, Any]) -> None:
    """Writes machine and figures."""
    print_lines("Machine", [f"{name}: {value}" for name, value in report["machine"].items()])
    columns = ("p50", "p90", "p99", "p999", "max")
    rows = []
    for result in report["results"]:
        values = [result[column] for column in columns]
        shown = ["" if value is None else f"{value:,.2f}" for value in values]
        noisy = "noisy" if result["noisy"] else ""
        head = [result["name"], result["unit"], f"{result['value']:,.2f}"]
        row = [*head, *shown, f"{result['n']:,}", noisy]
        rows.append(row)
    print_table("", ["benchmark", "unit", "value", *columns, "n", ""], rows)
    for line in solver.table_lines(report["results"]):
        print(line)
    for title, found in sections(report).items():
        print_lines(title, found)
    for failure in report["failures"]:
        print(f"sor: {failure['name']}: {failure['error']}", file=sys.stderr)


def dataset_folder(toml: Path, data: Path | None) -> Path | None:
    """The dataset's folder under `data`: the one that its name begins with or equals."""
    from streams.sources.config_file import load_dataset

    name = load_dataset(toml).name
    parts = set(name.split("_"))
    folders = [path for path in sorted((data or Path()).iterdir()) if path.is_dir()]
    near = [path for path in folders if parts <= set(path.name.split("_"))]
    return next((path for path in folders if path.name == name), near[0] if near else None)

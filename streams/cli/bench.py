"""`sor bench`: measures speed and says on what machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from schemas.errors import InputError
from streams.cli.benchmarks import engine, pipelines
from streams.cli.benchmarks.machine import commit, machine
from streams.cli.benchmarks.parity import GENERATOR, parity
from streams.cli.benchmarks.timing import Calibration, Result
from streams.cli.terminal import print_json, print_lines, print_table

Benchmark = Callable[[], Result]
DATASETS = Path(__file__).resolve().parents[2] / "deploy" / "datasets"


class Catalogue:
    """Every benchmark by name; the simulated day is made once and only when one needs it."""

    def __init__(self, is_full: bool, data: Path | None, folder: Path) -> None:
        self.is_full, self.folder = is_full, folder
        self.day: pipelines.SimulatedDay | None = None
        self.table: dict[str, Benchmark] = {
            "fold.500x24": partial(engine.fold, 500, 24, is_full),
            "fold.2000x50": partial(engine.fold, 2000, 50, is_full),
            "decide.24": partial(engine.decide, 24, is_full),
            "decide.50": partial(engine.decide, 50, is_full),
            "pipeline.durable": lambda: self._day().durable(folder / "durable"),
            "simulator": lambda: self._day().simulate(),
            "replay": lambda: self._day().replay(folder / "replay"),
            "verify": self._verify,
        }
        for toml in sorted(DATASETS.glob("*.toml")) if data else []:
            where = dataset_folder(toml, data)
            if where is not None:
                self.table[f"reader.{where.name}"] = partial(pipelines.read_dataset, toml, where)
        if is_full and GENERATOR.exists():
            self.table["parity"] = partial(parity, 2_000_000)

    def chosen(self, names: tuple[str, ...]) -> dict[str, Benchmark]:
        """Those whose name matches one of `names`; InputError for a name that matches none."""
        for name in names:
            if not any(fnmatchcase(known, name) for known in self.table):
                raise InputError(f"no benchmark {name!r}; there are {', '.join(self.table)}")
        return {
            known: run
            for known, run in self.table.items()
            if not names or any(fnmatchcase(known, name) for name in names)
        }

    def _day(self) -> pipelines.SimulatedDay:
        if self.day is None:
            self.day = pipelines.SimulatedDay(self.is_full)
        return self.day

    def _verify(self) -> Result:
        if not (self.folder / "replay").exists():
            self._day().replay(self.folder / "replay")
        return self._day().verify(self.folder / "replay")


def bench(*names: str, full: bool = False, data: Path | None = None, json: bool = False) -> int:
    """Measure speed; nothing is asserted.

    Args:
        names: Which ones, as globs (`fold.*`); all by default.
        full: Full size: a million decisions, and both cores compared on random inputs.
        data: Folder with a folder for each dataset, to measure the readers too.
        json: One JSON object instead of a table.
    """
    with pipelines.scratch() as folder:
        chosen = Catalogue(full, data, Path(folder)).chosen(names)
        calibration = Calibration()
        results = []
        for name, run in chosen.items():
            if sys.stderr.isatty():
                print(f"{name} ...", file=sys.stderr)
            results.append(calibration.run(run))
    report = {"machine": machine(), "commit": commit(), "results": results}
    if json:
        print_json(msgspec.to_builtins(report))
    else:
        print_report(report)
    return 0


def print_report(report: dict[str, Any]) -> None:
    """Writes machine and figures."""
    print_lines("Machine", [f"{name}: {value}" for name, value in report["machine"].items()])
    columns = ("p50", "p99", "p999", "max")
    rows = []
    for result in report["results"]:
        values = [getattr(result, column) for column in columns]
        shown = ["" if value is None else f"{value:,.2f}" for value in values]
        noisy = "noisy" if result.noisy else ""
        row = [result.name, result.unit, f"{result.value:,.2f}", *shown, f"{result.n:,}", noisy]
        rows.append(row)
    print_table("", ["benchmark", "unit", "value", *columns, "n", ""], rows)


def dataset_folder(toml: Path, data: Path | None) -> Path | None:
    """The dataset's folder under `data`: the one that its name begins with or equals."""
    from streams.sources.config_file import load_dataset

    name = load_dataset(toml).name
    parts = set(name.split("_"))
    folders = [path for path in sorted((data or Path()).iterdir()) if path.is_dir()]
    near = [path for path in folders if parts <= set(path.name.split("_"))]
    return next((path for path in folders if path.name == name), near[0] if near else None)

"""`sor replay`: a dataset and parent orders become a run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from schemas.errors import InputError
from streams.cli.terminal import print_json, progress_bar
from streams.config.load import load_config
from streams.replay.interrupt import Interrupt
from streams.replay.replay import Replay, ReplayRequest
from streams.replay.summary import summarise

KEYS = (
    "inputs",
    "ticks",
    "orders",
    "decisions",
    "children",
    "fills",
    "venues",
    "elapsed_s",
    "inputs_per_s",
    "state_hash",
    "decision_hash",
    "run",
)


def replay(
    dataset: Path,
    /,
    *,
    data: Path,
    out: Path,
    orders: int = 1000,
    orders_file: Path | None = None,
    seed: int = 1,
    core: str = "native",
    config: Path | None = None,
    set_: Annotated[tuple[str, ...], Parameter(name="--set")] = (),
    passive_model: str = "traded_through",
    force: bool = False,
    resume: bool = False,
    json: bool = False,
) -> int:
    """Route parent orders over recorded data and write a run.

    Args:
        dataset: Dataset TOML: names the reader, the files and the venues.
        data: Folder of the dataset's files.
        out: Folder of the run to write; must be new or empty.
        orders: Number of seeded parent orders.
        orders_file: JSON lines with FIX field names, instead of seeded orders.
        seed: Seed of the orders and of the fill simulator.
        core: native or reference.
        config: TOML with policies, limits, quality and run settings.
        set_: One setting as section.key=value; may be repeated.
        passive_model: How resting children fill: traded_through or queue_depleted.
        force: Replace the run that `out` holds.
        resume: Go on with a run in `out` that was killed or interrupted, with the same arguments.
        json: One JSON object instead of tables.
    """
    if force and resume:
        raise InputError("--force and --resume: give one of them")
    request = ReplayRequest(
        dataset=dataset,
        data=data,
        out=out,
        orders=orders,
        orders_file=orders_file,
        seed=seed,
        core=core,
        passive_model=passive_model,
        force=force,
        resume=resume,
        config=load_config(config, os.environ, set_),
    )
    with Interrupt() as interrupt, progress_bar() as progress:
        result = Replay(request, progress).execute(interrupt)
    return report(result, json)


def report(result: dict[str, Any], json: bool) -> int:
    """Writes what a run came to."""
    from streams.cli.run_report import print_run

    summary = summarise(Path(result["run"]))
    result = {**result, "fills": summary.totals.fills, "orders": summary.orders}
    if json:
        print_json({key: result[key] for key in KEYS})
    else:
        print_run(result, summary)
    return 0

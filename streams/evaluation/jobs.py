"""An evaluation in pieces of one market seed each, and the record of those that are done."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import orjson

from streams.evaluation import controls, learner
from streams.evaluation.block import OURS, BlockTask, run_block
from streams.evaluation.plan import Plan
from streams.evaluation.worlds import TUNING_FAMILY, Shape

MIN_ORDERS = 6
KEPT = "pieces.jsonl"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One piece: `kind` says which function `what` is handed to."""

    kind: str
    what: Any


def jobs(plan: Plan) -> Iterator[Job]:
    """Every piece that the plan asks for."""
    yield from _blocks(plan)
    yield from _controls(plan)
    if plan.wants("learning"):
        for seed in range(plan.first_seed, plan.first_seed + plan.learn_blocks):
            yield Job(kind="day", what=(plan.headline, seed, plan.learn_orders))
            yield Job(kind="switch", what=(plan.headline, seed, plan.switch_orders))


def _blocks(plan: Plan) -> Iterator[Job]:
    seeds = range(plan.first_seed, plan.first_seed + plan.blocks)
    side = range(plan.first_seed, plan.first_seed + plan.side_blocks)

    def block(shape: Shape, seed: int, *, wants_all: bool) -> Job:
        task = BlockTask(
            shape=shape,
            seed=seed,
            orders=plan.orders,
            small_orders=plan.small_orders,
            wants_all=wants_all,
        )
        return Job(kind="block", what=task)

    if plan.wants("headline"):
        yield from (block(Shape(venues=plan.headline), seed, wants_all=True) for seed in seeds)
    for family in plan.families:
        if plan.wants("families", family):
            shape = Shape(venues=plan.headline, family=family)
            yield from (block(shape, seed, wants_all=True) for seed in seeds)
    for venues in plan.venues:
        if plan.wants("venues") and venues != plan.headline:
            yield from (block(Shape(venues=venues), seed, wants_all=False) for seed in side)


def _controls(plan: Plan) -> Iterator[Job]:
    for at, control in enumerate(controls.CONTROLS):
        if not plan.wants("controls", control.letter):
            continue
        orders = max(MIN_ORDERS, plan.control_orders // (4 if control.is_exact else 1))
        blocks = plan.control_blocks * (control.effort if plan.takes_pains else 1)
        for seed in range(plan.first_seed, plan.first_seed + blocks):
            yield Job(kind="control", what=(at, plan.headline, seed, orders))


def run(job: Job) -> Any:
    """One piece, in a worker."""
    if job.kind == "block":
        return run_block(job.what)
    if job.kind == "control":
        at, venues, seed, orders = job.what
        return controls.CONTROLS[at].difference(venues, seed, orders)
    piece: Callable[..., Any] = (
        learner.day_gain if job.kind == "day" else learner.choices_around_switch
    )
    return piece(*job.what)


def of_family(blocks: list[dict[str, Any]], venues: int, family: str) -> list[dict[str, Any]]:
    """The blocks of one number of venues and one family."""
    return [b for b in blocks if b["venues"] == venues and b["family"] == family]


def main_blocks(blocks: list[dict[str, Any]], plan: Plan) -> list[dict[str, Any]]:
    """Those of the headline."""
    return of_family(blocks, plan.headline, TUNING_FAMILY)


class Kept:
    """Results of pieces by what they were asked for, appended to a file, read when run again.

    A key holds the code that ran as well, so a result of another build is never taken. Without a
    folder nothing is kept.
    """

    def __init__(self, out: Path | None) -> None:
        self.path = None if out is None else out / KEPT
        self.code = fingerprint()
        self.done: dict[str, Any] = {}
        self._file: Any = None

    def __enter__(self) -> Self:
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            raw = self.path.read_bytes() if self.path.exists() else b""
            self.done = dict(_whole_lines(raw))
            self._file = self.path.open("ab")
            if raw and not raw.endswith(b"\n"):
                self._file.write(b"\n")  # whoever wrote it was killed
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def key(self, job: Job) -> str:
        """What a result is found again by."""
        asked = {"code": self.code, "ours": OURS, "kind": job.kind, "what": job.what}
        return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()

    def add(self, job: Job, value: Any) -> Any:
        """Keeps one result; returned as a run that reads it back will see it."""
        key = self.key(job)
        line = orjson.dumps([key, value], option=orjson.OPT_SERIALIZE_NUMPY)
        if self._file is not None:
            self._file.write(line + b"\n")
            self._file.flush()
        self.done[key] = orjson.loads(line)[1]
        return self.done[key]


def _whole_lines(raw: bytes) -> Iterator[tuple[str, Any]]:
    """The results in a file whose last line may have been cut off."""
    for line in raw.split(b"\n")[:-1]:
        try:
            key, value = orjson.loads(line)
        except ValueError:
            continue  # cut off: this piece is run again
        yield key, value


def fingerprint() -> str:
    """Hash of the code that an evaluation runs: ours, the engine's and the market's."""
    here = Path(__file__).parent
    places = [*here.rglob("*.py"), *here.parent.joinpath("simulator", "synthetic").rglob("*.py")]
    found = hashlib.sha256()
    for path in [*sorted(places), *_native()]:
        found.update(path.read_bytes())
    return found.hexdigest()


def _native() -> list[Path]:
    """The compiled parts."""
    from aggregates import _core
    from streams.evaluation import _arena
    from streams.simulator.synthetic import _synthetic

    return [Path(str(module.__file__)) for module in (_core, _arena, _synthetic)]

"""The engine measured without Python around it, beside the floor: the bare arithmetic and a copy.

`venuefold-bench` (C++, in `core/`) folds files that are made here and writes its samples.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.metadata import files
from pathlib import Path

import numpy as np

from aggregates import kernel
from schemas.errors import InputError
from schemas.units import NS_PER_MS, NS_PER_US
from streams.cli.benchmarks.timing import Result, from_samples
from streams.cli.benchmarks.world import CONFIG, HORIZON_MS, STALE_MS, START_NS, World
from streams.config.records import config_records

DISTURBING_TICKS = 64
BLOCKS = 2_000
"""Orders in the script of decisions, 64 ticks before each; longer runs fold it again."""
TICKS = 200_000
RESPONSE_RATE = 200_000
RESPONSE_ORDERS_EVERY = 400
RESPONSE_RECORDS = 400_000
COUNTED_ORDERS = 200
LADDER = (
    "all_families",
    "no_histogram",
    "no_jumps",
    "no_refills",
    "no_gap",
    "no_delay",
    "no_times",
    "books_only",
)
"""What a tick still folds: each leaves out one more than the one before."""
MASKS = (127, 95, 93, 89, 25, 9, 8, 0)
"""The same as bits of Family in `aggregates/core/quality.hpp`."""
FUNCTIONS = {
    "all": "timed_step(",
    "new_order": "desk::new_order(",
    "attempt": "attempt(",
    "decide": "venuefold::decide(",
    "gather": "venuefold::gather(",
    "record": "emit_decision(",
}
"""The functions at the edges of a decision's stages."""


class NativeBench:
    """Scripts of one world in a folder, and the program that folds them."""

    def __init__(self, folder: Path, instruments: int, venues: int) -> None:
        self.folder = folder / f"native-{instruments}x{venues}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.world = World(instruments, venues)
        self.last_seq = np.zeros(256, dtype=np.uint64)
        self.now_ns = START_NS + NS_PER_MS
        self.setup = self.folder / "setup"
        self._write_setup()

    def fold(self, passes: int) -> Result:
        """Mean ns a tick, passes over 200,000 random ticks."""
        script = self._script("ticks", self.world.ticks(TICKS, self.now_ns, self.last_seq))
        samples = self._samples("fold", script, passes)
        name = f"fold.{self.world.instruments}x{self.world.venues}.native"
        return from_samples(name, "ns/tick", samples, n=passes * TICKS)

    def decide(self, count: int) -> Result:
        """us a decision with its full record, caches disturbed by 64 ticks before each."""
        samples = self._samples("decide", self._decisions(), count) / 1000
        return from_samples(f"decide.{self.world.venues}.native", "us", samples)

    def decide_bare(self, count: int) -> Result:
        """The same decisions timed with no record written: what the record costs is left over."""
        samples = self._samples("decide-bare", self._decisions(), count) / 1000
        return from_samples(f"decide.{self.world.venues}.native.bare", "us", samples)

    def scripts(self) -> None:
        """Makes the scripts now rather than when one is first needed."""
        self._script("ticks", self.world.ticks(TICKS, self.now_ns, self.last_seq))
        self._decisions()
        self._schedule(is_full=False)

    def decide_instructions(self, count: int = COUNTED_ORDERS) -> Result:
        """Instructions a decision, counted by valgrind: a figure that no neighbour disturbs."""
        total = self._counted("*timed_step*", "decide", self._decisions(), count)
        name = f"decide.{self.world.venues}.instructions"
        return Result(name=name, unit="instructions", value=total / count, n=count)

    def allocations(self) -> Result:
        """Calls of the allocator a decision, after one pass over the script has warmed it up."""
        samples = self._samples("allocations", self._decisions(), BLOCKS)
        name = f"decide.{self.world.venues}.allocations"
        mean = float(samples.mean())
        return from_samples(name, "allocations", samples, value=mean)

    def decide_stages(self, count: int = COUNTED_ORDERS) -> Result:
        """Instructions of a decision by stage; `value` is all of it but writing the record."""
        self._counted("*timed_step*", "decide", self._decisions(), count)
        counted = {name: n / count for name, n in inclusive(self.folder / "callgrind").items()}
        at = {stage: named(counted, function) for stage, function in FUNCTIONS.items()}
        stages = {
            "decode": at["all"] - at["new_order"],
            "admission": at["new_order"] - at["attempt"],
            "candidates": at["gather"],
            "allocation": at["decide"] - at["gather"] - at["record"],
            "record": at["record"],
            "children": at["attempt"] - at["decide"],
        }
        more = {stage: round(value, 1) for stage, value in stages.items()}
        shares = {f"{stage}_percent": round(100 * n / at["all"], 1) for stage, n in stages.items()}
        return Result(
            name=f"decide.{self.world.venues}.stages",
            unit="instructions without the record",
            value=round(at["all"] - at["record"], 1),
            n=count,
            more={"with_record": round(at["all"], 1), **more, **shares},
        )

    def whatif(self, blocks: int) -> Result:
        """Decisions a second of one core with a tick before each and answers to all children."""
        script = self._mixed("whatif", BLOCKS, 1, 100 * NS_PER_US)
        return from_samples(
            "whatif.decisions",
            "decisions/s",
            self._samples("whatif", script, blocks),
            n=blocks * 256,
        )

    def side_by_side(self, processes: int, blocks: int) -> Result:
        """Decisions a second of so many engines at once, a process each, as `whatif` does."""
        script = self._mixed("whatif", BLOCKS, 1, 100 * NS_PER_US)
        words = [program(), "whatif", kernel.GENERATION.hex(), self.setup, script, blocks]
        command = [str(word) for word in words]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(processes)]
        medians = [
            float(np.median(np.frombuffer(one.communicate()[0], dtype=np.float64)))
            for one in running
        ]
        return Result(
            name=f"parallel.decisions.{processes}",
            unit="decisions/s",
            value=round(sum(medians)),
            n=processes * blocks * 256,
        )

    def fold_instructions(self) -> Result:
        """Instructions a tick, counted by valgrind, set-up left out by a difference of two runs."""
        script = self._script("ticks", self.world.ticks(TICKS, self.now_ns, self.last_seq))
        once, twice = (
            self._counted("*venuefold::bench::fold*", "fold", script, passes) for passes in (1, 2)
        )
        name = f"fold.{self.world.instruments}x{self.world.venues}.instructions"
        return Result(name=name, unit="instructions/tick", value=(twice - once) / TICKS, n=TICKS)

    def families(self, passes: int) -> list[Result]:
        """ns a tick with families of quality left out one after the other, in turns."""
        script = self._script("ticks", self.world.ticks(TICKS, self.now_ns, self.last_seq))
        samples = self._samples("families", script, passes).reshape(passes, len(LADDER))
        size = f"fold.{self.world.instruments}x{self.world.venues}"
        return [
            from_samples(f"{size}.{name}", "ns/tick", np.ascontiguousarray(column))
            for name, column in zip(LADDER, samples.T, strict=True)
        ]

    def families_instructions(self) -> Result:
        """Instructions a tick by what is folded; `value` is all of it, without the engine's own
        checks of header and source.
        """
        script = self._script("ticks", self.world.ticks(TICKS, self.now_ns, self.last_seq))
        self._counted("*families_pass*", "families", script, 1)
        counted = inclusive(self.folder / "callgrind")
        masks = {name: f"families_pass<{mask}u>" for name, mask in zip(LADDER, MASKS, strict=True)}
        more = {name: named(dict(counted), mask) / TICKS for name, mask in masks.items()}
        name = f"fold.{self.world.instruments}x{self.world.venues}.families_instructions"
        return Result(
            name=name, unit="instructions/tick", value=more[LADDER[0]], n=TICKS, more=more
        )

    def fold_allocations(self, passes: int = 3) -> Result:
        """Calls of the allocator in a pass over ticks, once it is warm."""
        script = self._script("ticks", self.world.ticks(TICKS, self.now_ns, self.last_seq))
        samples = self._samples("fold-allocations", script, passes)
        name = f"fold.{self.world.instruments}x{self.world.venues}.allocations"
        return from_samples(name, "allocations", samples, n=passes * TICKS)

    def response(self, is_full: bool) -> list[Result]:
        """us from an order's scheduled arrival to its record at 200,000 ticks/s, open loop.

        The second result is the load's own lateness.
        """
        samples = self._samples("response", self._schedule(is_full), RESPONSE_RATE) / 1000
        half = len(samples) // 2
        return [
            from_samples("response.24", "us", samples[:half]),
            from_samples("response.24.load_lateness", "us", samples[half:]),
        ]

    def _write_setup(self) -> None:
        records = self.world.reference()
        config = config_records(CONFIG, records, stale_ms=STALE_MS, horizon_ms=HORIZON_MS)
        books = self.world.books(self.now_ns, self.last_seq).tobytes()
        self.setup.write_bytes(records + config + books)

    def _script(self, name: str, records: np.ndarray) -> Path:
        path = self.folder / name
        if not path.exists():
            path.write_bytes(records.tobytes())
        return path

    def _decisions(self) -> Path:
        return self._mixed("decisions", BLOCKS, DISTURBING_TICKS, NS_PER_US)

    def _schedule(self, is_full: bool) -> Path:
        records = RESPONSE_RECORDS * (5 if is_full else 1)
        gap_ns = 1_000_000_000 // RESPONSE_RATE
        count = records // RESPONSE_ORDERS_EVERY
        return self._mixed("schedule", count, RESPONSE_ORDERS_EVERY, gap_ns)

    def _mixed(self, name: str, orders: int, ticks_each: int, gap_ns: int) -> Path:
        """`orders` times `ticks_each` ticks and one order, a record each `gap_ns`."""
        path = self.folder / name
        if path.exists():
            return path
        last_seq = self.last_seq.copy()
        ticks = self.world.ticks(orders * ticks_each, self.now_ns, last_seq)
        ticks["log_ns"] = self.now_ns + np.arange(1, len(ticks) + 1) * gap_ns
        found = self.world.orders(orders, 0)
        for field in ("log_ns", "transact_ns", "receive_ns"):
            found[field] = ticks["log_ns"][ticks_each - 1 :: ticks_each]
        raw_ticks, raw_orders = ticks.tobytes(), found.tobytes()
        size, order = ticks_each * ticks.itemsize, found.itemsize
        with path.open("wb") as file:
            for n in range(orders):
                file.write(raw_ticks[n * size : (n + 1) * size])
                file.write(raw_orders[n * order : (n + 1) * order])
        return path

    def _samples(self, mode: str, script: Path, number: float) -> np.ndarray:
        command = [mode, kernel.GENERATION.hex(), self.setup, script, number]
        return run_program(*command)

    def _counted(self, function: str, mode: str, script: Path, number: int) -> int:
        valgrind = shutil.which("valgrind")
        if valgrind is None:
            raise InputError("no valgrind on this machine; install it to count instructions")
        counts = self.folder / "callgrind"
        command = [
            valgrind,
            "--tool=callgrind",
            f"--callgrind-out-file={counts}",
            f"--toggle-collect={function}",
            program(),
            *map(str, (mode, kernel.GENERATION.hex(), self.setup, script, number)),
        ]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            raise InputError(f"valgrind: {done.stderr.decode(errors='replace').strip()[-200:]}")
        found = re.search(rb"^(?:totals|summary): (\d+)", counts.read_bytes(), re.MULTILINE)
        return int(found[1]) if found else 0


def row_bytes() -> Result:
    """Memory of a row of an instrument at a venue; `more` is what it takes once it has had
    children, opens of its venue, or children at rest.
    """
    row, evidence, openings, hazard = (int(size) for size in run_program("rows", 0))
    more: dict[str, float] = {"evidence": evidence, "openings": openings, "hazard": hazard}
    return Result(name="fold.row", unit="bytes", value=row, n=1, more=more)


def floors(count: int) -> list[Result]:
    """The floor of a tick and of a decision, and what reading the clock costs."""
    results = [
        from_samples(f"floor.fold.{rows}", "ns/tick", run_program("floor-fold", rows, 15))
        for rows in (500 * 24, 2000 * 50)
    ]
    for venues in (24, 50):
        samples = run_program("floor-decide", venues, count) / 1000
        results.append(from_samples(f"floor.decide.{venues}", "us", samples))
        samples = run_program("floor-decide-cold", venues, count) / 1000
        results.append(from_samples(f"floor.decide.{venues}.cold", "us", samples))
    return [*results, from_samples("floor.clock", "ns", run_program("timer", count))]


def scores(count: int) -> list[Result]:
    """ns of the level costs of a decision: one by one, 128-bit, 256-bit; alone and in a sweep."""
    results = []
    for decisions, where in ((1, "alone"), (4_096, "sweep")):
        for width, name in enumerate(("scalar", "vector", "wide")):
            samples = run_program("score", width, decisions, max(5, count // decisions))
            value = float(np.mean(samples))
            results.append(from_samples(f"score.{where}.{name}", "ns", samples, value=value))
    return results


def inclusive(counts: Path) -> dict[str, int]:
    """Instructions of each function with all that it calls, by demangled name."""
    command = ["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(counts)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=True)
    line = r"^ *([\d,]+) .*?:(?:double )?(venuefold::.*?)(?: \[/.*)?$"
    lines = re.finditer(line, done.stdout, re.MULTILINE)
    return {line[2]: int(line[1].replace(",", "")) for line in lines}


def named(counted: dict[str, float], function: str) -> float:
    """What the function whose name has this in it took; InputError when there is none."""
    for name, count in counted.items():
        if function in name:
            return count
    raise InputError(f"no function {function} was counted; was the program stripped?")


def run_program(*words: object) -> np.ndarray:
    """Samples that `venuefold-bench` wrote, shape (n,), in ns."""
    done = subprocess.run([program(), *map(str, words)], capture_output=True, check=False)
    if done.returncode:
        raise InputError(done.stderr.decode(errors="replace").strip())
    return np.frombuffer(done.stdout, dtype=np.float64)


def program() -> str:
    """Where the installed program is; InputError when the package has none."""
    for file in files("venuefold") or []:
        if file.name == "venuefold-bench":
            return str(file.locate())
    raise InputError("venuefold-bench is not installed; run make setup")

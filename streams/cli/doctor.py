"""`sor doctor`: looks at this machine and installation, and says what to do."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from schemas.units import NS_PER_S
from streams.cli.terminal import print_json, print_table
from streams.clock import SystemClock
from streams.replay.facts import versions

NATIVE = ("aggregates._core", "streams.log._journal", "streams.simulator._market")
LEAST_FREE_GIB = 2.0
SLOW_SYNC_MS = 20.0
SYNCS = 20
YEAR_2024_S = 1_704_067_200


class Check(NamedTuple):
    """One thing looked at: status is ok, warn or fail; `advice` says what to do."""

    name: str
    status: str
    found: str
    advice: str = ""


def doctor(folder: Path = Path(), /, *, json: bool = False) -> int:
    """Check Python, native cores, versions, disk and clock.

    Args:
        folder: Where runs will be written.
        json: One JSON object instead of a table.
    """
    looks: list[Callable[[], Check]] = [
        check_python,
        *(lambda name=name: check_native(name) for name in NATIVE),
        check_cores_agree,
        check_clock,
        lambda: check_space(folder),
        lambda: check_sync(folder),
    ]
    checks = [look() for look in looks]
    if json:
        print_json({"versions": versions(), "checks": [check._asdict() for check in checks]})
    else:
        print_table("", ["check", "status", "found", "what to do"], [list(c) for c in checks])
        rows = [[name, found] for name, found in versions().items()]
        print_table("", ["version of", "is"], rows)
    return 1 if any(check.status == "fail" for check in checks) else 0


def check_python() -> Check:
    """Which Python runs; an older one than 3.11 cannot even install."""
    return Check("python", "ok", sys.version.split()[0])


def check_native(name: str) -> Check:
    """A native module can be imported."""
    try:
        importlib.import_module(name)
    except ImportError as error:
        return Check(name, "fail", str(error), "run `make setup` to build the native cores")
    return Check(name, "ok", "loaded")


def check_cores_agree() -> Check:
    """Both cores fold the same few records to the same state."""
    from aggregates import kernel
    from streams.simulator.plain import PlainMarket
    from streams.simulator.plain_config import PlainConfig

    batch = PlainMarket(PlainConfig(venues=3, instruments=2)).reference()
    try:
        engines = [kernel.load(core) for core in ("native", "reference")]
        for engine in engines:
            engine.step(batch)
        one, other = (kernel.state_hash(engine) for engine in engines)
    except ImportError as error:
        return Check("cores agree", "fail", str(error), "run `make setup`")
    if one != other:
        return Check("cores agree", "fail", f"{one[:12]} and {other[:12]}", "run `make setup`")
    return Check("cores agree", "ok", f"state {one[:12]}")


def check_clock() -> Check:
    """The clock is set."""
    now_s = SystemClock().now_ns() // NS_PER_S
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_s))
    if now_s < YEAR_2024_S:
        return Check("clock", "fail", shown, "set the clock")
    return Check("clock", "ok", shown)


def check_space(folder: Path) -> Check:
    """Room for runs."""
    try:
        free_gib = shutil.disk_usage(folder).free / 2**30
    except OSError as error:
        return Check("disk space", "fail", str(error), "name a folder that exists")
    shown = f"{free_gib:.1f} GiB free"
    if free_gib < LEAST_FREE_GIB:
        return Check("disk space", "warn", shown, f"free {LEAST_FREE_GIB:.0f} GiB or more")
    return Check("disk space", "ok", shown)


def check_sync(folder: Path) -> Check:
    """How long the disk takes to make a record durable."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            samples = []
            for _ in range(SYNCS):
                os.write(file.fileno(), bytes(4096))
                started_ns = time.perf_counter_ns()
                os.fdatasync(file.fileno())
                samples.append((time.perf_counter_ns() - started_ns) / 1e6)
    except OSError as error:
        return Check("disk sync", "fail", str(error), "name a folder that can be written")
    middle_ms = sorted(samples)[SYNCS // 2]
    shown = f"{middle_ms:.2f} ms"
    if middle_ms > SLOW_SYNC_MS:
        return Check("disk sync", "warn", shown, "put runs on a faster disk")
    return Check("disk sync", "ok", shown)

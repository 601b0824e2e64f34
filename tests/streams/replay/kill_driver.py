"""Replays a dataset in children that are killed, again and again, until one gets to the end.

Run with the shim preloaded. Arguments as JSON: dataset, data, out, kills, seed, config. A child is
killed in the middle of the n-th call of the write path, or by its parent after a while. Prints one
JSON object: kills by kind, the last position that was acknowledged before each kill, and where the
log ended after it.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Any

from streams.config.load import load_config
from streams.log.run import RunDirectory
from streams.replay import replay
from streams.replay.interrupt import Interrupt
from streams.replay.journal import Journal

DIE = -1
MOST_CALLS = 40
LONGEST_S = 0.25


def execute(terms: dict[str, Any]) -> None:
    """One attempt at the run."""
    request = replay.ReplayRequest(
        dataset=Path(terms["dataset"]),
        data=Path(terms["data"]),
        out=Path(terms["out"]),
        orders=terms["orders"],
        seed=7,
        resume=True,
        config=load_config(None, {}, tuple(terms["config"])),
    )
    replay.Replay(request).execute(Interrupt())


def acknowledging(pipe: int) -> None:
    """Let every journal say what is durable after it flushed, as to somebody outside."""
    flush = Journal.flush

    def told(self: Journal) -> None:
        flush(self)
        os.write(pipe, struct.pack("<Q", self.log.inputs.durable_seq))

    Journal.flush = told  # type: ignore[method-assign]


def attempt(terms: dict[str, Any], dice: random.Random, is_last: bool) -> tuple[str, int, int]:
    """(how the child ended, last acknowledged input, exit status)."""
    reading, writing = os.pipe()
    is_inside = dice.random() < 0.5
    nth = dice.randint(1, MOST_CALLS) if is_inside and not is_last else 0
    child = os.fork()
    if child == 0:
        os.close(reading)
        acknowledging(writing)
        if nth:
            ctypes.CDLL(os.environ["LD_PRELOAD"]).shim_arm(ctypes.c_long(nth), ctypes.c_long(DIE))
        execute(terms)
        os._exit(0)
    os.close(writing)
    if not is_inside and not is_last:
        time.sleep(dice.uniform(0.0, LONGEST_S))
        os.kill(child, signal.SIGKILL)
    said = bytearray()
    while part := os.read(reading, 1 << 16):
        said += part
    os.close(reading)
    _, status = os.waitpid(child, 0)
    last = struct.unpack_from("<Q", said, len(said) // 8 * 8 - 8)[0] if len(said) >= 8 else 0
    is_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    kind = ("inside a write" if nth else "at a moment") if is_killed else "ended"
    return kind, last, status


def logged(out: Path) -> int:
    """Last whole input of the log, read as it was left."""
    if not (out / "shard-000").is_dir():
        return 0
    with RunDirectory.open(out, writable=True) as run:
        return run.shard(0).recover().inputs.last_seq


def main() -> None:
    """All attempts."""
    terms = json.loads(sys.argv[1])
    dice, out = random.Random(terms["seed"]), Path(terms["out"])
    replay.SLICE_RECORDS["native"] = terms["slice"]
    kills: dict[str, int] = {}
    lost, runs, furthest = 0, [], 0
    while sum(kills.values()) < terms["kills"]:
        kind, acknowledged, status = attempt(terms, dice, is_last=False)
        if kind == "ended":
            if status != 0:
                sys.exit(f"a child failed: {status}")
            runs.append(str(out))
            out = out.with_name(f"run-{len(runs)}")
            terms["out"] = str(out)
            continue
        kills[kind] = kills.get(kind, 0) + 1
        reached = logged(out) if (out / "manifest.json").exists() else 0
        lost += max(0, acknowledged - reached)
        furthest = max(furthest, reached)
    kind, _, status = attempt(terms, dice, is_last=True)
    if (kind, status) != ("ended", 0):
        sys.exit(f"the last child failed: {kind} {status}")
    runs.append(str(out))
    print(json.dumps({"kills": kills, "lost": lost, "runs": runs, "furthest": furthest}))


if __name__ == "__main__":
    main()

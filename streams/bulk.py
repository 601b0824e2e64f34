"""A run full of made-up decisions, to measure read models on: a real log, the same views.

Each order takes one decision, three children and three fills, as bytes that the engine could have
said. Nothing is decided: prices and sizes follow from numbers, the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from schemas.codes import (
    ChildState,
    ExecType,
    InputType,
    Liquidity,
    OrderState,
    OrdType,
    Outcome,
    OutputType,
    Reason,
    Side,
    TimeInForce,
)
from schemas.decisions import (
    ALLOCATION,
    CANDIDATE,
    CHILD,
    CHILD_STATE,
    DECISION,
    ORDER_STATE,
    QUALITY,
)
from schemas.errors import InputError
from schemas.orders import NEW_ORDER
from schemas.units import NS_PER_MS, NS_PER_S, NS_PER_US, VENUE_NONE
from streams.cli.benchmarks.world import START_NS, TICK_NANOS, World
from streams.clock import Clock
from streams.log.run import RunDirectory
from streams.log.shard_log import ShardLog

INSTRUMENTS, VENUES, CLIENTS, POLICIES = 500, 24, 20, 4
PARTS = 3
CHUNK = 5_000
GAP_NS = 20 * NS_PER_MS
"""An order each 20 ms: a million take five and a half hours of log time."""

GROUP = np.dtype(
    [
        ("decision", DECISION.dtype),
        ("candidates", CANDIDATE.dtype, (VENUES,)),
        ("allocations", ALLOCATION.dtype, (PARTS,)),
        ("children", CHILD.dtype, (PARTS,)),
        ("states", CHILD_STATE.dtype, (PARTS,)),
        ("order", ORDER_STATE.dtype),
    ]
)
OUTPUTS = 2 + 2 * PARTS
ROWS = 1 + 2 * PARTS
"""Rows of decisions, children and fills an order."""

FIRST_INPUTS = INSTRUMENTS + VENUES + 2 * INSTRUMENTS * VENUES
"""Reference records that the run begins with."""
QUALITY_OUTPUTS = INSTRUMENTS * VENUES
BURSTS_PER_S = 20

Array = np.ndarray[Any, Any]


def write_run(folder: Path, decisions: int, chunk: int = CHUNK) -> int:
    """Writes a run of so many decisions and a quality row a listing; how many rows they make.

    Quality is not among the rows that are counted.
    """
    with RunDirectory.create(folder, {"kind": "bulk", "seed": decisions}) as run:
        log = run.shard(0)
        log.open_writers()
        reference = World(INSTRUMENTS, VENUES).reference()
        log.inputs.append(reference, FIRST_INPUTS, START_NS)
        quality = quality_rows()
        log.outputs.append(quality.tobytes(), len(quality), START_NS)
        append(log, chunks(0, decisions, chunk))
    return decisions * ROWS


def append(log: ShardLog, made: Iterator[tuple[Array, Array]]) -> None:
    """Appends orders and what was said of them."""
    for orders, outputs in made:
        log.inputs.append(orders.tobytes(), len(orders), int(orders["log_ns"][-1]))
        last_ns = int(outputs["order"]["log_ns"][-1])
        log.outputs.append(outputs.tobytes(), len(outputs) * OUTPUTS, last_ns)


def goes_on(
    folder: Path, per_s: int, seconds: float, clock: Clock, is_stopped: Callable[[], bool]
) -> None:
    """Appends further orders at a rate, twenty times a second, behind those that are there."""
    chunk = max(1, per_s // BURSTS_PER_S)
    with RunDirectory.open(folder, writable=True) as run:
        log = run.shard(0)
        log.open_writers()
        start = log.inputs.next_seq - 1 - FIRST_INPUTS
        if log.outputs.next_seq - 1 != QUALITY_OUTPUTS + start * OUTPUTS:
            raise InputError(f"{folder}: its last orders have no outputs; write the run anew")
        due_ns = clock.elapsed_ns()
        for made in chunks(start, start + int(per_s * seconds), chunk):
            if is_stopped():
                break
            append(log, iter([made]))
            due_ns += NS_PER_S // BURSTS_PER_S
            clock.sleep_ns(max(0, due_ns - clock.elapsed_ns()))


def quality_rows() -> Array:
    """QUALITY records, one a listing, shape (INSTRUMENTS * VENUES,)."""
    rows = QUALITY.zeros(QUALITY_OUTPUTS)
    numbers = np.arange(QUALITY_OUTPUTS)
    rows["size"], rows["type"], rows["version"] = QUALITY.size, int(OutputType.QUALITY), 1
    rows["instrument"], rows["venue"] = numbers // VENUES, numbers % VENUES
    rows["out_seq"], rows["seq"], rows["log_ns"] = numbers + 1, FIRST_INPUTS, START_NS
    rows["quotes"], rows["observed_ns"] = 1_000 + numbers, NS_PER_S
    return rows


def chunks(start: int, end: int, chunk: int) -> Iterator[tuple[Array, Array]]:
    """(NEW_ORDER records, output records) of the orders `start` to `end`."""
    for first in range(start, end, chunk):
        numbers = np.arange(first, min(first + chunk, end), dtype=np.int64)
        yield new_orders(numbers), outputs_of(numbers)


def decision_id(number: Any) -> Any:
    """Output number of an order's decision."""
    return QUALITY_OUTPUTS + 1 + number * OUTPUTS


def new_orders(numbers: Array) -> Array:
    """NEW_ORDER records, shape (numbers,)."""
    orders = NEW_ORDER.zeros(len(numbers))
    orders["type"], orders["venue"], orders["source"] = int(InputType.NEW_ORDER), VENUE_NONE, 200
    orders["source_seq"] = numbers + 1
    orders["instrument"] = numbers * 7919 % INSTRUMENTS
    orders["log_ns"] = START_NS + numbers * GAP_NS
    orders["cl_ord_id"] = [b"B%d" % n for n in numbers.tolist()]
    orders["account"] = b"BENCH"
    orders["client"] = [b"CLIENT-%d" % (n % CLIENTS) for n in numbers.tolist()]
    orders["trader"] = b"T1"
    orders["order_units"] = 300 * (1 + numbers % 7)
    orders["side"] = sides(numbers)
    orders["ord_type"], orders["time_in_force"] = int(OrdType.MARKET), int(TimeInForce.IOC)
    return orders


def sides(numbers: Array) -> Array:
    """Buys and sells in turn, in each instrument too."""
    return np.where((numbers + numbers // INSTRUMENTS) % 2, int(Side.SELL), int(Side.BUY))


def outputs_of(numbers: Array) -> Array:
    """Output records of orders, shape (numbers,) of GROUP."""
    groups = np.zeros(len(numbers), dtype=GROUP)
    seq, first = FIRST_INPUTS + 1 + numbers, decision_id(numbers)
    fill_decisions(groups, numbers, seq, first)
    for part in range(PARTS):
        child = 1 + numbers * PARTS + part
        venue = (numbers + part * 5) % VENUES
        allocation = groups["allocations"][:, part]
        allocation["venue"], allocation["levels"] = venue, 1
        allocation["units"] = 100 * (1 + numbers % 7)
        head(groups["children"][:, part], OutputType.CHILD, CHILD.size, numbers, seq, 0)
        groups["children"][:, part]["out_seq"] = first + 1 + part
        fill_child(groups["children"][:, part], numbers, seq, first, child, venue)
        head(groups["states"][:, part], OutputType.CHILD_STATE, CHILD_STATE.size, numbers, seq, 1)
        groups["states"][:, part]["out_seq"] = first + 1 + PARTS + part
        fill_state(groups["states"][:, part], numbers, seq, child, venue)
    head(groups["order"], OutputType.ORDER_STATE, ORDER_STATE.size, numbers, seq, 1)
    groups["order"]["out_seq"] = first + 1 + 2 * PARTS
    fill_order(groups["order"], numbers, seq, first)
    return groups


def head(rows: Array, kind: OutputType, size: int, numbers: Array, seq: Array, late: int) -> None:
    """The header of output records; `late` ones come after the venue's answer."""
    rows["size"], rows["type"], rows["version"] = size, int(kind), 1
    rows["instrument"] = numbers * 7919 % INSTRUMENTS
    rows["seq"] = seq
    answer_ns = (300 + numbers * 13 % 900) * NS_PER_US
    rows["log_ns"] = START_NS + numbers * GAP_NS + late * answer_ns


def mids(numbers: Array) -> Array:
    """The mid of each order's instrument."""
    found: Array = (10_000 + numbers * 7919 % INSTRUMENTS % 997) * TICK_NANOS
    return found


def fill_decisions(groups: Array, numbers: Array, seq: Array, first: Array) -> None:
    """The fixed part and the candidates."""
    rows = groups["decision"]
    size = DECISION.size + VENUES * CANDIDATE.size + PARTS * ALLOCATION.size
    head(rows, OutputType.DECISION, size, numbers, seq, 0)
    rows["out_seq"], rows["order_id"] = first, seq
    rows["attempt"], rows["policy"], rows["policy_version"] = 1, 1 + numbers % POLICIES, 1
    rows["side"], rows["outcome"] = sides(numbers), int(Outcome.FULL)
    rows["candidates"], rows["children"] = VENUES, PARTS
    rows["first_child_id"] = 1 + numbers * PARTS
    units = 300 * (1 + numbers % 7)
    rows["remaining_units"] = rows["allocated_units"] = units
    rows["best_price_units"] = rows["sweep_units"] = units
    mid = mids(numbers)
    for name in ("arrival", "protected", "displayed"):
        rows[f"{name}_bid_nanos"], rows[f"{name}_ask_nanos"] = mid - TICK_NANOS, mid + TICK_NANOS
    for name, ticks in (("expected", 1), ("best_price", 2), ("sweep", 2)):
        cost = np.where(numbers % 2, -1, 1) * mid * units + ticks * TICK_NANOS * units
        rows[f"{name}_cost_lo"] = cost.view(np.uint64)
        rows[f"{name}_cost_hi"] = cost >> 63
    rows["cl_ord_id"] = [b"B%d" % n for n in numbers.tolist()]
    rows["account"], rows["time_in_force"] = b"BENCH", int(TimeInForce.IOC)
    groups["candidates"]["venue"] = np.arange(VENUES)
    groups["candidates"]["reason"] = int(Reason.NOTHING_AVAILABLE)


def fill_child(
    rows: Array, numbers: Array, seq: Array, first: Array, child: Array, venue: Array
) -> None:
    """CHILD records behind their header."""
    rows["child_id"], rows["order_id"], rows["decision_id"] = child, seq, first
    rows["units"] = 100 * (1 + numbers % 7)
    rows["limit_nanos"] = mids(numbers) + np.where(numbers % 2, -1, 1) * TICK_NANOS
    rows["venue"], rows["side"] = venue, sides(numbers)
    rows["ord_type"], rows["time_in_force"] = int(OrdType.LIMIT), int(TimeInForce.IOC)
    rows["cl_ord_id"] = [b"B%d" % n for n in numbers.tolist()]
    rows["account"] = b"BENCH"


def fill_state(rows: Array, numbers: Array, seq: Array, child: Array, venue: Array) -> None:
    """CHILD_STATE records: filled at once."""
    rows["child_id"], rows["order_id"], rows["trade_id"] = child, seq, child
    rows["units"] = rows["cum_units"] = rows["last_units"] = 100 * (1 + numbers % 7)
    rows["last_nanos"] = mids(numbers) + np.where(numbers % 2, -1, 1) * TICK_NANOS
    rows["fee_nanos"] = 300_000 * (1 + numbers % 7)
    rows["state"], rows["exec_type"] = int(ChildState.FILLED), int(ExecType.TRADE)
    rows["liquidity"], rows["venue"] = int(Liquidity.TAKE), venue


def fill_order(rows: Array, numbers: Array, seq: Array, first: Array) -> None:
    """ORDER_STATE records: done."""
    units = 300 * (1 + numbers % 7)
    rows["order_id"], rows["decision_id"] = seq, first
    rows["order_units"] = rows["cum_units"] = units
    price = mids(numbers) + np.where(numbers % 2, -1, 1) * TICK_NANOS
    rows["notional_lo"] = (price * units).astype(np.uint64)
    rows["fee_nanos"] = 3 * 300_000 * (1 + numbers % 7)
    rows["state"], rows["reason"] = int(OrderState.DONE), int(Reason.FILLED)
    rows["side"], rows["account"] = sides(numbers), b"BENCH"
    rows["cl_ord_id"] = [b"B%d" % n for n in numbers.tolist()]

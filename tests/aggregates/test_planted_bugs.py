"""The properties bite: each bug planted in a copy of the reference engine's source is caught."""

from __future__ import annotations

import importlib.util
import random
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import pytest

import aggregates
from aggregates import kernel
from schemas.units import INT64_MAX, INT64_MIN
from tests.aggregates import (
    test_bad_input,
    test_conservation,
    test_optimality,
    test_quality,
    test_relabelling,
    test_replay,
    test_scenarios,
)
from tests.aggregates.scenario import Desk, read

CORE = "reference"


def books_balance(seed: int) -> None:
    test_conservation.check(CORE, seed, 1200)


def splits_are_optimal(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(8):
        test_optimality.check(CORE, test_optimality.random_case(rng, 5, 1))


def quality_is_right(seed: int) -> None:
    test_quality.check(CORE, seed, 900)


def labels_are_names(seed: int) -> None:
    test_relabelling.check(CORE, seed, 500)


def restarts_change_nothing(seed: int) -> None:
    test_replay.check_restart(CORE, seed, 500)


def batches_change_nothing(seed: int) -> None:
    test_replay.check_batches(CORE, seed, 400)


def generations_are_checked(seed: int) -> None:
    test_replay.check_generation(CORE, seed, 900)


def scenarios_hold(seed: int) -> None:
    for path in sorted(test_scenarios.FOLDER.glob("*.txt")):
        for scenario in read(path):
            Desk(kernel.load(CORE)).play(scenario)


def clocks_are_not_believed(seed: int) -> None:
    for venue_ns in (0, -1, INT64_MIN, INT64_MAX, 2**62 + 1 + seed):
        desk = test_bad_input.Desk(kernel.load(CORE))
        test_bad_input.test_a_venue_time_that_cannot_be_is_no_delay(desk, venue_ns)


class Bug(NamedTuple):
    """A line of a module, what it becomes, and who must notice."""

    name: str
    module: str
    right: str
    wrong: str
    caught_by: Callable[[int], None]


BUGS = (
    Bug(
        "in flight is not netted",
        "candidates",
        "candidate.own_units = row.in_flight[side] + row.unreflected[side]",
        "candidate.own_units = row.unreflected[side]",
        books_balance,
    ),
    Bug(
        "fills not yet in the feed are not netted",
        "candidates",
        "candidate.own_units = row.in_flight[side] + row.unreflected[side]",
        "candidate.own_units = row.in_flight[side]",
        books_balance,
    ),
    Bug(
        "a trade counts twice",
        "reports",
        "known = child.trades.get(report.trade_id)",
        "known = None",
        books_balance,
    ),
    Bug(
        "fees have the wrong sign",
        "candidates",
        "return fees.per_one(candidate.fee, price_nanos)",
        "return -fees.per_one(candidate.fee, price_nanos)",
        splits_are_optimal,
    ),
    Bug(
        "levels are taken in the order of venues",
        "allocation",
        "return sorted(_keys(task, candidates), key=lambda key: key[:4])",
        "return list(_keys(task, candidates))",
        splits_are_optimal,
    ),
    Bug(
        "ties go to the venue defined first",
        "tables",
        "return self.venues[venue].key, venue",
        "return b'', venue",
        labels_are_names,
    ),
    Bug(
        "kill all does not kill",
        "risk",
        "        shard.kill_all\n",
        "        shard.kill_all is None\n",
        books_balance,
    ),
    Bug(
        "a killed venue is still used",
        "desk",
        "(venue.killed != 0) << index",
        "0 << index",
        books_balance,
    ),
    Bug(
        "unknown is taken for dead",
        "child",
        "OPEN = LIVE | WAITING | {S.UNKNOWN}",
        "OPEN = LIVE | WAITING",
        books_balance,
    ),
    Bug(
        "what is outstanding is sent again",
        "order",
        "max(0, order_units - self.cum_units - self.outstanding_units)",
        "max(0, order_units - self.cum_units)",
        books_balance,
    ),
    Bug(
        "levels beyond the limit are swept",
        "candidates",
        "if not units or sign * price > sign * order.limit_nanos:",
        "if not units:",
        books_balance,
    ),
    Bug(
        "lots are ignored",
        "allocation",
        "more = target - target % candidate.row.lot_units - before",
        "more = target - before",
        books_balance,
    ),
    Bug(
        "minimum sizes are ignored",
        "search",
        "short = [rank for rank in sorted(sizes) if sizes[rank] < floors[rank]]",
        "short = [rank for rank in sorted(sizes) if sizes[rank] < 0 * floors[rank]]",
        books_balance,
    ),
    Bug(
        "one child too many",
        "allocation",
        "len(sizes) >= task.policy.max_children",
        "len(sizes) > task.policy.max_children",
        books_balance,
    ),
    Bug(
        "a fee is booked with the wrong sign",
        "reports",
        "order.fee_nanos += fee_nanos",
        "order.fee_nanos -= fee_nanos",
        books_balance,
    ),
    Bug(
        "a late fill is not booked to the parent",
        "reports",
        "order.cum_units += units",
        "order.cum_units += units if child.state in OPEN else 0",
        books_balance,
    ),
    Bug(
        "a ClOrdID may be used twice",
        "identity",
        "if known is not None and known.transact_ns >= oldest_ns:",
        "if known is not None and known.transact_ns < 0:",
        books_balance,
    ),
    Bug(
        "the past never fades",
        "decay",
        "return ldexp(TABLE[steps & (STEPS - 1)], -shift)",
        "return ldexp(1.0, -shift)",
        quality_is_right,
    ),
    Bug(
        "who was overtaken stays at the best",
        "book",
        "for other in _bits(changed & ~(1 << venue)):",
        "for other in ():",
        quality_is_right,
    ),
    Bug(
        "every child counts as filled",
        "learning",
        "float(min(child.cum_units, asked)) / float(asked)",
        "1.0",
        quality_is_right,
    ),
    Bug(
        "a restart forgets the timers",
        "state",
        "for _ in range(head.timers)]",
        "for _ in range(head.timers)][:0]",
        restarts_change_nothing,
    ),
    Bug(
        "a restart swaps the sides in flight",
        "state_quality",
        '("in_flight_buy", "in_flight_sell")',
        '("in_flight_sell", "in_flight_sell")',
        restarts_change_nothing,
    ),
    Bug(
        "a batch leaves a trace",
        "engine",
        "shard.outputs = bytearray()",
        "shard.outputs = bytearray(); shard.quality_seq += 1",
        batches_change_nothing,
    ),
    Bug(
        "any engine may trade",
        "shard",
        "return self.activated == self.generation",
        "return True",
        generations_are_checked,
    ),
    Bug(
        "a quote is stale one nanosecond too early",
        "candidates",
        "if candidate.age_ns > policy.stale_ns:",
        "if candidate.age_ns >= policy.stale_ns:",
        scenarios_hold,
    ),
    Bug(
        "a limit at the collar is refused",
        "risk",
        "and scaled > mid_x2 * (E9 + collar)",
        "and scaled >= mid_x2 * (E9 + collar)",
        scenarios_hold,
    ),
    Bug(
        "trading goes on through a reference gap",
        "shard",
        "return self.active and self.reference_seen == self.reference_version",
        "return self.active",
        scenarios_hold,
    ),
    Bug(
        "executed quantity that was not reported is sent again",
        "child",
        "and cum_units > executed",
        "and executed > 10**18",
        scenarios_hold,
    ),
    Bug(
        "an overfilled parent goes on",
        "reports",
        "over = order.excess_units > 0",
        "over = False",
        scenarios_hold,
    ),
    Bug(
        "an adverse move is a gain",
        "markouts",
        "evidence.added[index].observe(-move_bps,",
        "evidence.added[index].observe(move_bps,",
        scenarios_hold,
    ),
    Bug(
        "passive fills are taken for aggressive ones",
        "markouts",
        "Liquidity.ADD: MarkoutKind.ADDED",
        "Liquidity.ADD: MarkoutKind.REMOVED",
        quality_is_right,
    ),
    Bug(
        "the drift without our orders is impact",
        "markouts",
        "observe(move_bps - drift_bps,",
        "observe(move_bps,",
        scenarios_hold,
    ),
    Bug(
        "a mid of any age settles",
        "markouts",
        "if shard.log_ns - book.mid_ns > shard.tables.settings.mid_age_ns:",
        "if shard.log_ns < book.mid_ns:",
        quality_is_right,
    ),
    Bug(
        "a halted venue's markouts settle",
        "markouts",
        "elif not trading(shard, book, markout.venue):",
        "elif not markout.sign:",
        scenarios_hold,
    ),
    Bug(
        "markouts age through a halt",
        "markouts",
        "now_ns = row.session.at(now_ns)",
        "now_ns = row.session.at(now_ns) + row.session.paused_ns",
        quality_is_right,
    ),
    Bug(
        "a better price is a gain for buyers only",
        "learning",
        "_sign(child) * (child.far_nanos - price)",
        "(child.far_nanos - price)",
        scenarios_hold,
    ),
    Bug(
        "too little charged is no mismatch",
        "learning",
        "if abs(excess) > ",
        "if excess > ",
        quality_is_right,
    ),
    Bug(
        "a halt ages what was learned",
        "session",
        "stopped_ns = now_ns if self.since_ns == RUNNING else self.since_ns",
        "stopped_ns = now_ns",
        scenarios_hold,
    ),
    Bug(
        "the night is a silence",
        "feed",
        "entry.quality.quote_ns = shard.log_ns",
        "entry.quality.since_ns += 0",
        scenarios_hold,
    ),
    Bug(
        "what was never asked for was not there",
        "evidence",
        "min(size, sent) if sent > smaller else 0",
        "min(size, sent)",
        scenarios_hold,
    ),
    Bug(
        "one good reply heals",
        "health",
        "if quality.clean >= max(quality.clean_needed, settings.clean_run):",
        "if quality.clean >= 1:",
        scenarios_hold,
    ),
    Bug(
        "a relapse costs nothing",
        "health",
        "min(needed * 2, max(settings.clean_run_max, base))",
        "base",
        scenarios_hold,
    ),
    Bug(
        "a fault ends a burst",
        "health",
        "if event in (E.EVIDENCE, E.CLEAN_RUN):",
        "if event:",
        scenarios_hold,
    ),
    Bug(
        "old observations count in full",
        "moments",
        "return self.weight * self.weight / self.weight_squares * w",
        "return self.weight * w",
        quality_is_right,
    ),
    Bug(
        "a quantile is that of half as many",
        "histogram",
        "left = -(-self.total * percent // 100)",
        "left = -(-self.total * percent // 200)",
        quality_is_right,
    ),
    Bug(
        "a repeated quote is a change",
        "quality",
        "    if after == before:\n        return\n    row.changes",
        "    row.changes",
        scenarios_hold,
    ),
    Bug(
        "a venue's clock is believed",
        "feed",
        "0 < header.venue_ns <= MAX_TIME_NS",
        "header.venue_ns",
        clocks_are_not_believed,
    ),
    Bug(
        "a restart forgets the halts that are over",
        "state_quality",
        "clock.paused_ns, clock.since_ns = paused_ns, since_ns",
        "clock.since_ns = since_ns",
        restarts_change_nothing,
    ),
)


def plant(monkeypatch: pytest.MonkeyPatch, bug: Bug) -> None:
    """Lets a fresh copy of the engine, with the bug in it, be what `load` finds."""
    for name in [name for name in sys.modules if name.startswith("aggregates.")]:
        if name not in ("aggregates.kernel", "aggregates._core"):
            monkeypatch.delitem(sys.modules, name)
            monkeypatch.delattr(aggregates, name.removeprefix("aggregates."), raising=False)
    name = f"aggregates.{bug.module}"
    spec = importlib.util.find_spec(name)
    assert spec is not None
    loader: Any = spec.loader
    source = loader.get_source(name)
    assert source.count(bug.right) == 1, f"{bug.module} has changed"
    module = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(source.replace(bug.right, bug.wrong), spec.origin or "", "exec"), module.__dict__)
    monkeypatch.setattr(aggregates, bug.module, module, raising=False)


@pytest.mark.promise(p=24)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_is_caught(monkeypatch: pytest.MonkeyPatch, bug: Bug) -> None:
    plant(monkeypatch, bug)
    with pytest.raises(AssertionError):
        over_seeds(bug.caught_by)


@pytest.mark.parametrize("check", list(dict.fromkeys(bug.caught_by for bug in BUGS)))
def test_a_copy_without_a_bug_passes(
    monkeypatch: pytest.MonkeyPatch, check: Callable[[int], None]
) -> None:
    plant(monkeypatch, Bug("none", "shard", "self.quality_seq = 0", "self.quality_seq = 0", check))
    over_seeds(check, 3)


def over_seeds(check: Callable[[int], None], count: int = 30) -> None:
    """Runs a check on one seed after the other."""
    for seed in range(count):
        check(seed)

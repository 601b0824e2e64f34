"""Six comparisons that must show nothing (DOMAIN 29), each as differences in bps by block.

(b) hands what was learned of each venue to another one after every few orders; what is true of the
market at large survives that, so it is told against frozen quality and against quality that is the
mean of all venues. In (d) and (f)
nobody is informed and nothing leaks, which is less noise to look through. (e) allows a single venue
to every parent. (f) has the same market twice, with other luck of our children: the harness itself,
pairing and intervals, must not show a difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from aggregates import kernel
from schemas.codes import InputType
from schemas.decisions import CHILD
from schemas.envelope import SLOT, SLOTS
from schemas.orders import NEW_ORDER
from streams.evaluation.arms import Setting, reference_of, run_engine
from streams.evaluation.block import LIT
from streams.evaluation.score import shortfall_bps
from streams.evaluation.truth import TrueMarket
from streams.evaluation.worlds import Shape, drawn_preset
from streams.simulator.synthetic.drive import Drive, order_times
from streams.simulator.synthetic.market import RESULT
from streams.simulator.synthetic.terms import Preset
from streams.sources.records import SOURCE_OF_VENUE_0

LIVE, FROZEN = LIT, msgspec.structs.replace(LIT, frozen=True)
MIXED_EVERY = 8
TIMES = ("then_ns", "survival_then_ns")
SUMS = (*TIMES, "weight", "weight_squares", "total", "squares", "jumps", "success", "trials")
ROW_QUALITY, VENUE_QUALITY = ("fill", "evidence", "ack"), ("fill", "reject", "ack")
_MARKET = (InputType.QUOTE, InputType.TRADE, InputType.STATUS)
_VENUE_OF_CHILD = CHILD.offsets()["venue"][0]


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """Name, what a pass means, and the difference of one block.

    An exact one shows 0 in every block or fails, so few orders do. `effort` times as many seeds as
    a plan's own narrow the interval of one with more luck in it.
    """

    name: str
    effort: int = 1
    one_sided: bool = False
    is_exact: bool = False
    difference: Callable[[int, int, int], float]

    @property
    def letter(self) -> str:
        """That of its name."""
        return self.name[1]


def relabelled(venues: int, seed: int, orders: int) -> float:
    """(a) The same market told under other dense ids, keys unchanged."""
    setting = _setting(Shape(venues=venues), seed, orders)
    order = np.random.default_rng(seed).permutation(venues)
    plain = run_engine(setting, LIVE)
    return _mean(_run_relabelled(setting, [int(v) for v in order]), setting) - _mean(plain, setting)


def permuted_quality(venues: int, seed: int, orders: int) -> float:
    """(b) Gain of live quality where it is about another venue."""
    setting = _setting(Shape(venues=venues), seed, orders)
    frozen = _mean(run_engine(setting, FROZEN), setting)
    return frozen - _mixed(setting, is_pooled=False)


def pooled_quality(venues: int, seed: int, orders: int) -> float:
    """(b, against pooled) The same against what all venues together have taught."""
    setting = _setting(Shape(venues=venues), seed, orders)
    return _mixed(setting, is_pooled=True) - _mixed(setting, is_pooled=False)


def equal_fees(venues: int, seed: int, orders: int) -> float:
    """(c) Fee-aware minus fee-blind where everybody charges the same."""
    setting = _setting(Shape(venues=venues, equal_fees=True), seed, orders)
    blind = msgspec.structs.replace(LIT, fee_aware=False)
    return _mean(run_engine(setting, LIVE), setting) - _mean(run_engine(setting, blind), setting)


def identical_venues(venues: int, seed: int, orders: int) -> float:
    """(d) Live minus frozen among venues of the same habits."""
    return _live_gain(Shape(venues=venues, identical=True, calm=True), seed, orders)


def one_venue(venues: int, seed: int, orders: int) -> float:
    """(e) Largest difference between immediate policies with one venue allowed."""
    preset = drawn_preset(Shape(venues=venues), seed)
    costs = []
    for policy in (1, 2, 3):
        setting = OneVenue(preset=preset, seed=seed, orders=orders, policy=policy)
        costs.append(_mean(run_engine(setting, LIVE), setting))
    return max(costs) - min(costs)


def other_stream(venues: int, seed: int, orders: int) -> float:
    """(f) The same router in the same market, its children with another random stream."""
    setting = _setting(Shape(venues=venues, calm=True), seed, orders)
    again = msgspec.structs.replace(setting, child_stream=1)
    return _mean(run_engine(setting, LIVE), setting) - _mean(run_engine(again, LIVE), again)


CONTROLS = (
    Control(name="(a) relabelled venues", is_exact=True, difference=relabelled),
    Control(
        name="(b) quality of other venues", effort=3, one_sided=True, difference=permuted_quality
    ),
    Control(
        name="(b) the same, against pooled", effort=3, one_sided=True, difference=pooled_quality
    ),
    Control(name="(c) equal fees", is_exact=True, difference=equal_fees),
    Control(name="(d) identical venues", effort=5, difference=identical_venues),
    Control(name="(e) one venue", is_exact=True, difference=one_venue),
    Control(name="(f) another random stream", effort=5, difference=other_stream),
)


class QualityMixer:
    """A `Watch` that moves all learned quality on to other lit venues, every few orders, or gives
    each of them the mean of all.

    It works on the canonical state through the readable core: rows by instrument and the roll-up of
    each venue move together; books, fees and what is in flight stay.
    """

    def __init__(self, engine: Any, preset: Preset, seed: int, *, is_pooled: bool) -> None:
        self.engine, self.is_pooled = engine, is_pooled
        self.lit = [at for at, venue in enumerate(preset.venues) if venue.kind == "lit"]
        self.chance = np.random.default_rng(seed)
        self.orders = 0

    def __call__(self, inputs: Any, outputs: bytes) -> None:  # noqa: ARG002
        at = 0
        while at < len(inputs):
            self.orders += inputs[at] == InputType.NEW_ORDER
            at += SLOTS[InputType(inputs[at])] * SLOT
        if self.orders >= MIXED_EVERY:
            self.orders = 0
            self.mix()

    def mix(self) -> None:
        """Venue k of the lit ones gets what was learned of venue k + shift, or of all."""
        told = kernel.load("reference")
        told.restore(self.engine.state_bytes())
        shard = told.state  # type: ignore[attr-defined]
        shift = int(self.chance.integers(1, len(self.lit)))
        venues = shard.tables.venues
        groups = [[book.rows[v] for v in self.lit] for book in shard.books]
        for rows in groups:
            _mix(rows, shift, ROW_QUALITY, is_pooled=self.is_pooled)
        qualities = [venues[v].quality for v in self.lit]
        _mix(qualities, shift, VENUE_QUALITY, is_pooled=self.is_pooled)
        self.engine.restore(told.state_bytes())


def _mix(places: list[Any], shift: int, names: tuple[str, ...], *, is_pooled: bool) -> None:
    for name in names:
        values = [getattr(place, name) for place in places]
        if is_pooled:
            _pool(values)
            continue
        for place, value in zip(places, values[shift:] + values[:shift], strict=True):
            setattr(place, name, value)


def _pool(values: list[Any]) -> None:
    """Every statistic that a decision reads becomes the mean of all: moments, survival counts."""
    for name in SUMS:
        if hasattr(values[0], name):
            parts = np.array([getattr(value, name) for value in values], dtype=float)
            mean = parts.max(axis=0) if name in TIMES else parts.mean(axis=0)
            for value in values:
                setattr(value, name, int(mean) if name in TIMES else mean.tolist())


def _mixed(setting: Setting, *, is_pooled: bool) -> float:
    """Mean cost of live quality that is mixed among the venues."""
    market, parents = setting.market(), setting.parents()
    market.add_orders(parents)
    engine = kernel.load()
    engine.step(reference_of(setting.preset, LIVE))
    watch = QualityMixer(engine, setting.preset, setting.seed, is_pooled=is_pooled)
    Drive(engine, market, order_times(parents, NEW_ORDER.size), watch).run(setting.end_ns)
    return _mean(np.frombuffer(market.results(), RESULT.dtype), setting)


class OneVenue(Setting, frozen=True, kw_only=True):
    """A setting whose parents may go to the first venue only."""

    policy: int

    def parents(self) -> bytes:
        records = np.frombuffer(super().parents(), NEW_ORDER.dtype).copy()
        records["venues_allowed"] = 1
        records["policy"] = self.policy
        return records.tobytes()


def _setting(shape: Shape, seed: int, orders: int) -> Setting:
    return Setting(preset=drawn_preset(shape, seed), seed=seed, orders=orders)


def _mean(results: Any, setting: Setting) -> float:
    return float(np.nanmean(shortfall_bps(results, setting.preset)))


def _live_gain(shape: Shape, seed: int, orders: int) -> float:
    setting = _setting(shape, seed, orders)
    return _mean(run_engine(setting, FROZEN), setting) - _mean(run_engine(setting, LIVE), setting)


def _run_relabelled(setting: Setting, order: list[int]) -> Any:
    """`order[new]` is the market's id of the engine's venue `new`."""
    preset = setting.preset
    told = msgspec.structs.replace(preset, venues=tuple(preset.venues[v] for v in order))
    market, orders = setting.market(), setting.parents()
    market.add_orders(orders)
    engine = kernel.load()
    engine.step(reference_of(told, LIVE))
    gateway: Any = Relabelled(market, order)
    Drive(engine, gateway, order_times(orders, NEW_ORDER.size)).run(setting.end_ns)
    return np.frombuffer(market.results(), RESULT.dtype)


class Relabelled:
    """A market whose venues carry other ids towards the engine."""

    def __init__(self, market: TrueMarket, order: list[int]) -> None:
        self.market, self.order = market, order
        self.new = {old: new for new, old in enumerate(order)}
        self.cancel, self.replace, self.query = market.cancel, market.replace, self.ask
        self.shortest_out_ns = market.shortest_out_ns

    @property
    def now_ns(self) -> int:
        """As the market's."""
        return self.market.now_ns

    @property
    def next_record_ns(self) -> int:
        """As the market's."""
        return self.market.next_record_ns

    def pull(self, until_ns: int, most_bytes: int) -> bytes:
        """The market's records under the engine's ids."""
        batch = bytearray(self.market.pull(until_ns, most_bytes))
        at = 0
        while at < len(batch):
            kind = batch[at]
            if kind in _MARKET or kind == InputType.EXEC_REPORT:
                batch[at + 2] = self.new[batch[at + 2]]
            if kind in _MARKET:
                batch[at + 3] = batch[at + 2] + SOURCE_OF_VENUE_0
            at += SLOTS[InputType(kind)] * SLOT
        return bytes(batch)

    def ask(self, child_id: int, venue: int, sent_ns: int) -> None:
        """A question under the market's ids."""
        self.market.query(child_id, self.order[venue], sent_ns)

    def submit(self, record: bytes, sent_ns: int) -> None:
        """A child under the market's ids."""
        changed = bytearray(record)
        changed[_VENUE_OF_CHILD] = self.order[changed[_VENUE_OF_CHILD]]
        self.market.submit(changed, sent_ns)


def tolerance_bps(preset: Preset) -> float:
    """What counts as nothing: min(0.05 bp, 2 % of the usual spread)."""
    spreads = [
        2.0 * min(v.half_spread_ticks for v in preset.venues) * float(t.tick) / float(t.price) * 1e4
        for t in preset.instruments
    ]
    return min(0.05, 0.02 * sum(spreads) / len(spreads))

"""Seeded parent orders over a recorded market: the same seed and data give the same orders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from numpy.typing import NDArray

from schemas.codes import InputType, OrdType, Side, TimeInForce
from schemas.errors import InputError
from schemas.orders import NEW_ORDER
from schemas.units import VENUE_NONE, price_nanos, units_from_text
from streams.sources.base import DatasetReader
from streams.sources.records import Records
from streams.sources.rows import Ints
from streams.sources.touch import Touch, TouchTracker, is_top_quote

SOURCE_ORDERS = 200
AGENCY = ord("A")


@dataclass(frozen=True)
class OrderMix:
    """What the drawn orders look like; arrays are by dense instrument id."""

    symbols: tuple[str, ...]
    venues: int
    tick_nanos: Ints
    lot_units: Ints
    touch_e3: Ints
    """Sizes as thousandths of the touch on the side taken."""
    policies: tuple[int, ...] = (1, 2, 3, 4)
    accounts: int = 4
    ioc_share: float = 0.6
    max_through_ticks: int = 2


@dataclass(frozen=True)
class Draw:
    """Quote rows drawn so far: the `count` smallest random keys win. All arrays have shape (k,)."""

    key: NDArray[np.float64]
    place: Ints
    log_ns: Ints
    instrument: Ints
    touch: Touch

    def take(self, index: Ints) -> Draw:
        """The draw's rows of `index`."""
        touch = Touch(**{name: value[index] for name, value in vars(self.touch).items()})
        rest = {n: v[index] for n, v in vars(self).items() if n != "touch"}
        return replace(self, touch=touch, **rest)

    def joined(self, other: Draw) -> Draw:
        """Both draws' rows."""
        pairs = {n: (v, vars(other.touch)[n]) for n, v in vars(self.touch).items()}
        touch = Touch(**{name: np.concatenate(pair) for name, pair in pairs.items()})
        rest = {
            n: np.concatenate((v, vars(other)[n])) for n, v in vars(self).items() if n != "touch"
        }
        return replace(self, touch=touch, **rest)


def order_mix(reader: DatasetReader, policies: tuple[int, ...] = (1, 2, 3, 4)) -> OrderMix:
    """The dataset's own terms: symbols, ticks, round lots and sizes as multiples of the touch."""
    measures = reader.dataset.instruments
    symbols = tuple(reader.instruments())
    lot = units_from_text(measures.round_lot, measures.decimals)
    multiples = [units_from_text(text, 3) for text in reader.dataset.replay.touch_multiples]
    return OrderMix(
        symbols,
        len(reader.dataset.venues),
        np.full(len(symbols), price_nanos(measures.tick), dtype=np.int64),
        np.full(len(symbols), lot, dtype=np.int64),
        np.array(multiples, dtype=np.int64),
        policies,
    )


def seeded_orders(
    chunks: Iterable[Records], count: int, seed: int, mix: OrderMix
) -> NDArray[np.void]:
    """`count` NEW_ORDER records, shape (count,), drawn uniformly over the two-sided quote rows.

    One pass over `chunks`; chunk sizes do not matter. InputError when the market is too short.
    """
    place_seed, terms_seed = SeedSequence(seed).spawn(2)
    tracker = TouchTracker(len(mix.symbols), mix.venues)
    draw = _draw_rows(chunks, count, Generator(PCG64(place_seed)), tracker)
    if len(draw.key) < count:
        raise InputError(
            f"--orders {count}: the dataset has {len(draw.key)} two-sided quotes; ask for fewer"
        )
    orders = _orders(draw.take(np.argsort(draw.place)), Generator(PCG64(terms_seed)), mix)
    orders["cl_ord_id"] = [b"R%d-%06d" % (seed, i + 1) for i in range(count)]
    return orders


def _draw_rows(
    chunks: Iterable[Records], count: int, rng: Generator, tracker: TouchTracker
) -> Draw:
    draw: Draw | None = None
    seen = 0
    for chunk in chunks:
        quotes = chunk[is_top_quote(chunk)]
        fresh = _draw_chunk(quotes, count, draw, rng, tracker, seen)
        seen += len(quotes)
        draw = fresh if draw is None else draw.joined(fresh)
        draw = draw.take(np.argsort(draw.key, kind="stable")[:count])
    if draw is None:
        raise InputError("the dataset has no record; check --data")
    return draw


def _draw_chunk(
    quotes: Records,
    count: int,
    so_far: Draw | None,
    rng: Generator,
    tracker: TouchTracker,
    seen: int,
) -> Draw:
    """Rows of one chunk that may still be among the `count` smallest keys."""
    key = rng.random(len(quotes))
    full = so_far is not None and len(so_far.key) == count and count > 0
    limit = so_far.key[-1] if so_far is not None and full else 1.0
    chosen = np.flatnonzero(key < limit)
    touch = tracker.advance(quotes, chosen)
    rows = Draw(
        key[chosen],
        chosen + seen,
        quotes["log_ns"][chosen],
        quotes["instrument"][chosen].astype(np.int64),
        touch,
    )
    return rows.take(np.flatnonzero(touch.is_two_sided))


def _orders(draw: Draw, rng: Generator, mix: OrderMix) -> NDArray[np.void]:
    count = len(draw.key)
    orders = NEW_ORDER.zeros(count)
    is_buy = rng.random(count) < 0.5
    orders["type"] = int(InputType.NEW_ORDER)
    orders["venue"] = VENUE_NONE
    orders["source"] = SOURCE_ORDERS
    orders["source_seq"] = np.arange(1, count + 1)
    orders["instrument"] = draw.instrument
    for name in ("log_ns", "transact_ns", "receive_ns"):
        orders[name] = draw.log_ns
    orders["side"] = np.where(is_buy, int(Side.BUY), int(Side.SELL))
    orders["order_units"] = _sizes(draw, is_buy, rng, mix)
    _set_limits(orders, draw, is_buy, rng, mix)
    is_ioc = rng.random(count) < mix.ioc_share
    orders["time_in_force"] = np.where(is_ioc, int(TimeInForce.IOC), int(TimeInForce.DAY))
    orders["capacity"] = AGENCY
    orders["post_permission"] = 1
    _set_names(orders, mix)
    return orders


def _sizes(draw: Draw, is_buy: NDArray[np.bool_], rng: Generator, mix: OrderMix) -> Ints:
    touch = np.where(is_buy, draw.touch.ask_units, draw.touch.bid_units)
    multiple = mix.touch_e3[rng.integers(0, len(mix.touch_e3), len(touch))]
    lot = mix.lot_units[draw.instrument]
    wanted = touch // 1000 * multiple + touch % 1000 * multiple // 1000
    sizes: Ints = np.maximum(wanted // lot, 1) * lot
    return sizes


def _set_limits(
    orders: NDArray[np.void], draw: Draw, is_buy: NDArray[np.bool_], rng: Generator, mix: OrderMix
) -> None:
    """A third market, a third limited at the far touch, a third up to some ticks through it."""
    count = len(orders)
    kind = rng.integers(0, 3, count)
    ticks = np.where(kind == 2, rng.integers(1, mix.max_through_ticks + 1, count), 0)
    through = ticks * mix.tick_nanos[draw.instrument]
    ask, bid = draw.touch.ask_nanos, draw.touch.bid_nanos
    limit = np.where(is_buy, ask + through, np.where(bid > through, bid - through, bid))
    orders["ord_type"] = np.where(kind == 0, int(OrdType.MARKET), int(OrdType.LIMIT))
    orders["limit_nanos"] = np.where(kind == 0, 0, limit)


def _set_names(orders: NDArray[np.void], mix: OrderMix) -> None:
    count = len(orders)
    turn = np.arange(count)
    symbols = np.array([symbol.encode()[:32] for symbol in mix.symbols], dtype="S32")
    account = turn % mix.accounts + 1
    orders["account"] = [b"ACC-%d" % i for i in account]
    orders["client"] = [b"CLIENT-%d" % i for i in account]
    orders["session"] = b"REPLAY"
    orders["symbol"] = symbols[orders["instrument"]]
    orders["policy"] = np.array(mix.policies)[turn % len(mix.policies)]

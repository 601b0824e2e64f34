"""A plain seeded market: one efficient price per instrument, many venues quoting around it.

Every number is keyed by (seed, what it is for), so the stream is the same however it is cut into
chunks. A venue quotes at its own rate, spread and size around the price as it was a little earlier:
stale venues much earlier, so that they are crossed for a while. Fading venues show their full size
half of the time, flaky ones halt. Prints trade against the quote that stood before an update.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.codes import InputType, QuoteFlag, TradeCondition, VenueStatus
from schemas.market import QUOTE, STATUS, TRADE
from schemas.units import INSTRUMENT_NONE, NS_PER_MS, NS_PER_S
from streams.simulator.noise import Ints, below, noise
from streams.simulator.plain_config import LEVELS, QUARTERS, STEP_NS, TICK_NANOS, PlainConfig
from streams.simulator.plain_orders import plain_orders
from streams.simulator.plain_reference import instrument_keys, plain_reference
from streams.simulator.plain_venues import plain_traits
from streams.simulator.walk import Walk
from streams.sources.records import SOURCE_OF_VENUE_0, Records, number, ordered

__all__ = ["PlainConfig", "PlainMarket"]

_JITTER, _SKEW, _SIZE, _FADE, _PRINT, _HALT, _FEED, _RATE = range(10, 18)
_PRINT_ONE_IN = 4
_SLOWEST_NS = NS_PER_S
_SKEW_NS = 50 * NS_PER_MS
_SIZE_NS, _FADE_NS = 2 * NS_PER_S, 40 * NS_PER_MS
_HALT_CELL_NS, _HALT_ONE_IN = 20 * NS_PER_S, 3
_HALT_STARTS_NS, _HALT_LASTS_NS = 5 * NS_PER_S, 2 * NS_PER_S
_LEVEL = np.arange(LEVELS)


@dataclass
class Updates:
    """Book updates, shape (n,): the k-th of a book, since the start of the market."""

    book: Ints
    count: Ints
    since_ns: Ints

    def where(self, chosen: NDArray[np.bool_]) -> Updates:
        return Updates(self.book[chosen], self.count[chosen], self.since_ns[chosen])


@dataclass
class Ladders:
    """What updates show: prices in ticks and units, shape (n, LEVELS), best first."""

    bid: Ints
    bid_units: Ints
    ask: Ints
    ask_units: Ints


class PlainMarket:
    """Market records, reference records and parent orders of one seed."""

    def __init__(self, config: PlainConfig) -> None:
        config.check()
        self.config = config
        self.traits = plain_traits(config)
        books = np.arange(config.venues * config.instruments)
        self.venue, self.instrument = books % config.venues, books // config.venues
        weight = self.traits.update_weight[self.venue] * (
            1 + below(3, config.seed, _RATE, self.instrument)
        )
        per_update = LEVELS + 1 / _PRINT_ONE_IN
        every_ns = per_update * NS_PER_S * int(weight.sum()) / config.records_per_s
        self.period_ns = np.clip((every_ns / weight).astype(np.int64), 1_000, _SLOWEST_NS)

    @property
    def venue_latencies(self) -> list[tuple[int, int]]:
        """(way out, way back) in ns by dense venue."""
        pairs = zip(self.traits.out_ns.tolist(), self.traits.back_ns.tolist(), strict=True)
        return list(pairs)

    def instruments(self) -> list[str]:
        """Instrument keys; the place in the list is the dense id."""
        return instrument_keys(self.config.instruments)

    def reference(self) -> bytes:
        """INSTRUMENT, VENUE, LISTING and FEE records of source 0, as of the start."""
        return b"".join(plain_reference(self.config).records)

    def next_reference_seq(self) -> int:
        """The source_seq that the next record of source 0 must carry."""
        return plain_reference(self.config).next_seq

    def orders(self, count: int) -> bytes:
        """`count` NEW_ORDER records of source 200 in time order, the first after two seconds."""
        return plain_orders(self.config, count)

    def chunks(
        self, duration_ns: int = 2**62, span_ns: int = 100 * NS_PER_MS, first_ns: int = 0
    ) -> Iterator[Records]:
        """Market records in order, one array per `span_ns`, dtype QUOTE.dtype as readers give.

        Each call starts anew; the bytes do not depend on `span_ns`. With `first_ns` the records
        before it are left out, and each venue is numbered from there.
        """
        walk = Walk(self.config)
        walk.skip_to((first_ns - 2 * _SLOWEST_NS) // STEP_NS)
        last_seq = np.zeros(256, dtype=np.uint64)
        for since_ns in range(first_ns, duration_ns, span_ns):
            until_ns = min(since_ns + span_ns, duration_ns)
            records = ordered(self._parts(walk, since_ns, until_ns))
            number(records, last_seq)
            walk.forget(since_ns // STEP_NS - 2 * _SLOWEST_NS // STEP_NS)
            if len(records):
                yield records

    def _parts(self, walk: Walk, since_ns: int, until_ns: int) -> list[Records]:
        """Records of a span by kind, so that a stop comes first and a print before its quote."""
        updates = self._updates(since_ns, until_ns)
        updates = updates.where(~self._is_halted(updates))
        return [
            self._stops(since_ns, until_ns),
            self._prints(walk, updates),
            self._quotes(walk, updates),
        ]

    def _updates(self, since_ns: int, until_ns: int) -> Updates:
        """Every book updates once in each of its periods, at a keyed moment."""
        first = np.maximum(since_ns // self.period_ns, 0)
        counts = (until_ns - 1) // self.period_ns - first + 1
        book = np.repeat(np.arange(len(first)), counts)
        within = np.arange(len(book)) - np.repeat(np.cumsum(counts) - counts, counts)
        updates = self._at(book, first[book] + within)
        return updates.where((updates.since_ns >= since_ns) & (updates.since_ns < until_ns))

    def _at(self, book: Ints, count: Ints) -> Updates:
        period_ns = self.period_ns[book]
        jitter_ns = below(period_ns, self.config.seed, _JITTER, book, count)
        return Updates(book, count, count * period_ns + jitter_ns)

    def _is_halted(self, updates: Updates) -> NDArray[np.bool_]:
        venue, cell = self.venue[updates.book], updates.since_ns // _HALT_CELL_NS
        within_ns = updates.since_ns % _HALT_CELL_NS - _HALT_STARTS_NS
        is_within: NDArray[np.bool_] = (within_ns >= 0) & (within_ns < _HALT_LASTS_NS)
        return self._halts(venue, cell) & is_within

    def _halts(self, venue: Ints, cell: Ints) -> NDArray[np.bool_]:
        drawn = below(_HALT_ONE_IN, self.config.seed, _HALT, venue, cell) == 0
        halts: NDArray[np.bool_] = drawn & (self.traits.is_flaky[venue] == 1)
        return halts

    def _stops(self, since_ns: int, until_ns: int) -> Records:
        """STATUS records of whole venues: HALTED, and OPEN again."""
        cells = np.arange(since_ns // _HALT_CELL_NS, until_ns // _HALT_CELL_NS + 1)
        venue = np.repeat(np.arange(self.config.venues), len(cells))
        cell = np.tile(cells, self.config.venues)
        halts = self._halts(venue, cell)
        starts_ns = cell[halts] * _HALT_CELL_NS + _HALT_STARTS_NS
        when_ns = np.concatenate([starts_ns, starts_ns + _HALT_LASTS_NS])
        status = np.repeat([int(VenueStatus.HALTED), int(VenueStatus.OPEN)], len(starts_ns))
        inside = (when_ns >= since_ns) & (when_ns < until_ns)
        records = STATUS.zeros(int(inside.sum()))
        self._head(records, InputType.STATUS, np.tile(venue[halts], 2)[inside], when_ns[inside])
        records["instrument"] = INSTRUMENT_NONE
        records["status"] = status[inside]
        return records.view(QUOTE.dtype)

    def _quotes(self, walk: Walk, updates: Updates) -> Records:
        ladders = self._ladders(walk, updates)
        records = QUOTE.zeros(len(updates.book) * LEVELS)
        book = np.repeat(updates.book, LEVELS)
        self._head(records, InputType.QUOTE, self.venue[book], np.repeat(updates.since_ns, LEVELS))
        records["instrument"] = self.instrument[book]
        more = np.where(_LEVEL < LEVELS - 1, int(QuoteFlag.MORE), 0)
        records["flags"] = np.tile(_LEVEL | more, len(updates.book))
        records["bid_nanos"] = ladders.bid.ravel() * TICK_NANOS
        records["bid_units"] = ladders.bid_units.ravel()
        records["ask_nanos"] = ladders.ask.ravel() * TICK_NANOS
        records["ask_units"] = ladders.ask_units.ravel()
        return records

    def _prints(self, walk: Walk, updates: Updates) -> Records:
        """A share of updates follows a trade at the touch that stood before them."""
        drawn = noise(self.config.seed, _PRINT, updates.book, updates.count)
        before = self._at(updates.book, updates.count - 1)
        traded = (drawn % np.uint64(_PRINT_ONE_IN) == 0) & (updates.count > 0)
        traded &= ~self._is_halted(before)
        now, before = updates.where(traded), before.where(traded)
        drawn = (drawn[traded] >> np.uint64(8)).astype(np.int64)
        is_buy = drawn % 2 == 0
        ladders = self._ladders(walk, before)
        touch_units = np.where(is_buy, ladders.ask_units[:, 0], ladders.bid_units[:, 0])
        records = TRADE.zeros(len(now.book))
        self._head(records, InputType.TRADE, self.venue[now.book], now.since_ns)
        records["instrument"] = self.instrument[now.book]
        records["price_nanos"] = np.where(is_buy, ladders.ask[:, 0], ladders.bid[:, 0]) * TICK_NANOS
        records["units"] = 1 + (drawn >> 4) % touch_units
        records["trade_id"] = now.book << 40 | now.count
        is_iso = drawn >> 1 & 7 == 0
        records["conditions"] = np.where(is_iso, int(TradeCondition.ISO), 0)
        records["conditions"] |= int(TradeCondition.REGULAR)
        records["aggressor"] = np.where(is_buy, 1, 2)
        return records.view(QUOTE.dtype)

    def _ladders(self, walk: Walk, updates: Updates) -> Ladders:
        venue, instrument = self.venue[updates.book], self.instrument[updates.book]
        seen_ns = updates.since_ns - self.traits.lag_ns[venue] + NS_PER_S
        skew = below(3, self.config.seed, _SKEW, updates.book, updates.since_ns // _SKEW_NS) - 1
        fair = walk.at(instrument, seen_ns // STEP_NS) + skew
        half = self.traits.half_spread_quarters[venue]
        bid = ((fair - half) // QUARTERS)[:, None] - _LEVEL
        ask = -(-(fair + half) // QUARTERS)[:, None] + _LEVEL
        bid_units = self._sizes(updates, venue, 1, bid)
        return Ladders(bid, bid_units, ask, self._sizes(updates, venue, 2, ask))

    def _sizes(self, updates: Updates, venue: Ints, side: int, ticks: Ints) -> Ints:
        """Sizes stay with their price for a while; a fading venue's vanish and come back."""
        book, since_ns = updates.book[:, None], updates.since_ns[:, None]
        drawn = below(5, self.config.seed, _SIZE, side, book, ticks, since_ns // _SIZE_NS)
        units = self.traits.base_units[venue][:, None] * (2 + drawn) * (2 + _LEVEL) // 8
        fades = below(2, self.config.seed, _FADE, side, book, since_ns // _FADE_NS)
        return np.where(fades * self.traits.is_fading[venue][:, None] == 1, units // 8, units)

    def _head(self, records: Records, kind: InputType, venue: Ints, since_ns: Ints) -> None:
        delay_ns = self.traits.feed_ns[venue]
        late_ns = below(delay_ns // 4 + 1, self.config.seed, _FEED, venue, since_ns)
        records["type"] = int(kind)
        records["venue"] = venue
        records["source"] = venue + SOURCE_OF_VENUE_0
        records["log_ns"] = self.config.start_ns + since_ns
        records["venue_ns"] = self.config.start_ns + since_ns - delay_ns - late_ns

"""A world for the engine benchmarks: any number of instruments and venues, quotes and orders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import PCG64, Generator

from aggregates import kernel
from aggregates.kernel import Engine
from schemas.codes import InputType, Liquidity, OrdType, QuoteFlag, Side, TimeInForce, VenueStatus
from schemas.market import QUOTE
from schemas.orders import NEW_ORDER
from schemas.reference import FEE, INSTRUMENT, LISTING, VENUE
from schemas.units import INSTRUMENT_NONE, NS_PER_S, NS_PER_US, VENUE_NONE
from streams.config.records import config_records
from streams.config.sections import EngineConfig, Orders
from streams.sources.orders import SOURCE_ORDERS
from streams.sources.records import SOURCE_OF_VENUE_0, Records, number
from streams.sources.reference import ReferenceStream

START_NS = 1_700_000_000 * NS_PER_S
TICK_NANOS = 10_000_000
LEVELS = 5
AWAYS = 3
"""Places of a touch: so many ticks and fewer from the best."""
TAKE_FEES = (3_000_000, 900_000, -1_400_000, 0)
"""Nanos a unit, by venue; `core/script.cpp` charges the same."""
STALE_MS, HORIZON_MS = 3_600_000, 60_000
CONFIG = EngineConfig(orders=Orders(linger_s=1, identity_window_s=10))
"""Finished orders are soon forgotten, so that a million of them do not change what is measured."""


@dataclass(frozen=True)
class World:
    """Its size; everything in it follows from the seed."""

    instruments: int
    venues: int
    seed: int = 1
    ticket_nanos: int = 0

    def engine(self) -> Engine:
        """A native engine that knows the world and has seen no quote."""
        engine = kernel.load("native")
        engine.step(self.setup())
        return engine

    def setup(self) -> bytes:
        """All reference records: the world and the configuration."""
        records = self.reference()
        return records + config_records(CONFIG, records, stale_ms=STALE_MS, horizon_ms=HORIZON_MS)

    def reference(self) -> bytes:
        """INSTRUMENT, VENUE, LISTING and FEE records."""
        stream = ReferenceStream(START_NS)
        for instrument in range(self.instruments):
            header = stream.header(InputType.INSTRUMENT, VENUE_NONE, instrument)
            stream.records.append(_instrument(header, instrument))
        for venue in range(self.venues):
            header = stream.header(InputType.VENUE, venue, INSTRUMENT_NONE)
            stream.records.append(_venue(header, venue))
        for venue in range(self.venues):
            for instrument in range(self.instruments):
                stream.records.append(_listing(stream, venue, instrument, self.ticket_nanos))
                stream.records.append(_fee(stream, venue, instrument))
        return b"".join(stream.records)

    def books(self, log_ns: int, last_seq: np.ndarray) -> Records:
        """All levels of every book once, shape (instruments * venues * LEVELS,)."""
        cells = self.instruments * self.venues
        instrument = np.repeat(np.arange(cells) // self.venues, LEVELS)
        venue = np.repeat(np.arange(cells) % self.venues, LEVELS)
        level = np.tile(np.arange(LEVELS), cells)
        # Behind the farthest touch that ticks give, so that a book keeps all of its levels.
        records = self._quotes(instrument, venue, np.where(level > 0, level + AWAYS - 1, 0))
        records["flags"] = level | np.where(level < LEVELS - 1, int(QuoteFlag.MORE), 0)
        records["log_ns"] = log_ns
        number(records, last_seq)
        return records

    def ticks(self, count: int, log_ns: int, last_seq: np.ndarray) -> Records:
        """Top-of-book quotes of random books, one a microsecond, shape (count,)."""
        rng = Generator(PCG64([self.seed, log_ns % 2**32]))
        instrument = rng.integers(0, self.instruments, count)
        venue = rng.integers(0, self.venues, count)
        records = self._quotes(instrument, venue, rng.integers(0, AWAYS, count))
        records["log_ns"] = log_ns + np.arange(1, count + 1) * NS_PER_US
        records["venue_ns"] = records["log_ns"] - rng.integers(50_000, 500_000, count)
        number(records, last_seq)
        return records

    def orders(self, count: int, first: int) -> np.ndarray:
        """IOC orders over all instruments, numbered from `first`; the caller sets their times."""
        place = np.arange(first, first + count)
        orders = NEW_ORDER.zeros(count)
        orders["type"] = int(InputType.NEW_ORDER)
        orders["venue"], orders["source"] = VENUE_NONE, SOURCE_ORDERS
        orders["source_seq"] = place + 1
        orders["instrument"] = place * 7919 % self.instruments
        orders["cl_ord_id"] = [b"B%d" % n for n in place]
        orders["account"] = b"BENCH"
        orders["order_units"] = 1_000 + place % 5 * 400
        orders["side"] = np.where(place % 2, int(Side.SELL), int(Side.BUY))
        orders["ord_type"] = int(OrdType.MARKET)
        orders["time_in_force"] = int(TimeInForce.IOC)
        orders["policy"] = 2
        orders["capacity"] = ord("A")
        return orders

    def _quotes(self, instrument: np.ndarray, venue: np.ndarray, away: np.ndarray) -> Records:
        """Quotes `away` ticks from each instrument's middle."""
        records = QUOTE.zeros(len(instrument))
        records["type"] = int(InputType.QUOTE)
        records["venue"] = venue
        records["source"] = venue + SOURCE_OF_VENUE_0
        records["instrument"] = instrument
        middle = (10_000 + instrument % 997) * TICK_NANOS
        records["bid_nanos"] = middle - (1 + away) * TICK_NANOS
        records["ask_nanos"] = middle + (1 + away) * TICK_NANOS
        records["bid_units"] = 100 + (instrument + venue) % 7 * 100
        records["ask_units"] = 100 + (instrument + venue * 3) % 7 * 100
        return records


def _instrument(header: dict[str, int], instrument: int) -> bytes:
    return INSTRUMENT.pack(
        **header,
        key=b"I%05d" % instrument,
        quote_ccy=b"USD",
        units_per_one=1,
        tick_nanos=TICK_NANOS,
        round_lot_units=100,
        default_policy=2,
        asset_class=1,
    )


def _venue(header: dict[str, int], venue: int) -> bytes:
    return VENUE.pack(
        **header,
        key=b"V%02d" % venue,
        kind=1,
        is_protected=1,
        status=int(VenueStatus.OPEN),
        name=b"bench",
        ack_prior_ns=(1 + venue) * 100 * NS_PER_US,
    )


def _listing(stream: ReferenceStream, venue: int, instrument: int, ticket_nanos: int) -> bytes:
    header = stream.header(InputType.LISTING, venue, instrument)
    terms = {"tick_nanos": TICK_NANOS, "lot_units": 1, "min_units": 1}
    return LISTING.pack(**header, **terms, ticket_nanos=ticket_nanos)


def _fee(stream: ReferenceStream, venue: int, instrument: int) -> bytes:
    header = stream.header(InputType.FEE, venue, instrument)
    fixed = TAKE_FEES[venue % len(TAKE_FEES)]
    return FEE.pack(**header, liquidity=int(Liquidity.TAKE), fixed_nanos=fixed)

"""Seeded parent orders beside those of the API, so that a simulated market has something to do.

An order's terms depend on the seed and its number, its number on the time, its limit on the newest
quote. A number is given once, whatever happens in between.
"""

from __future__ import annotations

import numpy as np

from schemas.codes import InputType, OrdType, Side, TimeInForce
from schemas.orders import NEW_ORDER
from schemas.units import NS_PER_S, VENUE_NONE, price_nanos
from streams.runtime_embedded.gateway import Rows
from streams.simulator.noise import below
from streams.simulator.synthetic.terms import Preset

SOURCE_ORDERS = 200
POLICIES = 4
_FLOW = 5
WARM_UP_NS = 2 * NS_PER_S
"""Before the first order every venue has quoted."""
_TENTHS_OF_DEPTH = (2, 5, 10, 20, 40, 80)
_TICKS_BEYOND = (0, 1, 2, 5)


class OrderFlow:
    """Orders of one market by the clock, from a fifth of a venue's usual depth to eight of them."""

    def __init__(self, preset: Preset, seed: int, orders_per_s: int) -> None:
        self.seed, self.gap_ns = seed, NS_PER_S // orders_per_s
        self.start_ns = preset.market.start_ns
        self.instruments = preset.instruments
        self.ticks = [price_nanos(terms.tick) for terms in preset.instruments]
        self.venue_lots = max(venue.lots for venue in preset.venues if venue.kind == "lit")
        self.touch: dict[int, tuple[int, int]] = {}
        self._next = 0

    def observe(self, market: Rows) -> None:
        """Keeps the newest touch by instrument, whoever shows it."""
        top = market[(market["type"] == InputType.QUOTE) & (market["flags"] & 15 == 0)]
        top = top[(top["bid_units"] > 0) & (top["ask_units"] > 0)][::-1]
        _, newest = np.unique(top["instrument"], return_index=True)
        for row in top[newest]:
            self.touch[int(row["instrument"])] = (int(row["bid_nanos"]), int(row["ask_nanos"]))

    def due(self, now_ns: int) -> list[bytes]:
        """Orders whose time has come since the last call; none for a time that was missed."""
        number = (now_ns - self.start_ns - WARM_UP_NS) // self.gap_ns
        if number < self._next:
            return []
        self._next = number + 1
        order = self._order(number, now_ns)
        return [order] if order else []

    def _order(self, number: int, now_ns: int) -> bytes | None:
        def draw(trait: int, limit: int) -> int:
            return int(below(limit, self.seed, _FLOW, trait, number)[0])

        instrument = draw(1, len(self.instruments))
        if instrument not in self.touch:
            return None
        terms = self.instruments[instrument]
        bid, ask = self.touch[instrument]
        is_buy, is_limit = draw(2, 2) == 0, draw(3, 4) > 0
        beyond = _TICKS_BEYOND[draw(5, len(_TICKS_BEYOND))] * self.ticks[instrument]
        limit = (ask + beyond) if is_buy else (bid - beyond)
        lot = self.venue_lots * terms.lot_units
        units = terms.depth_units * _TENTHS_OF_DEPTH[draw(4, len(_TENTHS_OF_DEPTH))] // 10
        return NEW_ORDER.pack(
            type=int(InputType.NEW_ORDER),
            venue=VENUE_NONE,
            instrument=instrument,
            symbol=terms.key.encode(),
            cl_ord_id=f"D-{number:08d}".encode(),
            account=b"ACC-1",
            client=b"CLIENT-1",
            transact_ns=now_ns,
            receive_ns=now_ns,
            order_units=max(1, units // lot) * lot,
            limit_nanos=limit if is_limit else 0,
            policy=number % POLICIES + 1,
            side=int(Side.BUY if is_buy else Side.SELL),
            ord_type=int(OrdType.LIMIT if is_limit else OrdType.MARKET),
            time_in_force=int(TimeInForce.IOC if draw(6, 2) == 0 else TimeInForce.DAY),
            capacity=ord("A"),
        )

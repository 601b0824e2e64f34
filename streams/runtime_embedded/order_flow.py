"""Seeded parent orders beside those of the API, so that a simulated market has something to do.

An order's terms depend on the seed and its number, its number on the time, its limit on the newest
quote. A number is given once, whatever happens in between.
"""

from __future__ import annotations

import numpy as np

from schemas.codes import InputType, OrdType, Side, TimeInForce
from schemas.orders import NEW_ORDER
from schemas.units import NS_PER_S, VENUE_NONE
from streams.runtime_embedded.gateway import Rows
from streams.simulator.noise import below
from streams.simulator.plain_config import TICK_NANOS, WARM_UP_NS, PlainConfig
from streams.simulator.plain_reference import instrument_keys

SOURCE_ORDERS = 200
POLICIES = 4
_FLOW = 5
_UNITS = (100, 200, 600, 1_200, 2_400, 3_600)
_TICKS_BEYOND = (0, 1, 2, 5)


class OrderFlow:
    """Orders of one market by the clock."""

    def __init__(self, config: PlainConfig, orders_per_s: int) -> None:
        self.config, self.gap_ns = config, NS_PER_S // orders_per_s
        self.keys = instrument_keys(config.instruments)
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
        number = (now_ns - self.config.start_ns - WARM_UP_NS) // self.gap_ns
        if number < self._next:
            return []
        self._next = number + 1
        order = self._order(number, now_ns)
        return [order] if order else []

    def _order(self, number: int, now_ns: int) -> bytes | None:
        def draw(trait: int, limit: int) -> int:
            return int(below(limit, self.config.seed, _FLOW, trait, number)[0])

        instrument = draw(1, self.config.instruments)
        if instrument not in self.touch:
            return None
        bid, ask = self.touch[instrument]
        is_buy, is_limit = draw(2, 2) == 0, draw(3, 4) > 0
        beyond = _TICKS_BEYOND[draw(5, len(_TICKS_BEYOND))] * TICK_NANOS
        limit = (ask + beyond) if is_buy else (bid - beyond)
        return NEW_ORDER.pack(
            type=int(InputType.NEW_ORDER),
            venue=VENUE_NONE,
            instrument=instrument,
            symbol=self.keys[instrument].encode(),
            cl_ord_id=f"D-{number:08d}".encode(),
            account=b"ACC-1",
            client=b"CLIENT-1",
            transact_ns=now_ns,
            receive_ns=now_ns,
            order_units=_UNITS[draw(4, len(_UNITS))],
            limit_nanos=limit if is_limit else 0,
            policy=number % POLICIES + 1,
            side=int(Side.BUY if is_buy else Side.SELL),
            ord_type=int(OrdType.LIMIT if is_limit else OrdType.MARKET),
            time_in_force=int(TimeInForce.IOC if draw(6, 2) == 0 else TimeInForce.DAY),
            capacity=ord("A"),
        )

"""Seeded parent orders for a plain market."""

from __future__ import annotations

import numpy as np

from schemas.codes import InputType, OrdType, Side, TimeInForce
from schemas.orders import NEW_ORDER
from schemas.units import NS_PER_S, VENUE_NONE
from streams.simulator.noise import Ints, below
from streams.simulator.plain_config import (
    QUARTERS,
    STEP_NS,
    TICK_NANOS,
    WARM_UP_NS,
    PlainConfig,
)
from streams.simulator.plain_reference import instrument_keys
from streams.simulator.walk import Walk

SOURCE_ORDERS = 200
POLICIES = 4
_ORDERS = 4
_TOUCH_UNITS = 1_200
_TENTHS_OF_TOUCH = np.array([1, 2, 5, 10, 20, 30])
_TICKS_BEYOND = np.array([0, 1, 2, 5])


def plain_orders(config: PlainConfig, count: int) -> bytes:
    """`count` NEW_ORDER records in time order, the first one after the warm-up."""
    number = np.arange(count)

    def draw(trait: int, limit: int) -> Ints:
        return below(limit, config.seed, _ORDERS, trait, number)

    gap_ns = NS_PER_S // config.orders_per_s
    since_ns = WARM_UP_NS + number * gap_ns + draw(0, gap_ns)
    instrument = draw(1, config.instruments)
    is_buy, is_limit = draw(2, 2) == 0, draw(3, 4) > 0
    records = NEW_ORDER.zeros(count)
    records["type"] = int(InputType.NEW_ORDER)
    records["venue"], records["source"] = VENUE_NONE, SOURCE_ORDERS
    records["source_seq"] = number + 1
    for name in ("log_ns", "transact_ns", "receive_ns"):
        records[name] = config.start_ns + since_ns
    records["cl_ord_id"] = [f"D-{n:06d}".encode() for n in range(1, count + 1)]
    records["account"], records["client"] = b"ACC-1", b"CLIENT-1"
    records["instrument"] = instrument
    records["symbol"] = np.array([key.encode() for key in instrument_keys(config.instruments)])[
        instrument
    ]
    records["order_units"] = _TENTHS_OF_TOUCH[draw(4, len(_TENTHS_OF_TOUCH))] * _TOUCH_UNITS // 10
    beyond = _TICKS_BEYOND[draw(5, len(_TICKS_BEYOND))]
    limits = _limits(config, instrument, since_ns, is_buy, beyond)
    records["limit_nanos"] = np.where(is_limit, limits, 0)
    records["policy"] = number % POLICIES + 1
    records["side"] = np.where(is_buy, int(Side.BUY), int(Side.SELL))
    records["ord_type"] = np.where(is_limit, int(OrdType.LIMIT), int(OrdType.MARKET))
    is_immediate = draw(6, 2) == 0
    records["time_in_force"] = np.where(is_immediate, int(TimeInForce.IOC), int(TimeInForce.DAY))
    records["capacity"] = ord("A")
    return records.tobytes()


def _limits(
    config: PlainConfig, instrument: Ints, since_ns: Ints, is_buy: np.ndarray, beyond: Ints
) -> Ints:
    """Limits `beyond` ticks through the efficient touch at each order's time."""
    fair = Walk(config).at(instrument, (since_ns + NS_PER_S) // STEP_NS)
    bid, ask = (fair - 2) // QUARTERS, -(-(fair + 2) // QUARTERS)
    return np.where(is_buy, ask + beyond, bid - beyond) * TICK_NANOS

"""Seeded parent orders of the sizes that DOMAIN 27 names, for a synthetic market."""

from __future__ import annotations

import numpy as np

from schemas.codes import InputType, OrdType, Side, TimeInForce
from schemas.orders import NEW_ORDER
from schemas.units import NS_PER_S, VENUE_NONE
from streams.simulator.noise import Ints, below
from streams.simulator.synthetic.terms import Preset

SOURCE_ORDERS = 200
TENTHS = (1, 5, 10, 30, 100)
"""Sizes in tenths of the consolidated touch."""
TOUCH_TENTHS = 10
PATIENT, URGENT = 1, 3
ONE_TENTH = (1,)
SMALL_TENTHS = (1, 1, 1, 10)
"""Sizes that one venue can take: for judging which venue is chosen."""
WARM_UP_NS = 2 * NS_PER_S
_PARENTS = 40


def parent_orders(
    preset: Preset,
    touch_units: list[int],
    count: int,
    gap_ns: int,
    seed: int,
    first_policy: int = 0,
    tenths: tuple[int, ...] = TENTHS,
) -> bytes:
    """`count` NEW_ORDER records, one about every `gap_ns`, after a warm-up.

    `touch_units`: a usual consolidated touch by instrument. Market orders, DAY, sides drawn evenly,
    urgency 3 where they are larger than a touch and else 1. Each instrument has two policies of its
    own, from `first_policy` on: the first ones, then those of parents below a touch; 0: the
    instrument's default.
    """
    number = np.arange(count)

    def draw(trait: int, limit: int) -> Ints:
        return below(limit, seed, _PARENTS, trait, number)

    records = NEW_ORDER.zeros(count)
    instrument = draw(0, len(preset.instruments))
    lots = np.array([max(v.lots * v.min_lots for v in preset.venues if v.kind == "lit")])
    lot = lots[0] * np.array([terms.lot_units for terms in preset.instruments])[instrument]
    touches = np.array(tenths)[draw(1, len(tenths))]
    size = np.array(touch_units)[instrument] * touches // 10
    records["type"] = int(InputType.NEW_ORDER)
    records["venue"], records["source"] = VENUE_NONE, SOURCE_ORDERS
    records["source_seq"] = number + 1
    since_ns = WARM_UP_NS + number * gap_ns + draw(2, max(1, gap_ns // 2))
    for name in ("log_ns", "transact_ns", "receive_ns"):
        records[name] = preset.market.start_ns + since_ns
    records["cl_ord_id"] = [f"E-{n:07d}".encode() for n in range(1, count + 1)]
    records["account"], records["client"] = b"ACC-1", b"CLIENT-1"
    records["instrument"] = instrument
    keys = np.array([terms.key.encode() for terms in preset.instruments])
    records["symbol"] = keys[instrument]
    records["order_units"] = np.maximum(1, size // lot) * lot
    is_below = (touches < TOUCH_TENTHS) * len(preset.instruments)
    records["policy"] = first_policy + instrument + is_below if first_policy else 0
    records["urgency"] = np.where(touches > TOUCH_TENTHS, URGENT, PATIENT)
    records["side"] = np.where(draw(3, 2) == 0, int(Side.BUY), int(Side.SELL))
    records["ord_type"] = int(OrdType.MARKET)
    records["time_in_force"] = int(TimeInForce.DAY)
    records["capacity"] = ord("A")
    return records.tobytes()

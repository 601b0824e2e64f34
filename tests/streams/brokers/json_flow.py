"""JSON that a foreign system sends, good and bad, and the decisions that come of it."""

from __future__ import annotations

import json
import time
from typing import Any

from schemas.events import SmartRoutingDecisionEvent
from schemas.wire import decode_output
from tests.builders import S, Tape, set_up
from tests.streams.brokers.collected import Collected
from tests.streams.brokers.flows import VENUES

QUOTE: dict[str, Any] = {
    "type": "quote",
    "instrument": "TEST",
    "bid_px_nanos": 10**11,
    "bid_size_units": 500,
    "ask_px_nanos": 10**11 + 10**7,
    "ask_size_units": 500,
}
ORDER: dict[str, Any] = {
    "type": "new_order",
    "instrument": "TEST",
    "account": "A",
    "side": "buy",
    "order_qty_units": 100,
    "price_nanos": 10**11 + 10**9,
}
NAMES = {"J0", "J1", "J2", "J3", "J4", "SELL"}
BALANCE: dict[str, Any] = {
    "type": "inventory",
    "instrument": "TEST",
    "venue": "XAAA",
    "account": "A",
    "held_qty_units": 100,
}
POISON = [
    b"{not json",
    b"[" * 5000,
    json.dumps({**QUOTE, "venue": "NONE"}).encode(),
    json.dumps({**QUOTE, "venue": "XAAA", "instrument": "NONE"}).encode(),
    json.dumps({**ORDER, "cl_ord_id": "P", "order_qty_units": "100"}).encode(),
    b" " * (10 << 20),
    b"",
]
FAULTS = "not_json too_deep unknown_venue unknown_instrument bad_value too_large empty".split()


def reference() -> bytes:
    """Instrument TEST at four venues; quotes stay fresh while a slow broker takes its time."""
    tape = Tape()
    set_up(tape, VENUES, stale_ns=600 * S)
    tape.limits(0, collar_e9=100_000_000, inventory=1)
    return bytes(tape.data)


def quotes() -> list[bytes]:
    """Five quotes of each venue."""
    return [json.dumps({**QUOTE, "venue": VENUES[n % 4]}).encode() for n in range(20)]


def orders() -> list[bytes]:
    """Five orders to buy, what the account holds, and an order that sells some of it."""
    now_ns = time.time_ns()
    named = [{"cl_ord_id": name, "transact_time_ns": now_ns} for name in sorted(NAMES)]
    named[-1] |= {"side": "sell", "price_nanos": 10**11 - 10**9}
    bodies = [{**ORDER, **body} for body in named]
    bodies.insert(-1, BALANCE)
    return [json.dumps(body).encode() for body in bodies]


def decided(outputs: Collected, shard: int) -> set[str]:
    """ClOrdIDs that a decision names."""
    events = [decode_output(raw) for raw in outputs.records[shard].values()]
    return {event.cl_ord_id for event in events if isinstance(event, SmartRoutingDecisionEvent)}

"""What the broker benchmarks send: frames of a simulated market, and orders that can be told."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from schemas.codes import OutputType, Reason
from schemas.decisions import DECISION, REFUSAL
from schemas.orders import NEW_ORDER
from schemas.topic_envelope import open_envelope
from schemas.units import NS_PER_MS, NS_PER_S
from streams.clock import SystemClock
from streams.config.records import config_records
from streams.config.sections import EngineConfig
from streams.simulator.plain import PlainMarket
from streams.simulator.plain_config import PlainConfig

FRAME_TICKS = 256
STALE_MS, HORIZON_MS = 2_000, 5_000
WARM_NS = 3 * NS_PER_S


class BrokerFlow:
    """Reference, tick frames and orders of one shard, made before anything is timed."""

    def __init__(self, ticks_per_s: int, seconds: float, *, is_live: bool = False) -> None:
        """A live market leaves the time of its records to the broker, else it is of its own day."""
        self.market = PlainMarket(PlainConfig(records_per_s=ticks_per_s))
        chunks = list(self.market.chunks(int(seconds * NS_PER_S) + WARM_NS))
        records = np.concatenate(chunks)
        self.ticks, self.is_live = len(records), is_live
        self.last_ns = records["log_ns"][FRAME_TICKS - 1 :: FRAME_TICKS].tolist()
        self.last_ns += [int(records["log_ns"][-1])] * (self.ticks % FRAME_TICKS > 0)
        if is_live:
            records["log_ns"] = 0
        self.frames = [
            records[start : start + FRAME_TICKS].tobytes()
            for start in range(0, self.ticks, FRAME_TICKS)
        ]
        dataset = self.market.reference()
        self.reference = dataset + config_records(
            EngineConfig(), dataset, stale_ms=STALE_MS, horizon_ms=HORIZON_MS
        )
        self._template = np.frombuffer(self.market.orders(1), dtype=NEW_ORDER.dtype)
        self._orders = 0

    def order(self, frame: int, name: str) -> bytes:
        """A buy of 100 behind a frame, with a ClOrdID to find its decision by."""
        self._orders += 1
        order = self._template.copy()
        order["source_seq"] = self._orders
        order["log_ns"] = 0 if self.is_live else self.last_ns[frame]
        now_ns = SystemClock().now_ns() if self.is_live else self.last_ns[frame]
        order["transact_ns"] = order["receive_ns"] = now_ns
        order["cl_ord_id"] = name.encode()
        order["order_units"] = 100
        return order.tobytes()

    def paced(self) -> Iterator[tuple[float, int]]:
        """(second after the start, frame) at the market's own pace, after a warm-up at once."""
        first_ns = self.market.config.start_ns + WARM_NS
        for frame, last_ns in enumerate(self.last_ns):
            yield max(0.0, (last_ns - first_ns) / NS_PER_S), frame


def told_of(topic: str, raw: bytes) -> tuple[str, int, str]:
    """(ClOrdID, time in the log, reason of a refusal) of an order's output; no name for others."""
    payload = bytes(open_envelope(raw, topic).payload)
    if payload[4] == OutputType.DECISION:
        decision = DECISION.unpack(payload)
        return _name(decision.cl_ord_id), decision.log_ns, ""
    if payload[4] == OutputType.REFUSAL:
        refusal = REFUSAL.unpack(payload)
        return _name(refusal.cl_ord_id), refusal.log_ns, Reason(refusal.reason).name.lower()
    return "", 0, ""


def _name(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode()


def milliseconds(spans_s: list[float]) -> list[float]:
    """Seconds as milliseconds."""
    return [span * NS_PER_S / NS_PER_MS for span in spans_s]

"""What the broker benchmarks send: frames of a simulated market, and orders that can be told."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from schemas.codes import OutputType
from schemas.decisions import DECISION
from schemas.orders import NEW_ORDER
from schemas.topic_envelope import open_envelope
from schemas.topics import DECISIONS
from schemas.units import NS_PER_MS, NS_PER_S
from streams.config.records import config_records
from streams.config.sections import EngineConfig
from streams.simulator.plain import PlainMarket
from streams.simulator.plain_config import PlainConfig

FRAME_TICKS = 256
STALE_MS, HORIZON_MS = 2_000, 5_000
WARM_NS = 3 * NS_PER_S


class BrokerFlow:
    """Reference, tick frames and orders of one shard, made before anything is timed."""

    def __init__(self, ticks_per_s: int, seconds: float, start_ns: int = 0) -> None:
        """With `start_ns` the market is of then, else of its own day."""
        config = PlainConfig(records_per_s=ticks_per_s)
        if start_ns:
            config = msgspec.structs.replace(config, start_ns=start_ns)
        self.market = PlainMarket(config)
        chunks = list(self.market.chunks(int(seconds * NS_PER_S) + WARM_NS))
        records = np.concatenate(chunks)
        self.ticks = len(records)
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

    def order(self, now_ns: int, name: str) -> bytes:
        """A buy of 100 at the time of the market, with a ClOrdID to find its decision by."""
        self._orders += 1
        order = self._template.copy()
        order["source_seq"], order["log_ns"] = self._orders, now_ns
        order["transact_ns"] = order["receive_ns"] = now_ns
        order["cl_ord_id"] = name.encode()
        order["order_units"] = 100
        return order.tobytes()

    def last_ns(self, frame: bytes) -> int:
        """Time of a frame's last record."""
        return int(np.frombuffer(frame, dtype="<i8")[-6])

    def paced(self) -> Iterator[tuple[float, bytes]]:
        """(second after the start, frame) at the market's own pace, after a warm-up at once."""
        first_ns = self.market.config.start_ns + WARM_NS
        for frame in self.frames:
            yield max(0.0, (self.last_ns(frame) - first_ns) / NS_PER_S), frame


def decided(raw: bytes) -> str:
    """ClOrdID of a decision message, "" for another output."""
    envelope = open_envelope(raw, DECISIONS)
    if envelope.payload[4] != OutputType.DECISION:
        return ""
    name: bytes = DECISION.unpack(envelope.payload).cl_ord_id
    return name.rstrip(b"\0").decode()


def milliseconds(spans_s: list[float]) -> list[float]:
    """Seconds as milliseconds."""
    return [span * NS_PER_S / NS_PER_MS for span in spans_s]

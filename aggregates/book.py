"""Books of one instrument over all venues: levels, displayed best, and who stands at it."""

from __future__ import annotations

from typing import Any

from aggregates import quality
from aggregates.arithmetic import scale_e9
from aggregates.decay import STEPS
from aggregates.evidence import HORIZONS
from aggregates.moments import Moments
from aggregates.quality import Row
from aggregates.settings import Settings
from schemas.decisions import FEED_CLASSES
from schemas.units import MAX_LEVELS


class Book:
    """Rows by dense venue id, and bit masks of the venues at the displayed best."""

    __slots__ = (
        "asset_class",
        "at_ask",
        "at_bid",
        "default_policy",
        "drift",
        "fill_ns",
        "instrument",
        "killed",
        "limits",
        "limits_raw",
        "mid_ns",
        "mid_x2",
        "open_children",
        "raw",
        "round_lot_units",
        "rows",
        "tick_nanos",
        "units_per_one",
    )

    def __init__(self, instrument: int) -> None:
        self.instrument = instrument
        self.rows: list[Row] = []
        self.at_bid = self.at_ask = 0
        self.killed = 0
        self.raw = b""
        self.limits: Any = None
        self.limits_raw = b""
        self.mid_x2 = self.mid_ns = 0
        self.fill_ns = -1
        self.open_children = 0
        self.drift = [Moments() for _ in range(HORIZONS)]

    def describe(self, record: Any, raw: bytes) -> None:
        """Takes over a validated INSTRUMENT record."""
        self.raw = raw
        self.units_per_one: int = record.units_per_one
        self.tick_nanos: int = record.tick_nanos
        self.round_lot_units: int = record.round_lot_units
        self.default_policy: int = record.default_policy
        self.asset_class = record.asset_class if record.asset_class < len(FEED_CLASSES) else 0

    def set_level(self, row: Row, level: int, quote: tuple[int, int, int, int]) -> None:
        """Stores both sides of a level; an empty side keeps no price."""
        bid_nanos, bid_units, ask_nanos, ask_units = quote
        row.bid_nanos[level] = bid_nanos if bid_units else 0
        row.bid_units[level] = bid_units
        row.ask_nanos[level] = ask_nanos if ask_units else 0
        row.ask_units[level] = ask_units

    def set_touch(
        self, venue: int, quote: tuple[int, int, int, int], now_ns: int, settings: Settings
    ) -> None:
        """Changes a venue's top of book and settles the time at best of all it touches."""
        row = self.rows[venue]
        before = row.bid_nanos[0], row.bid_units[0], row.ask_nanos[0], row.ask_units[0]
        self.advance(venue, now_ns, settings)
        self.set_level(row, 0, quote)
        if row.session.running:
            quality.observe_change(row, before)
            self._follow_touch(row, before[0], before[2], now_ns, settings)
        bid_mask, ask_mask, best_bid, best_ask = self.best_masks()
        near_ask = best_ask + scale_e9(best_ask, settings.mid_crossed_e9)
        crossed = settings.mid_crossed_e9 > 0 and 0 < best_ask <= best_bid <= near_ask
        if 0 < best_bid < best_ask or crossed:
            self.mid_x2, self.mid_ns = best_bid + best_ask, now_ns
        changed = (bid_mask ^ self.at_bid) | (ask_mask ^ self.at_ask)
        for other in _bits(changed & ~(1 << venue)):
            self.advance(other, now_ns, settings)
        self.at_bid, self.at_ask = bid_mask, ask_mask

    def set_depth(
        self,
        venue: int,
        level: int,
        quote: tuple[int, int, int, int],
        now_ns: int,
        settings: Settings,
    ) -> None:
        """Changes a level behind the touch."""
        self.advance(venue, now_ns, settings)
        self.set_level(self.rows[venue], level, quote)

    def _follow_touch(
        self, row: Row, bid_nanos: int, ask_nanos: int, now_ns: int, settings: Settings
    ) -> None:
        """Counts the refill that a change of the touch may complete."""
        session_ns, quantum_ns = row.session.at(now_ns), settings.liquidity_quantum_ns
        patience_ns = quantum_ns * STEPS
        refill = quality.observe_touch(row, 0, bid_nanos, row.bid_nanos[0], session_ns, patience_ns)
        if refill:
            row.evidence.refill_bid_ns.observe(float(refill), session_ns, quantum_ns)
        refill = quality.observe_touch(row, 1, ask_nanos, row.ask_nanos[0], session_ns, patience_ns)
        if refill:
            row.evidence.refill_ask_ns.observe(float(refill), session_ns, quantum_ns)

    def advance(self, venue: int, now_ns: int, settings: Settings) -> None:
        """Brings a row's time-weighted measures to `now_ns`."""
        at_bid = bool(self.at_bid >> venue & 1)
        at_ask = bool(self.at_ask >> venue & 1)
        row = self.rows[venue]
        quality.advance(row, row.session.at(now_ns), at_bid, at_ask, settings)

    def clear(self, venue: int, now_ns: int, settings: Settings) -> None:
        """Empties a venue's book, as when it stops trading."""
        self.set_touch(venue, (0, 0, 0, 0), now_ns, settings)
        row = self.rows[venue]
        for level in range(1, MAX_LEVELS):
            self.set_level(row, level, (0, 0, 0, 0))
        row.near_units[0] = row.near_units[1] = 0
        row.dirty = True

    def best_masks(self) -> tuple[int, int, int, int]:
        """Masks of the venues at the highest bid and at the lowest ask, and those two prices."""
        best_bid = max((row.bid_nanos[0] for row in self.rows), default=0)
        asks = [row.ask_nanos[0] for row in self.rows if row.ask_nanos[0]]
        best_ask = min(asks, default=0)
        bid_mask = ask_mask = 0
        for venue, row in enumerate(self.rows):
            bid_mask |= (0 < best_bid == row.bid_nanos[0]) << venue
            ask_mask |= (0 < best_ask == row.ask_nanos[0]) << venue
        return bid_mask, ask_mask, best_bid, best_ask


def _bits(mask: int) -> list[int]:
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]

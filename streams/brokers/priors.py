"""What all shards together have learned of a venue: sums of their sums, told when they have moved.

Each shard shrinks its own roll-up of a venue towards this mean, as it shrinks a row towards the
roll-up: one level more of the same hierarchy, with the weight that the settings give a prior.
"""

from __future__ import annotations

from typing import Any

from schemas.codes import InputType
from schemas.reference import VENUE_PRIOR
from schemas.units import E9, INSTRUMENT_NONE, SOURCE_REFERENCE

LEAST_WEIGHT = 0.5
"""A mean of less than half a child, as they fade, is no news."""
STEP = 1_000
"""A prior is told again when it has moved by a thousandth of all (fills) or of itself (latency)."""


class VenuePriors:
    """The newest sums of each shard and venue, and what was told of them."""

    def __init__(self) -> None:
        self._sums: dict[int, dict[int, Any]] = {}
        self._told: dict[int, tuple[int, int]] = {}

    def take(self, record: Any) -> None:
        """A VENUE_SUMS output of any shard; an older one than is known changes nothing."""
        of_venue = self._sums.setdefault(record.venue, {})
        known = of_venue.get(record.shard)
        if known is None or known.out_seq < record.out_seq:
            of_venue[record.shard] = record

    def learn(self, record: Any) -> None:
        """A VENUE_PRIOR that was broadcast, by whomever."""
        self._told[record.venue] = (record.fill_ratio_e9, record.ack_ns)

    def changed(self) -> bytes:
        """VENUE_PRIOR records of the venues whose mean has moved, in venue order."""
        found = b""
        for venue, shards in sorted(self._sums.items()):
            fill_e9, ack_ns, children = _merged([shards[shard] for shard in sorted(shards)])
            if _has_moved(self._told.get(venue, (-1, 0)), (fill_e9, ack_ns)):
                found += VENUE_PRIOR.pack(
                    type=InputType.VENUE_PRIOR,
                    source=SOURCE_REFERENCE,
                    venue=venue,
                    instrument=INSTRUMENT_NONE,
                    fill_ratio_e9=fill_e9,
                    ack_ns=ack_ns,
                    children=children,
                )
        return found


def _merged(shards: list[Any]) -> tuple[int, int, int]:
    """(filled share in 1e-9, acknowledgement ns, children) over shards; -1 and 0 = unknown."""
    weight = sum(sums.fill_weight for sums in shards)
    acked = sum(sums.ack_weight for sums in shards)
    fill_e9, ack_ns = -1, 0
    if weight >= LEAST_WEIGHT:
        share = sum(sums.fill_total for sums in shards) / weight
        fill_e9 = round(min(max(share, 0.0), 1.0) * E9)
    if acked >= LEAST_WEIGHT:
        ack_ns = max(1, round(sum(sums.ack_total for sums in shards) / acked))
    return fill_e9, ack_ns, round(weight)


def _has_moved(told: tuple[int, int], now: tuple[int, int]) -> bool:
    if (told[0] < 0) != (now[0] < 0) or (told[1] == 0) != (now[1] == 0):
        return True
    return abs(now[0] - told[0]) > E9 // STEP or abs(now[1] - told[1]) > told[1] // STEP

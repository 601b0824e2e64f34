"""What our own children have taught about one instrument at one venue.

Fade is censored: a child that got all it asked for says only that at least so much was there. The
survival table keeps, for sizes of 1, 2, 4 .. 128 round lots, how often at least that much could be
had, told by the children that asked for more than the next smaller size: success when one executed
the size or all it asked for. Children that asked for less say nothing, whatever they got: if only
their failures counted, whoever is sent small children would seem to fade.
"""

from __future__ import annotations

from aggregates.decay import weight
from aggregates.moments import Moments
from aggregates.settings import Settings

SURVIVAL_SIZES = 8
HORIZONS = 4
EVENT_FAMILIES = {
    "first_fill_ns": "speed",
    "reject": "fill",
    "hidden_units": "fill",
    "effective_bps": "cost",
    "improvement_bps": "cost",
    "all_in_bps": "cost",
    "refill_bid_ns": "liquidity",
    "refill_ask_ns": "liquidity",
}
"""Event measure -> family whose half-life it decays with."""


def telling_units(sent: int, lot: int, index: int) -> int:
    """What a child must execute to show that size `index` of the table was there; 0 where it asked
    for too little to say anything of it.
    """
    size, smaller = lot << index, lot << index - 1 if index else 0
    return min(size, sent) if sent > smaller else 0


class Evidence:
    """Execution quality of a row: costs, rejects, hidden size, survival, markouts by liquidity."""

    __slots__ = (
        *EVENT_FAMILIES,
        "added",
        "fee_charged_nanos",
        "fee_expected_nanos",
        "fee_mismatches",
        "mid",
        "realised",
        "removed",
        "success",
        "survival_then_ns",
        "trials",
    )

    def __init__(self) -> None:
        self.first_fill_ns, self.reject, self.hidden_units = Moments(), Moments(), Moments()
        self.effective_bps, self.improvement_bps = Moments(), Moments()
        self.all_in_bps = Moments()
        self.refill_bid_ns, self.refill_ask_ns = Moments(), Moments()
        self.added = [Moments() for _ in range(HORIZONS)]
        self.realised = [Moments() for _ in range(HORIZONS)]
        self.removed = [Moments() for _ in range(HORIZONS)]
        self.mid = [Moments() for _ in range(HORIZONS)]
        self.survival_then_ns = 0
        self.trials, self.success = [0.0] * SURVIVAL_SIZES, [0.0] * SURVIVAL_SIZES
        self.fee_mismatches = 0
        self.fee_expected_nanos = self.fee_charged_nanos = 0

    def observe_survival(
        self, now_ns: int, sent: int, executed: int, lot: int, settings: Settings
    ) -> None:
        """What a finished child says about the size that could be had."""
        w = weight(now_ns, self.survival_then_ns, settings.fill_quantum_ns)
        self.survival_then_ns = now_ns
        for index in range(SURVIVAL_SIZES):
            units = telling_units(sent, lot, index)
            had = units > 0 and executed >= units
            self.trials[index] = self.trials[index] * w + (1.0 if units else 0.0)
            self.success[index] = self.success[index] * w + (1.0 if had else 0.0)

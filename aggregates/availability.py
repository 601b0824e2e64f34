"""How likely it is that the next unit is really there: the survival table as a marginal cost.

A child of q units executes its last unit with P(available >= q). The table knows sizes of 1, 2, 4
.. 128 round lots; a size between two of them is believed as little as the larger. Beyond 64 lots it
is the rarer of P(128 lots) and the filled share of whole children, which the table cannot see.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from aggregates.decay import weight
from aggregates.evidence import SURVIVAL_SIZES
from aggregates.moments import Moments
from aggregates.quality import Row
from aggregates.settings import Settings

MISS_SCALE = 65536.0
MISS_MAX = 65535
SHARE_STEPS = 1024.0
MAX_HIDDEN_UNITS = 10**15


def venue_share(venue_fill: Moments, venue_ns: int, prior: float, settings: Settings) -> float:
    """Filled share that a venue as a whole lends to its rows, in steps of 1/1024.

    The steps let the native core keep what it believes of a row while children at the venue's other
    instruments move the share by less.
    """
    share = venue_fill.shrunk(venue_ns, settings.fill_quantum_ns, prior, settings.fill_prior_weight)
    return in_steps(share)


def in_steps(share: float) -> float:
    """A share rounded to 1/1024."""
    return min(SHARE_STEPS, max(0.0, float(floor(share * SHARE_STEPS + 0.5)))) / SHARE_STEPS


@dataclass(frozen=True, slots=True)
class Shares:
    """What is believed of a row besides its survival table: its venue's filled share, that of a
    venue never tried, and its own.
    """

    venue: float
    untold: float
    own: float


def misses(row: Row, now_ns: int, known: Shares, settings: Settings) -> tuple[int, ...]:
    """1 - P(available >= q) in 1/65536 for each size of the table; never falls with size.

    The share of the least size is shrunk to the venue's own filled share, so a venue never tried is
    no sure thing. Each other is shrunk to that of the next smaller size, but to no more than is
    believed of a venue never tried: that small children miss is believed of large ones, that they
    do not miss says little of what they did not ask for.
    """
    evidence, prior_weight = row.evidence, settings.fill_prior_weight
    w = weight(now_ns, evidence.survival_then_ns, settings.fill_quantum_ns)
    found, worst, share = [], 0, known.venue
    for index in range(SURVIVAL_SIZES):
        if index and known.untold < share:
            share = known.untold
        if evidence.trials[index]:
            had = evidence.success[index] * w + share * prior_weight
            share = had / (evidence.trials[index] * w + prior_weight)
        if index == SURVIVAL_SIZES - 1 and known.own < share:
            share = known.own
        worst = max(worst, min(MISS_MAX, floor((1.0 - share) * MISS_SCALE)))
        found.append(worst)
    return tuple(found)


def hidden_units(row: Row, now_ns: int, settings: Settings) -> int:
    """Units that usually execute beyond what is displayed; 0 before there is an observation."""
    hidden = row.evidence.hidden_units
    w = weight(now_ns, hidden.then_ns, settings.fill_quantum_ns)
    # Shrunk to nothing: what is not displayed has to be proved.
    expected = hidden.total * w / (hidden.weight * w + settings.fill_prior_weight)
    return min(MAX_HIDDEN_UNITS, floor(expected))

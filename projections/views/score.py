"""One number for a venue, 0 to 1000, for people; the router uses the components, never this.

Four parts of what a venue has shown, each 0 to 1 and each missing where nothing was seen:

| part | weight | 1 means | 0 means |
|---|---|---|---|
| filled | 400 | all that was asked for | nothing |
| accepted | 200 | no reject | every child |
| acknowledged | 200 | within 1 ms at p90 | 1 s or more, by octaves between |
| healthy | 200 | up | down or halted; degraded and cooling count half |

Missing parts take their weight with them; with no part there is no score. A share is taken at the
end of its 95 % interval that is worse for the venue, so that little evidence cannot shine.
"""

from __future__ import annotations

from math import log2
from typing import Any

WEIGHTS = {"filled": 400, "accepted": 200, "acknowledged": 200, "healthy": 200}
HEALTH = {"up": 1.0, "degraded": 0.5, "cooling": 0.5, "halted": 0.0, "down": 0.0}
FAST_NS = 1_000_000
SLOW_NS = 1_000_000_000
INTERVAL = 1.96


def score(venue: dict[str, Any]) -> int | None:
    """Score of a row of the venue table; None where nothing but its health is known."""
    parts = components(venue)
    if set(parts) <= {"healthy"}:
        return None
    total = sum(WEIGHTS[name] for name in parts)
    return round(1000 * sum(WEIGHTS[name] * value for name, value in parts.items()) / total)


def components(venue: dict[str, Any]) -> dict[str, float]:
    """The parts that are known, each 0 to 1."""
    found = {
        "filled": _least(venue["fill_ratio"], 1.0),
        "accepted": _least(venue["reject_rate"], -1.0),
        "acknowledged": _speed(venue["ack_p90_ns"]),
        "healthy": HEALTH.get(venue["health"]),
    }
    return {name: value for name, value in found.items() if value is not None}


def _least(share: dict[str, Any], sign: float) -> float | None:
    """The worse end of a share's interval; of 1 minus the share where `sign` is negative."""
    if share["value"] is None:
        return None
    good = float(share["value"]) if sign > 0 else 1.0 - float(share["value"])
    return min(max(good - INTERVAL * float(share["se"] or 0.0), 0.0), 1.0)


def _speed(p90_ns: int | None) -> float | None:
    if p90_ns is None:
        return None
    octaves = log2(max(p90_ns, FAST_NS) / FAST_NS) / log2(SLOW_NS / FAST_NS)
    return max(0.0, 1.0 - octaves)

"""What a routing policy says about one order: its urgency chooses penalty, horizon and posting."""

from __future__ import annotations

from typing import Any

from schemas.codes import Crossed, PolicyKind, Protection
from schemas.units import E9, MAX_LEVELS, MAX_VENUES, NS_PER_MS

MAX_POLICIES = 255
MAX_TICKET_NANOS = 10**12
MAX_DURATION_NS = 2**55
MAX_DELAY_US = 1_000_000
MAX_DARK_LOTS = 1000
URGENCIES = 3
HORIZONS = 4


def miss_penalty_e9(policy: Any, urgency: int) -> int:
    """Fraction of the price that missing one unit costs an order of this urgency."""
    own: int = getattr(policy, f"urgency_miss_e9_{urgency}") if 1 <= urgency <= URGENCIES else 0
    return own or int(policy.miss_penalty_e9)


def horizon_ns(policy: Any, urgency: int) -> int:
    """How long an order of this urgency is worked."""
    own: int = getattr(policy, f"urgency_horizon_ms_{urgency}") if 1 <= urgency <= URGENCIES else 0
    return own * NS_PER_MS or int(policy.horizon_ns)


def may_post(policy: Any, urgency: int) -> bool:
    """Whether what finds no taker of this urgency may rest at a venue."""
    return urgency <= URGENCIES and bool(policy.posting >> urgency & 1)


def is_valid(policy: Any) -> bool:
    """Whether a POLICY record's numbers can be believed."""
    durations = (policy.stale_ns, policy.ack_timeout_ns, policy.retry_ns, policy.horizon_ns)
    switches = (
        *(policy.split, policy.fee_aware, policy.allow_degraded),
        *(policy.equalise_arrival, policy.use_hidden, policy.ended),
    )
    return bool(
        1 <= policy.policy <= MAX_POLICIES
        and PolicyKind.BEST_PRICE <= policy.kind <= PolicyKind.BALANCED
        and all(switch <= 1 for switch in switches)
        and policy.protection <= Protection.ISO
        and policy.crossed <= Crossed.WAIT
        and max(policy.impact_horizon, policy.toxicity_horizon, policy.dark_horizon) <= HORIZONS
        and 1 <= policy.max_levels <= MAX_LEVELS
        and 1 <= policy.max_children <= MAX_VENUES
        and 1 <= policy.max_attempts <= 1000
        and 0 <= policy.tolerance_e9 <= E9
        and 0 <= policy.miss_penalty_e9 <= E9
        and all(getattr(policy, f"urgency_miss_e9_{u}") <= E9 for u in range(1, URGENCIES + 1))
        and 0 <= policy.ticket_nanos <= MAX_TICKET_NANOS
        and policy.max_delay_us <= MAX_DELAY_US
        and policy.dark_percent <= 100
        and policy.dark_min_lots <= MAX_DARK_LOTS
        and all(1 <= duration <= MAX_DURATION_NS for duration in durations)
    )

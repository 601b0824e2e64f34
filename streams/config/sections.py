"""The configuration as typed frozen structs; `Settings` here are those of a run, by section.

Durations end in `_ms` or `_s`, fractions in `_bps` (1e-4). 0 in `stale_ms` and `horizon_ms` takes
the dataset's own value, 0 in `retry_ms` spreads the attempts over the horizon; `[markouts]` and
`[health]` take from the dataset alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Literal

import msgspec

Millis = Annotated[int, msgspec.Meta(ge=0, le=30_000_000)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Horizon = Annotated[int, msgspec.Meta(ge=1, le=30_000_000)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Bps = Annotated[float, msgspec.Meta(ge=0.0, le=10_000.0)]
Rate = Annotated[float, msgspec.Meta(ge=0.0, le=40_000.0)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every table; an unknown key is an error."""


class Whole(Section, frozen=True, kw_only=True):
    """Base of a whole configuration, whose tables can contradict each other."""

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """(dotted keys, what is wrong between them) of values that do not fit each other."""
        yield from ()


class Policy(Section, frozen=True, kw_only=True):
    """How one routing policy ranks venues, splits, waits and gives up."""

    version: Positive = 1
    split: bool = True
    fee_aware: bool = True
    max_levels: Annotated[int, msgspec.Meta(ge=1, le=10)] = 5
    max_children: Annotated[int, msgspec.Meta(ge=1, le=64)] = 24
    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20
    tolerance_bps: Bps = 0.0
    miss_penalty_bps: Bps = 0.0
    stale_ms: Millis = 0
    ack_timeout_ms: Annotated[int, msgspec.Meta(ge=1)] = 5_000
    retry_ms: Millis = 0
    horizon_ms: Millis = 0
    allow_degraded: bool = False
    preferred: tuple[str, ...] = ()
    protection: Literal["none", "limit", "iso"] = "none"
    crossed: Literal["route", "exempt", "wait"] = "route"
    equalise_arrival: bool = False
    max_delay_us: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 500
    use_hidden: bool = False
    ticket_nanos: Annotated[int, msgspec.Meta(ge=0, le=10**12)] = 0
    impact_horizon: Annotated[int, msgspec.Meta(ge=0, le=4)] = 0
    latency_bps: Rate = 0.0
    risk_bps: Rate = 0.0
    toxicity_bps: Rate = 0.0
    toxicity_horizon: Annotated[int, msgspec.Meta(ge=0, le=4)] = 0
    urgency_miss_bps: tuple[Bps, Bps, Bps] = (0.0, 0.0, 0.0)
    urgency_horizon_ms: tuple[Millis, Millis, Millis] = (0, 0, 0)
    posting: tuple[Annotated[int, msgspec.Meta(ge=0, le=3)], ...] = ()
    dark_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    dark_min_lots: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 1
    dark_horizon: Annotated[int, msgspec.Meta(ge=0, le=4)] = 2
    dark_toxicity_bps: Annotated[float, msgspec.Meta(ge=0.0, le=655.0)] = 2.0


class Policies(Section, frozen=True, kw_only=True):
    """The policies; their ids are 1 to 5 in this order."""

    best_price: Policy = Policy(fee_aware=False)
    lowest_cost: Policy = Policy(miss_penalty_bps=2.0)
    fastest: Policy = Policy(tolerance_bps=1.0)
    preferred: Policy = Policy(tolerance_bps=1.0)
    balanced: Policy = Policy(
        miss_penalty_bps=2.0,
        latency_bps=0.02,
        risk_bps=1.0,
        toxicity_bps=0.1,
        toxicity_horizon=2,
    )


class Limits(Section, frozen=True, kw_only=True):
    """Pre-trade limits of every instrument. Sizes are in whole ones (shares, BTC, contracts).

    With `inventory` sells are bound to what their account holds at each venue (`[[inventory]]`).
    """

    collar_bps: Annotated[float, msgspec.Meta(gt=0.0, lt=10_000.0)] = 500.0
    max_order_ones: Positive = 10_000_000
    max_notional_ones: Annotated[int, msgspec.Meta(ge=1, le=10**15)] = 100_000_000
    status_requests: Annotated[int, msgspec.Meta(ge=0, le=255)] = 3
    inventory: bool = False


class Posting(Section, frozen=True, kw_only=True):
    """How remainders rest, for the policies whose `posting` names urgencies."""

    rest_ms: Positive = 10_000
    min_life_ms: Positive = 100
    check_ms: Positive = 100
    max_posts: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20
    horizon: Annotated[int, msgspec.Meta(ge=1, le=4)] = 2


class Quality(Section, frozen=True, kw_only=True):
    """How quality decays, what is believed before evidence, and how often it is published.

    Ingest leaves out quotes older than `conflate_ms` that a newer one follows; 0 = never.
    """

    liquidity_half_life_s: Positive = 60
    speed_half_life_s: Positive = 60
    fill_half_life_s: Positive = 600
    cost_half_life_s: Positive = 600
    impact_half_life_s: Positive = 600
    publish_s: Annotated[int, msgspec.Meta(ge=0)] = 60
    conflate_ms: Annotated[int, msgspec.Meta(ge=0, le=3_600_000)] = 0
    fill_prior: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.9
    fill_prior_dark: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.0
    fill_prior_wholesaler: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.0
    fill_prior_weight: Annotated[float, msgspec.Meta(gt=0.0)] = 4.0
    ack_prior_weight: Annotated[float, msgspec.Meta(gt=0.0)] = 4.0
    near_ticks: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 5
    open_window_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 1800
    open_half_life_days: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 5
    fee_tolerance_nanos: Annotated[int, msgspec.Meta(ge=0, le=10**18)] = 10_000_000


class Markouts(Section, frozen=True, kw_only=True):
    """How far after a fill the mid is looked at, and what that is compared with.

    0 in `resolution_ms` takes the dataset's polling interval, 0 in `mid_age_ms` twice the time
    after which its quotes are stale, 0 in `control_s` takes no controls. Where venues are crossed
    against each other by up to `mid_crossed_bps`, their midpoint counts as a mid.
    """

    horizons_ms: tuple[Horizon, Horizon, Horizon, Horizon] = (50, 1_000, 15_000, 60_000)
    resolution_ms: Millis = 0
    mid_age_ms: Millis = 0
    control_s: Annotated[int, msgspec.Meta(ge=0, le=30_000)] = 10
    mid_crossed_bps: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0


class Health(Section, frozen=True, kw_only=True):
    """When a venue counts as sick and what heals it.

    Bursts are counted in a row, `clean_run` in clean outcomes; 0 in `check_ms` looks at nobody,
    0 in `stale_floor_ms` takes the dataset's `stale_ms`. A venue that is degraded or cooling, or
    a row with fewer than `probe_children` effective children, gets `probes_per_minute` at most.
    """

    check_ms: Millis = 1_000
    stale_floor_ms: Millis = 0
    stale_multiple: Count = 20
    reject_burst: Count = 3
    timeout_burst: Count = 2
    clean_run: Count = 10
    clean_run_max: Count = 160
    probes_per_minute: Annotated[int, msgspec.Meta(ge=0, le=600)] = 0
    probe_children: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0


class Opening(Section, frozen=True, kw_only=True):
    """What an account holds of an instrument at a venue when the log begins, in whole ones."""

    account: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
    venue: str
    instrument: str
    ones: Annotated[str, msgspec.Meta(pattern=r"^\d{1,15}(\.\d{1,9})?$")]


class Orders(Section, frozen=True, kw_only=True):
    """How long identities and finished orders are remembered, and the policy of most orders."""

    identity_window_s: Positive = 86_400
    linger_s: Annotated[int, msgspec.Meta(ge=0)] = 60
    default_policy: str = "lowest_cost"


class Run(Section, frozen=True, kw_only=True):
    """How the run is kept: a snapshot every so many inputs (0 = none), shards (0 = dataset's),
    input frames as differences or plain, inputs synced in groups or (for research) not at all.
    """

    snapshot_inputs: Annotated[int, msgspec.Meta(ge=0)] = 2_000_000
    shards: Annotated[int, msgspec.Meta(ge=0, le=1024)] = 0
    log_codec: Literal["delta", "none"] = "delta"
    log_durability: Literal["group", "none"] = "group"


class EngineConfig(Whole, frozen=True, kw_only=True):
    """A whole configuration; every key has a default."""

    policies: Policies = Policies()
    limits: Limits = Limits()
    posting: Posting = Posting()
    quality: Quality = Quality()
    markouts: Markouts = Markouts()
    health: Health = Health()
    orders: Orders = Orders()
    inventory: tuple[Opening, ...] = ()
    run: Run = Run()

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """(dotted keys, what is wrong between them) of values that do not fit each other."""
        horizons = self.markouts.horizons_ms
        if any(near >= far for near, far in pairwise(horizons)):
            yield ("markouts.horizons_ms",), f"{list(horizons)} must rise from each to the next"
        run, most = self.health.clean_run, self.health.clean_run_max
        if most < run:
            yield ("health.clean_run", "health.clean_run_max"), f"{run} is above {most}"

"""The records of policies, limits and accounts: what may be done, not where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from aggregates.reference.items import Activated, Retired
from schemas import reference
from schemas.codes import Crossed, InputType, KillScope, PolicyKind, Protection, SelfMatch
from schemas.errors import InputError
from schemas.layout import Layout
from schemas.orders import KILL
from schemas.units import INSTRUMENT_NONE, MAX_VENUES, NS_PER_MS, VENUE_NONE, price_nanos
from streams.config.records import e9_from_bps

Values = dict[str, Any]
SAME = (
    *("split", "fee_aware", "allow_degraded", "max_levels", "max_children", "max_attempts"),
    *("equalise_arrival", "use_hidden", "max_delay_us", "impact_horizon", "toxicity_horizon"),
    *("dark_percent", "dark_min_lots", "dark_horizon"),
)
TIMES = ("stale", "ack_timeout", "retry", "horizon")
RATES = ("tolerance", "miss_penalty", "latency", "risk", "toxicity")
NAMING = {"policy": "preferred", "account": "venues"}
"""Kind -> the field of its terms that names venues."""


class Known(Protocol):
    """Dense ids by key of what the log has told."""

    venues: dict[str, int]
    instruments: dict[str, int]


def record(layout: Layout, kind: InputType, /, **values: Any) -> bytes:
    """A record without its numbers: whoever appends it sets source_seq and time."""
    place = {"venue": VENUE_NONE, "instrument": INSTRUMENT_NONE}
    return layout.pack(**{**place, "type": int(kind), **values})


def suspension(scope: KillScope, event: Any, **place: Any) -> bytes:
    """The switch of reference data: engaged unless the item is in force."""
    engaged = int(not isinstance(event, Activated))
    return record(KILL, InputType.KILL, **place, scope=int(scope), engaged=engaged)


def policy_records(key: str, event: Any, known: Known) -> Iterator[bytes]:
    """The policy and how its remainders rest; its version is how often it was activated."""
    terms = event.terms
    ranks = bytearray(MAX_VENUES)
    for rank, venue in enumerate(terms["preferred"], 1):
        ranks[venue_id(f"policy {key}", venue, known)] = rank
    yield record(
        reference.POLICY,
        InputType.POLICY,
        name=key.encode(),
        policy=terms["policy"],
        version=event.revision,
        kind=int(PolicyKind[terms["kind"].upper()]),
        preferred=bytes(ranks),
        ended=int(isinstance(event, Retired)),
        protection=int(Protection[terms["protection"].upper()]),
        crossed=int(Crossed[terms["crossed"].upper()]),
        ticket_nanos=price_nanos(terms["ticket"]),
        posting=sum(1 << urgency for urgency in set(terms["posting"])),
        dark_toxic_cbps=round(terms["dark_toxicity_bps"] * 100),
        **{name: int(terms[name]) for name in SAME},
        **{f"{name}_ns": terms[f"{name}_ms"] * NS_PER_MS for name in TIMES},
        **{f"{name}_e9": e9_from_bps(terms[f"{name}_bps"]) for name in RATES},
        **urgent(terms),
    )
    if terms["rest"] is not None and isinstance(event, Activated):
        yield posting_record(terms["policy"], terms["rest"])


def urgent(terms: Values) -> dict[str, int]:
    """Fields by urgency 1 to 3."""
    misses, horizons = terms["urgency_miss_bps"], terms["urgency_horizon_ms"]
    found = {f"urgency_miss_e9_{u}": e9_from_bps(bps) for u, bps in enumerate(misses, 1)}
    return found | {f"urgency_horizon_ms_{u}": ms for u, ms in enumerate(horizons, 1)}


def posting_record(policy: int, rest: Values) -> bytes:
    """How a policy's remainders rest."""
    times = ("rest", "min_life", "check")
    return record(
        reference.POSTING,
        InputType.POSTING,
        policy=policy,
        enabled=1,
        max_urgency=rest["max_urgency"],
        horizon=rest["horizon"],
        max_posts=rest["max_posts"],
        **{f"{name}_ns": rest[f"{name}_ms"] * NS_PER_MS for name in times},
    )


def limits_records(key: str, event: Any, known: Known) -> Iterator[bytes]:
    """Limits of the instrument that they are named after; retired ones restrict it."""
    terms = event.terms
    check_names("limits", key, terms, known)
    yield record(
        reference.LIMITS,
        InputType.LIMITS,
        instrument=known.instruments[key],
        max_order_units=terms["max_order_units"],
        max_notional_ones=terms["max_notional_ones"],
        collar_e9=e9_from_bps(terms["collar_bps"]),
        restricted=int(terms["restricted"] or isinstance(event, Retired)),
        short_restricted=int(terms["short_restricted"]),
        self_match=int(SelfMatch[terms["self_match"].upper()]),
        status_requests=terms["status_requests"],
        max_reports=terms["max_reports"],
        duplicate_ns=terms["duplicate_ms"] * NS_PER_MS,
        inventory=int(terms["inventory"]),
    )


def account_records(key: str, event: Any, known: Known) -> Iterator[bytes]:
    """The account's limits; out of force it is suspended."""
    terms, is_active = event.terms, isinstance(event, Activated)
    if is_active:
        venues = [venue_id(f"account {key}", venue, known) for venue in terms["venues"]]
        yield record(
            reference.ACCOUNT,
            InputType.ACCOUNT,
            account=key.encode(),
            venues_permitted=sum(1 << venue for venue in venues),
            max_gross_ones=terms["max_gross_ones"],
            max_net_ones=terms["max_net_ones"],
            rate_ns=terms["rate_ms"] * NS_PER_MS,
            rate_max=terms["rate_max"],
            throttle_ns=terms["throttle_ms"] * NS_PER_MS,
            throttle_max=terms["throttle_max"],
        )
    if event.revision > 1 or not is_active:
        yield suspension(KillScope.SUSPENDED_ACCOUNT, event, target=key.encode())


def venue_id(whose: str, key: str, known: Known) -> int:
    """Dense id of a venue that terms name."""
    if key not in known.venues:
        raise InputError(f"{whose}: names venue {key}, which is not in the log; activate it first")
    return known.venues[key]


def check_names(kind: str, key: str, terms: Values, known: Known) -> None:
    """InputError for terms that name a venue or an instrument that the log does not know."""
    if kind == "limits" and key not in known.instruments:
        raise InputError(f"limits {key}: no such instrument in the log; activate it first")
    for venue in terms[NAMING[kind]] if kind in NAMING else ():
        venue_id(f"{kind} {key}", venue, known)

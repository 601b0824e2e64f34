"""Reference inputs: what the engine knows about instruments, venues, fees, policies and limits.

They arrive on source 0 with a dense source_seq, the reference version. Each carries the full new
value of what it names. Dense instrument and venue ids are assigned here and nowhere else.
"""

from __future__ import annotations

from schemas.envelope import HEADER_FIELDS
from schemas.layout import Layout

INSTRUMENT = Layout(
    "Instrument",
    (
        *HEADER_FIELDS,
        ("key", "64s"),
        ("quote_ccy", "8s"),
        ("units_per_one", "q"),
        ("tick_nanos", "q"),
        ("round_lot_units", "q"),
        ("default_policy", "I"),
        ("asset_class", "B"),
        ("reserved", "59s"),
    ),
)
"""`units_per_one` smallest units make the one that prices are quoted for (1 share, 1e8 for BTC)."""

VENUE = Layout(
    "Venue",
    (
        *HEADER_FIELDS,
        ("key", "16s"),
        ("mic", "4s"),
        ("kind", "B"),
        ("is_protected", "B"),
        ("modelled", "B"),
        ("status", "B"),
        ("name", "32s"),
        ("ack_prior_ns", "q"),
        ("reserved", "96s"),
    ),
)
"""`key` orders venues wherever an order of venues matters; `mic` is empty for private codes.
`ack_prior_ns` is the acknowledgement latency believed before any was seen."""

LISTING = Layout(
    "Listing",
    (
        *HEADER_FIELDS,
        ("tick_nanos", "q"),
        ("lot_units", "q"),
        ("min_units", "q"),
        ("ticket_nanos", "q"),
    ),
)
"""The header's instrument trades at the header's venue, in multiples of `lot_units`.

A venue that takes no odd lots has the round lot as `lot_units`; one that takes them only beyond a
round lot has it as `min_units`. `ticket_nanos` is charged once for each child.
"""

FEE = Layout(
    "Fee",
    (
        *HEADER_FIELDS,
        ("liquidity", "B"),
        ("reserved", "7s"),
        ("fixed_nanos", "q"),
        ("rate_e9", "q"),
        ("reserved2", "8s"),
    ),
)
"""Fee per whole one traded = fixed_nanos + price * rate_e9 / 1e9, negative for a rebate."""

FEE_TIER = Layout(
    "FeeTier",
    (
        *HEADER_FIELDS,
        ("account", "16s"),
        ("liquidity", "B"),
        ("tier", "B"),
        ("per_order", "B"),
        ("reserved", "5s"),
        ("volume", "q"),
        ("fixed_nanos", "q"),
        ("rate_e9", "q"),
        ("sub_below_nanos", "q"),
        ("sub_fixed_nanos", "q"),
        ("sub_rate_e9", "q"),
        ("min_nanos", "q"),
        ("max_nanos", "q"),
        ("reserved2", "8s"),
    ),
)
"""One line of a fee schedule at the header's venue, before any FEE of it.

It holds for the header's instrument, or all where that is none, and for `account`, or all where
that is empty, from a month's `volume` on. Below the price `sub_below_nanos` the `sub_*` terms
count. `min_nanos` and `max_nanos` (0 = none) bound the charge of a fill, or of a child order where
`per_order` is set."""

BILLING = Layout(
    "Billing",
    (
        *HEADER_FIELDS,
        ("account", "16s"),
        ("period_ns", "q"),
        ("month_to_date", "q"),
        ("forecast", "q"),
        ("prior_tier", "B"),
        ("basis", "B"),
        ("reserved", "6s"),
        ("reserved2", "48s"),
    ),
)
"""Volume of a billing account (all where empty) at the header's venue, in the unit of its
schedule's `volume`; `basis` says which figure chooses the tier until the next such record."""

POLICY = Layout(
    "Policy",
    (
        *HEADER_FIELDS,
        ("name", "32s"),
        ("policy", "I"),
        ("version", "I"),
        ("kind", "B"),
        ("split", "B"),
        ("fee_aware", "B"),
        ("max_levels", "B"),
        ("max_children", "B"),
        ("allow_degraded", "B"),
        ("protection", "B"),
        ("crossed", "B"),
        ("max_attempts", "I"),
        ("equalise_arrival", "B"),
        ("use_hidden", "B"),
        ("posting", "B"),
        ("impact_horizon", "B"),
        ("tolerance_e9", "q"),
        ("miss_penalty_e9", "q"),
        ("stale_ns", "q"),
        ("ack_timeout_ns", "q"),
        ("retry_ns", "q"),
        ("horizon_ns", "q"),
        ("preferred", "64s"),
        ("ticket_nanos", "q"),
        ("latency_e9", "I"),
        ("risk_e9", "I"),
        ("toxicity_e9", "I"),
        ("max_delay_us", "I"),
        *((f"urgency_miss_e9_{urgency}", "I") for urgency in range(1, 4)),
        *((f"urgency_horizon_ms_{urgency}", "I") for urgency in range(1, 4)),
        ("toxicity_horizon", "B"),
        ("ended", "B"),
        ("dark_percent", "B"),
        ("dark_horizon", "B"),
        ("dark_min_lots", "H"),
        ("dark_toxic_cbps", "H"),
    ),
)
"""A routing policy version; all kinds are settings of one optimiser.

`preferred[v]` is 1 + the preference rank of dense venue v, 0 = not listed. `tolerance_e9` is a
fraction of the best eligible price; `miss_penalty_e9` a fraction of the best displayed far touch,
charged for the part of a child that is likely to miss. `protection` and `crossed` are codes of
Protection and Crossed. `impact_horizon` is the markout horizon, 1 to 4, whose impact is charged on
what remains of the parent, 0 = none. `ticket_nanos` is what each child costs whatever its size.

`balanced` charges fractions of the price: `latency_e9` per ms of expected acknowledgement,
`risk_e9` per unit of the standard error of the fill ratio, `toxicity_e9` per bp of impact at
`toxicity_horizon`, unless impact is in the cost already. Urgency 1 to 3 of an order replaces the
miss penalty and the horizon where they are not 0; bit u of `posting` lets urgency u rest.
`ended` 1 refuses new orders under the policy; those that work go on.

Dark pools together may be asked for `dark_percent` of what a decision places, 0 = they are not
used; each for `dark_min_lots` round lots at least. The mid's move at markout `dark_horizon` after
our fills there is charged (0 = it is not looked at), and beyond `dark_toxic_cbps` hundredths of a
basis point, in either direction, a pool is left out (0 = never).
"""

LIMITS = Layout(
    "Limits",
    (
        *HEADER_FIELDS,
        ("max_order_units", "q"),
        ("max_notional_ones", "q"),
        ("collar_e9", "q"),
        ("restricted", "B"),
        ("short_restricted", "B"),
        ("self_match", "B"),
        ("status_requests", "B"),
        ("max_reports", "I"),
        ("duplicate_ns", "q"),
        ("inventory", "B"),
        ("reserved", "55s"),
    ),
)
"""Pre-trade limits of the header's instrument. `max_notional_ones` is in whole quote currency.

`restricted` 1 refuses every new order, `short_restricted` 1 every short sale that is not exempt.
`self_match` is a SelfMatch. A child of unknown outcome is asked about `status_requests` times, then
parked. At `max_reports` reports of one child its parent stops (0 = the engine's own bound). The
same terms again within `duplicate_ns` are refused, 0 = never. `inventory` 1 binds sells that are
not short to what their account holds at each venue (INVENTORY); 0 leaves that to settlement.
"""

ACCOUNT = Layout(
    "AccountLimits",
    (
        *HEADER_FIELDS,
        ("account", "16s"),
        ("venues_permitted", "Q"),
        ("max_gross_ones", "q"),
        ("max_net_ones", "q"),
        ("rate_ns", "q"),
        ("throttle_ns", "q"),
        ("rate_max", "I"),
        ("throttle_max", "I"),
        ("budgeted", "B"),
        ("reserved", "31s"),
    ),
)
"""Limits of one account; 0 = no limit.

`venues_permitted` is a bit mask of dense venue ids. Positions count at the reference mid with all
that is still open: `max_net_ones` of one instrument, `max_gross_ones` over all of the shard, in
whole quote currency. At most `rate_max` new orders and amendments in any `rate_ns`; at most
`throttle_max` decisions that send in any `throttle_ns`, after which the account stops until a named
person re-arms it. Both maxima are at most 1024. With `budgeted` 1 the gross limit is over all
shards: each may use the share that BUDGET inputs give it, and none before the first.
"""

POSTING = Layout(
    "Posting",
    (
        *HEADER_FIELDS,
        ("policy", "I"),
        ("enabled", "B"),
        ("max_urgency", "B"),
        ("improve", "B"),
        ("horizon", "B"),
        ("rest_ns", "q"),
        ("min_life_ns", "q"),
        ("check_ns", "q"),
        ("max_posts", "I"),
        ("reserved", "60s"),
    ),
)
"""How the remainders of a routing policy rest; without one (or `enabled` 0) nothing does.

Orders of at most `max_urgency` that give `post_permission` post what found no taker's price, one
venue at a time. A resting child is looked at every `check_ns` once it is `min_life_ns` old: it is
withdrawn when the touch has left it, its venue is unwell or stopped, or after `rest_ns`. A parent
posts at most `max_posts` times, the message-to-fill bound. `horizon` 1..4 names the markout whose
adverse selection counts; `improve` is kept for a price better than the touch and must be 0.
"""

SETTINGS = Layout(
    "Settings",
    (
        *HEADER_FIELDS,
        ("liquidity_half_life_ns", "q"),
        ("speed_half_life_ns", "q"),
        ("fill_half_life_ns", "q"),
        ("publish_ns", "q"),
        ("identity_window_ns", "q"),
        ("linger_ns", "q"),
        ("fill_prior_e9", "q"),
        ("fill_prior_weight_e9", "q"),
        ("ack_prior_weight_e9", "q"),
        ("cost_half_life_ns", "q"),
        ("impact_half_life_ns", "q"),
        ("horizon_1_ns", "q"),
        ("horizon_2_ns", "q"),
        ("horizon_3_ns", "q"),
        ("horizon_4_ns", "q"),
        ("resolution_ns", "q"),
        ("mid_age_ns", "q"),
        ("control_ns", "q"),
        ("health_ns", "q"),
        ("stale_floor_ns", "q"),
        ("fee_tolerance_nanos", "q"),
        ("stale_multiple", "I"),
        ("reject_burst", "I"),
        ("timeout_burst", "I"),
        ("clean_run", "I"),
        ("clean_run_max", "I"),
        ("near_ticks", "I"),
        ("mid_crossed_e9", "I"),
        ("fill_prior_dark_e9", "I"),
        ("fill_prior_wholesaler_e9", "I"),
        ("probes_per_minute", "I"),
        ("open_window_ns", "q"),
        ("open_half_life_days", "H"),
        ("probe_children", "H"),
        ("conflate_ms", "I"),
    ),
)
"""How quality decays, when it is published, how long identities and finished orders are kept.

`fill_prior_e9` is the fill ratio believed before any child was seen, with the weight of
`fill_prior_weight_e9` children, and `fill_prior_dark_e9` and `fill_prior_wholesaler_e9` that of
venues of those kinds (0 = as of the others); `ack_prior_weight_e9` is the weight of a venue's
`ack_prior_ns` in acknowledgements. Markouts settle at the four horizons, which rise; those below
`resolution_ns`, the data's own, are not taken. `control_ns` and `health_ns` are cadences, 0 =
never. A venue is stale after `stale_multiple` times its usual quote gap and at least
`stale_floor_ns`; bursts count in a row; `clean_run` clean outcomes heal it, doubled at each
relapse up to `clean_run_max`. Where venues are crossed against each other by at most
`mid_crossed_e9` of the price, the midpoint still counts as a mid; with 0 the last uncrossed one
stays. Ingest leaves out quotes that are older than `conflate_ms` when it meets them, where a newer
one of the same level waits behind them; 0 = never. What it left out is a gap in its source.

A venue gets at most `probes_per_minute` probes (0 = none) while it is degraded or cooling, or where
a row rests on fewer than `probe_children` effective children (0 = no matter). What a row looked
like `open_window_ns` after its venue opened (0 = never kept) is where it starts at the next open at
that time of day; days fade with `open_half_life_days` (0 = only the last one counts).
"""

VENUE_PRIOR = Layout(
    "VenuePriorUpdated",
    (
        *HEADER_FIELDS,
        ("fill_ratio_e9", "q"),
        ("ack_ns", "q"),
        ("children", "q"),
        ("reserved", "8s"),
    ),
)
"""What all shards together have learned of the header's venue: the prior of its own roll-up.

It stands in place of the prior of the venue's kind, with the same weight: `fill_ratio_e9` (-1 =
none), `ack_ns` (0 = none); `children` is the decayed number of children behind it.
"""

ENGINE = Layout("EngineActivated", (*HEADER_FIELDS, ("version_hash", "32s")))
"""From this position on the shard is stepped by the engine generation with this hash."""

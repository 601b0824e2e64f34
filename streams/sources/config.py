"""What a dataset TOML may say, as typed frozen structs."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

TimeUnit = Literal["ns", "us", "ms", "s", "ms_of_day"]
"""`ms_of_day` counts from midnight of the file name's `date` in `[clock] timezone`."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every table of a dataset TOML; an unknown key is an error."""


class QuoteFiles(Section, frozen=True, kw_only=True):
    """Files of quotes: where they are and which column plays which role ("" = no such column)."""

    glob: str
    pattern: str = ""
    time: str
    time_unit: TimeUnit
    venue_time: str = ""
    venue_time_unit: TimeUnit = "ms"
    market: str = ""
    symbol: str = ""
    bid: str
    bid_size: str
    bid_market: str = ""
    ask: str
    ask_size: str
    ask_market: str = ""
    flag: str = ""


class TradeFiles(Section, frozen=True, kw_only=True):
    """Files of prints, in the same terms as QuoteFiles."""

    glob: str
    pattern: str = ""
    time: str
    time_unit: TimeUnit
    venue_time: str = ""
    venue_time_unit: TimeUnit = "ms"
    market: str = ""
    symbol: str = ""
    price: str
    size: str
    buyer_is_maker: str = ""
    conditions: str = ""
    suspicious: str = ""


class Scales(Section, frozen=True, kw_only=True):
    """What 1 in the file is worth: `price` in the quote currency, `size` in whole ones."""

    price: str = "1"
    size: str = "1"


class Clock(Section, frozen=True, kw_only=True):
    """Offsets are added to the file's times; `backwards` says what happens to a row whose time goes
    back within its file: `sort` puts it in its place and marks it repaired, `reject` drops it.
    """

    log_offset_ns: int = 0
    venue_offset_ns: int = 0
    timezone: str = ""
    backwards: Literal["sort", "reject"] = "sort"


class Instruments(Section, frozen=True, kw_only=True):
    """How instruments are named and measured.

    `pattern` is matched against the symbol column, or against the file name where there is none;
    `key` is a format string over its named groups.
    """

    pattern: str
    key: str
    quote_ccy: str
    decimals: int
    tick: str
    round_lot: str
    asset_class: int


class Fee(Section, frozen=True, kw_only=True):
    """Charge per whole one traded = fixed + price * rate; negative is a rebate."""

    fixed: str = "0"
    rate: str = "0"


class Tier(Section, frozen=True, kw_only=True):
    """Fees from a month's `volume` on, in the unit of the venue's schedule; lowest tier first."""

    volume: Annotated[int, msgspec.Meta(ge=0, le=10**18)] = 0
    taker: Fee | None = None
    maker: Fee | None = None


class Schedule(Section, frozen=True, kw_only=True):
    """A venue's tiers in a JSON file of fee schedules, beside the TOML or at a whole path."""

    file: str
    name: str
    market: str = "trading"


class Billing(Section, frozen=True, kw_only=True):
    """What chooses the tier of every account: the prior period's, or a volume."""

    basis: Literal["prior_tier", "forecast", "month_to_date"] = "prior_tier"
    prior_tier: Annotated[int, msgspec.Meta(ge=0, le=31)] = 0
    forecast: Annotated[int, msgspec.Meta(ge=0, le=10**18)] = 0
    month_to_date: Annotated[int, msgspec.Meta(ge=0, le=10**18)] = 0


class Venue(Section, frozen=True, kw_only=True):
    """A venue of the dataset; `codes` are its names in the files. `tiers`, or those that `schedule`
    names, come before `taker` and `maker`; `billing` chooses among them, the lowest without one.

    `out_us` and `back_us` are the one-way latencies of orders to it and of reports from it.
    """

    key: str
    name: str
    codes: tuple[str, ...]
    mic: str = ""
    kind: Literal["lit", "dark", "wholesaler"] = "lit"
    is_listed: bool = True
    is_protected: bool = False
    taker: Fee = Fee()
    maker: Fee = Fee()
    tiers: Annotated[tuple[Tier, ...], msgspec.Meta(max_length=32)] = ()
    schedule: Schedule | None = None
    billing: Billing | None = None
    out_us: int
    back_us: int
    ack_prior_us: int


class Listing(Section, frozen=True, kw_only=True):
    """What differs for one venue or instrument; both are globs over keys, the last match wins.

    `contract_value` is the worth in the quote currency of one contract where sizes are contracts.
    """

    venue: str = "*"
    instrument: str = "*"
    tick: str = ""
    lot: str = ""
    min: str = ""
    contract_value: str = ""


class Basis(Section, frozen=True, kw_only=True):
    """Prices of every market but `reference` are shifted by the rolling median of past gaps.

    The gap of mids is sampled every `sample_ms`; the median is over the samples of `window_ms`. A
    market is left out until it has `min_samples` of them.
    """

    reference: str
    sample_ms: int
    window_ms: int
    min_samples: int


class Books(Section, frozen=True, kw_only=True):
    """How the venues that a best-quote stream does not name are modelled (see `_books`).

    A quote that cannot stand goes `step_back_ticks` behind the best; none stays more than
    `max_lag_ticks` behind; its size is the median of the venue's last `size_memory` named sizes.
    """

    step_back_ticks: int = 1
    max_lag_ticks: int = 10
    size_memory: int = 31


class Replay(Section, frozen=True, kw_only=True):
    """Defaults of a replay of this dataset; `stale_ms` is when a silent quote counts as stale.

    `poll_ms` is the usual time between two polls of a polled market, which bounds what can be seen.
    """

    horizon_ms: int
    stale_ms: int
    touch_multiples: tuple[str, ...] = ("0.1", "0.3", "0.5", "1", "3")
    is_polled: bool = False
    poll_ms: int = 0
    shards: int = 1


class Dataset(Section, frozen=True, kw_only=True):
    """A whole dataset TOML. `modelled` says of each part that was not recorded how it is made."""

    name: str
    reader: str
    about: str
    quotes: QuoteFiles
    trades: TradeFiles | None = None
    scales: Scales = Scales()
    clock: Clock = Clock()
    instruments: Instruments
    venues: tuple[Venue, ...]
    listings: tuple[Listing, ...] = ()
    basis: Basis | None = None
    books: Books | None = None
    modelled: dict[str, str] = {}
    replay: Replay

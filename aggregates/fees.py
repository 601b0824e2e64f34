"""Fee schedules of billing accounts: which line is in force, and what it charges.

A line holds for a venue, an instrument or all of them, an account or all of them, a liquidity code
and a volume tier. The nearest one counts: the account's own before everybody's, the instrument's
before the venue's. The tier follows from a BILLING input alone (the prior period's tier, the
forecast or the volume so far), never from what an order would add, so that no order chases a jump.
"""

from __future__ import annotations

from typing import Any

from aggregates.arithmetic import scale_e9
from schemas import reference
from schemas.codes import FeeBasis, Reason
from schemas.units import E9, INSTRUMENT_NONE, MAX_PRICE_NANOS

MAX_LINES = 65_536
MAX_BILLINGS = 4096
MAX_TIERS = 32
MAX_VOLUME = 10**18
MAX_CHARGE_NANOS = 10**15
MAX_FIXED_NANOS = 10**12
LIQUIDITY_CODES = 6
EVERYBODY = b"\0" * 16
LineKey = tuple[int, bytes, int, int]
"""(venue, account, instrument, liquidity); its lines differ by tier."""


class Fees:
    """Lines and billing accounts as the reference inputs told them."""

    __slots__ = ("billings", "billings_raw", "lines", "lines_raw", "venues")

    def __init__(self) -> None:
        self.lines: dict[LineKey, dict[int, Any]] = {}
        self.lines_raw: dict[tuple[int, bytes, int, int, int], bytes] = {}
        self.billings: dict[tuple[int, bytes], Any] = {}
        self.billings_raw: dict[tuple[int, bytes], bytes] = {}
        self.venues = 0

    def put_line(self, record: Any, raw: bytes) -> Reason:
        """Defines or replaces one line."""
        key = record.venue, record.account, record.instrument, record.liquidity
        if (*key, record.tier) not in self.lines_raw and len(self.lines_raw) >= MAX_LINES:
            return Reason.TABLE_FULL
        self.lines_raw[*key, record.tier] = raw
        self.lines.setdefault(key, {})[record.tier] = record
        self.venues |= 1 << record.venue
        return Reason.NONE

    def put_billing(self, record: Any, raw: bytes) -> Reason:
        """Defines or replaces what an account's volume at a venue is."""
        key = record.venue, record.account
        if key not in self.billings and len(self.billings) >= MAX_BILLINGS:
            return Reason.TABLE_FULL
        self.billings[key], self.billings_raw[key] = record, raw
        return Reason.NONE

    def find(self, venue: int, account: bytes, instrument: int, liquidity: int) -> Any:
        """The line in force; None where no schedule says anything."""
        if not self.venues >> venue & 1:
            return None
        billing = self.billings.get((venue, account)) or self.billings.get((venue, EVERYBODY))
        for holder in (account, EVERYBODY):
            for scope in (instrument, INSTRUMENT_NONE):
                tiers = self.lines.get((venue, holder, scope, liquidity), {})
                line = _in_force(tiers, billing)
                if line is not None:
                    return line
        return None


def _in_force(tiers: dict[int, Any], billing: Any) -> Any:
    """The highest tier that the account has reached; the lowest ones without a billing record."""
    reached = [tier for tier, line in tiers.items() if _is_reached(tier, line, billing)]
    return tiers[max(reached)] if reached else None


def _is_reached(tier: int, line: Any, billing: Any) -> bool:
    if billing is None:
        return tier == 0
    if billing.basis == FeeBasis.PRIOR_TIER:
        return bool(tier <= billing.prior_tier)
    forecast = billing.basis == FeeBasis.FORECAST
    return bool(line.volume <= (billing.forecast if forecast else billing.month_to_date))


def terms_at(line: Any, price_nanos: int) -> tuple[int, int]:
    """(fixed nanos per whole one, rate in 1e-9 of the price) of a line at a price."""
    if price_nanos < line.sub_below_nanos:
        return line.sub_fixed_nanos, line.sub_rate_e9
    return line.fixed_nanos, line.rate_e9


def per_one(terms: tuple[int, int], price_nanos: int) -> int:
    """Fee per whole one in nanos, negative for a rebate."""
    return terms[0] + scale_e9(price_nanos, terms[1])


def charge_nanos(line: Any, before: list[tuple[int, int]], fill: tuple[int, int], one: int) -> int:
    """What a line charges for a fill of (units, price), after a child's earlier fills.

    A line per order bounds the sum of a child's fills, which are taken to be of one liquidity code;
    any other bounds each fill. `one` is the instrument's units per one.
    """
    charge = _plain(line, fill, one)
    if not line.per_order:
        return bounded(line, charge)
    total = sum(_plain(line, trade, one) for trade in before)
    charged = bounded(line, total) if before else 0
    return bounded(line, total + charge) - charged


def _plain(line: Any, fill: tuple[int, int], one: int) -> int:
    units, price_nanos = fill
    return per_one(terms_at(line, price_nanos), price_nanos) * units // one


def bounded(line: Any, charge: int, one: int = 1) -> int:
    """Minimum and maximum bound what is charged; 0 is none, and a rebate has no minimum.

    The charge is in nanos / `one`.
    """
    least, most = int(line.min_nanos) * one, int(line.max_nanos) * one
    if least and 0 <= charge < least:
        return least
    return min(charge, most) if most else charge


def bounds_of(line: Any) -> Any:
    """A line that bounds what it charges; None without a line or bounds."""
    return line if line is not None and (line.min_nanos or line.max_nanos) else None


def line_is_valid(record: Any) -> bool:
    """Whether a FEE_TIER record's numbers can be believed."""
    fixed = record.fixed_nanos, record.sub_fixed_nanos
    rates = record.rate_e9, record.sub_rate_e9
    return bool(
        record.liquidity < LIQUIDITY_CODES
        and record.tier < MAX_TIERS
        and record.per_order <= 1
        and 0 <= record.volume <= MAX_VOLUME
        and all(-MAX_FIXED_NANOS <= value <= MAX_FIXED_NANOS for value in fixed)
        and all(-E9 < value < E9 for value in rates)
        and 0 <= record.sub_below_nanos <= MAX_PRICE_NANOS
        and 0 <= record.min_nanos <= MAX_CHARGE_NANOS
        and 0 <= record.max_nanos <= MAX_CHARGE_NANOS
        and (not record.max_nanos or record.min_nanos <= record.max_nanos)
    )


def billing_is_valid(record: Any) -> bool:
    """Whether a BILLING record's numbers can be believed."""
    return bool(
        record.basis <= FeeBasis.MONTH_TO_DATE
        and record.prior_tier < MAX_TIERS
        and 0 <= record.month_to_date <= MAX_VOLUME
        and 0 <= record.forecast <= MAX_VOLUME
    )


def plain_line(fixed_nanos: int, rate_e9: int) -> Any:
    """A line without tiers, thresholds or bounds."""
    return _PLAIN._replace(fixed_nanos=fixed_nanos, rate_e9=rate_e9)


_PLAIN = reference.FEE_TIER.unpack(reference.FEE_TIER.pack())

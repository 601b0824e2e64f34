"""Fee schedules as a clerk reads them: all lines in a list, the nearest one is looked up."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any

from schemas.units import E9, INSTRUMENT_NONE

NOBODY = b"\0" * 16
Place = tuple[int, bytes, int, int]
"""(venue, account, instrument, liquidity)."""


class RawFees:
    """Every line and account told; the last word counts."""

    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.accounts: list[Any] = []

    def add_line(self, record: Any) -> None:
        """A line of a schedule."""
        self.lines.append(record)

    def add_billing(self, record: Any) -> None:
        """An account's volume."""
        self.accounts.append(record)

    def line(self, place: Place) -> Any:
        """The line that holds; None where there is none."""
        venue, account, instrument, liquidity = place
        chosen = {}
        for record in self.lines:
            own = record.account == account
            exact = record.instrument == instrument
            if (
                record.venue == venue
                and record.liquidity == liquidity
                and (own or record.account == NOBODY)
                and (exact or record.instrument == INSTRUMENT_NONE)
            ):
                chosen[own, exact, record.tier] = record
        reached = {key: line for key, line in chosen.items() if self._reached(line, account)}
        return reached[max(reached)] if reached else None

    def _reached(self, line: Any, account: bytes) -> bool:
        for holder in (account, NOBODY):
            told = [a for a in self.accounts if (a.venue, a.account) == (line.venue, holder)]
            if told:
                last = told[-1]
                ways = (
                    line.tier <= last.prior_tier,
                    line.volume <= last.forecast,
                    line.volume <= last.month_to_date,
                )
                return bool(ways[last.basis])
        return bool(line.tier == 0)

    def expected(
        self, place: Place, before: list[tuple[int, int]], fill: tuple[int, int], one: int
    ) -> int | None:
        """What a fill of (units, price) must cost after a child's earlier ones."""
        line = self.line(place)
        if line is None:
            return None
        if not line.per_order:
            return clamp(line, plain(line, fill, one))
        earlier = sum(plain(line, each, one) for each in before)
        paid = clamp(line, earlier) if before else 0
        return clamp(line, earlier + plain(line, fill, one)) - paid


def plain(line: Any, fill: tuple[int, int], one: int) -> int:
    """Without minimum and maximum; both products are rounded down."""
    units, price = fill
    below = price < line.sub_below_nanos
    fixed = line.sub_fixed_nanos if below else line.fixed_nanos
    rate = line.sub_rate_e9 if below else line.rate_e9
    return floor(Fraction((fixed + floor(Fraction(price * rate, E9))) * units, one))


def clamp(line: Any, charge: int) -> int:
    """Rebates have no minimum."""
    if charge >= 0 and line.min_nanos:
        charge = max(charge, line.min_nanos)
    if line.max_nanos:
        charge = min(charge, line.max_nanos)
    return charge

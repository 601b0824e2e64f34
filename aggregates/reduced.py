"""What a set of venues costs at least, from the reduced costs of each (Everett, 1963).

At any price a unit, all that is wanted costs at least that price for every unit and, for each venue
of the set, the least that some units there cost above it. So most sets need not be tried. The
price is what the last unit costs now, where the bound is near: dearer units are none the better.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from aggregates.allocation import Sizes, Task, within_cap
from aggregates.candidates import Candidate
from aggregates.fees import bounded

Pieces = list[tuple[int, int, int, int]]
"""(units, cost, fee, level) of each piece, each per whole one."""


class Reduced:
    """Reduced costs of all venues at a price per whole one, in nanos * units."""

    def __init__(self, task: Task, by_rank: dict[int, Candidate], price_nanos: int) -> None:
        self.task, self.price = task, price_nanos
        self.costs = {
            rank: self._reduced(candidate, _pieces(task, candidate))
            for rank, candidate in by_rank.items()
        }

    def least(self, venues: int) -> int:
        """What all that is wanted costs at least at the venues of a mask, each used."""
        whole = self.price * self.task.wanted
        return whole + sum(cost for rank, cost in self.costs.items() if venues >> rank & 1)

    def _reduced(self, candidate: Candidate, pieces: Pieces) -> int:
        """The least that some units of a venue cost above the price, its ticket included."""
        ticket = candidate.ticket_nanos * self.task.units_per_one
        if candidate.bounds is None or not self.task.policy.fee_aware:
            return ticket + sum(min(0, cost - self.price) * units for units, cost, _, _ in pieces)
        line = candidate.bounds
        scopes = groupby(pieces, key=lambda piece: line.per_order or -1 - piece[3])
        fills = [self._of_fill(line, list(group)) for _, group in scopes]
        return ticket + sum(fills[:1]) + sum(min(0, cost) for cost in fills[1:])

    def _of_fill(self, line: Any, pieces: Pieces) -> int:
        """The same of what one bounded charge is made for."""
        plain = sum(min(0, cost - self.price) * units for units, cost, _, _ in pieces)
        free = sum(
            min(0, cost - max(0, fee) - self.price) * units for units, cost, fee, _ in pieces
        )
        if any(fee < 0 for _, _, fee, _ in pieces):
            return free
        one = self.task.units_per_one
        cost = max(plain, free + bounded(line, 0, one))
        return min(cost, free + line.max_nanos * one) if line.max_nanos else cost


def _pieces(task: Task, candidate: Candidate) -> Pieces:
    """Pieces of a venue, no more than is wanted."""
    found, left = [], task.wanted
    for offer in within_cap(task, candidate):
        units = min(left, offer.units)
        fee_nanos = candidate.levels[offer.level].fee_nanos
        found.append((units, offer.cost_nanos, fee_nanos, offer.level))
        left -= units
        if not left:
            break
    return found


def last_price(task: Task, by_rank: dict[int, Candidate], floors: Sizes, sizes: Sizes) -> int:
    """Cost of the dearest last unit, of venues with more than their least where there are any."""
    above, all_last = [], []
    for rank, size in sizes.items():
        left, last = size, 0
        for units, cost, _, _ in _pieces(task, by_rank[rank]):
            if left <= 0:
                break
            left, last = left - units, cost
        all_last.append(last)
        if size > floors[rank]:
            above.append(last)
    return max(above or all_last, default=0)

"""Offers in the order in which they should be taken, on one cost curve of each venue.

Most venues have one curve, their offers as they are priced; one whose fee line has a minimum or a
maximum has several (`fee_bounds`), of which a trial of the search uses one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from aggregates.allocation import Key, Sizes, Task, within_cap
from aggregates.candidates import Candidate
from aggregates.fee_bounds import curve_of, curves

NEAR = 2
"""Curves to either side of one: those of the next level, without and with its most."""
Curves = dict[int, int]
"""Curve by venue rank; 0 where nothing is said."""


class Ladders:
    """The keys of all curves, sorted once."""

    def __init__(self, task: Task, candidates: list[Candidate], keys: list[Key]) -> None:
        self.one = task.units_per_one
        self.bounded = {
            c.rank: c for c in candidates if c.bounds and not c.reason and task.policy.fee_aware
        }
        self.counts: dict[int, int] = {}
        self.plain = keys
        self.tagged = sorted(self._tagged(task), key=lambda tag: tag[0][:4])

    def _tagged(self, task: Task) -> Iterator[tuple[Key, int]]:
        """The keys of all curves, with the curve of each."""
        if not self.bounded:
            return
        for key in self.plain:
            if key[2] not in self.bounded:
                yield key, 0
        for rank, candidate in self.bounded.items():
            found = curves(candidate, within_cap(task, candidate), self.one)
            self.counts[rank] = len(found)
            for curve, offers in enumerate(found):
                part = replace(candidate, offers=offers)
                for index, offer in enumerate(offers):
                    yield (0, offer.cost_nanos, rank, index, part), curve

    def keys(self, chosen: Curves) -> list[Key]:
        """Keys of the chosen curves, the ones to take first in front."""
        if not self.bounded:
            return self.plain
        return [key for key, curve in self.tagged if chosen.get(key[2], 0) == curve]

    def settled(self, sizes: Sizes) -> Curves:
        """The curves on which these sizes cost what they cost."""
        return {
            rank: curve_of(candidate, sizes.get(rank, 0), self.one)
            for rank, candidate in self.bounded.items()
        }

    def below(self, rank: int, curves: Curves) -> range:
        """The curves just below that of a venue, the nearest first."""
        settled = curves.get(rank, 0)
        return range(settled - 1, max(-1, settled - 1 - NEAR), -1)

    def above(self, rank: int, curves: Curves) -> range:
        """The curves just above that of a venue."""
        settled = curves.get(rank, 0)
        return range(settled + 1, min(self.counts.get(rank, 1), settled + 1 + NEAR))

    def choices(self, rank: int) -> range:
        """The curves of a venue."""
        return range(self.counts.get(rank, 1))

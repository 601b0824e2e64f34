"""How much an evaluation runs: seeds and orders of each table, and which parts of it."""

from __future__ import annotations

import hashlib

import msgspec

from schemas.errors import InputError
from streams.evaluation.worlds import HELD_OUT
from streams.simulator.synthetic.terms import Family

VENUES = (5, 10, 20, 32, 50)
PARTS = ("headline", "families", *HELD_OUT, "venues", "controls", *"abcdef", "learning")
"""What `parts` may name: `families` and `controls` are all of theirs, a letter is one control."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How much is run. `*_blocks` are market seeds, `*_orders` parents of each.

    `blocks` by family of the headline, `side_blocks` of A, B and C by number of venues. `parts`
    names those that are run, none for all. `takes_pains` runs more seeds of controls whose luck is
    wide, each by its own `effort`.
    """

    venues: tuple[int, ...] = VENUES
    headline: int = 24
    orders: int = 60
    small_orders: int = 90
    blocks: int = 30
    side_blocks: int = 12
    control_blocks: int = 30
    control_orders: int = 24
    learn_blocks: int = 30
    learn_orders: int = 40
    switch_orders: int = 300
    first_seed: int = 1
    families: tuple[Family, ...] = HELD_OUT
    takes_pains: bool = False
    parts: tuple[str, ...] = ()
    workers: int = 0

    def wants(self, *names: str) -> bool:
        """Whether a piece of work that goes by these names is asked for."""
        return not self.parts or any(name in self.parts for name in names)


QUICK = Plan()
FULL = Plan(
    orders=200,
    small_orders=400,
    blocks=100,
    side_blocks=60,
    control_blocks=200,
    control_orders=60,
    takes_pains=True,
    learn_blocks=100,
    learn_orders=160,
    switch_orders=600,
)


def checked_parts(names: tuple[str, ...]) -> tuple[str, ...]:
    """The parts as named; InputError for one that is not there."""
    for name in names:
        if name not in PARTS:
            raise InputError(f"--part {name}: no such part; name one of {', '.join(PARTS)}")
    return names


def confirmation_seed(commit: str) -> int:
    """First of the seeds that a commit names; nobody can choose it."""
    return int.from_bytes(hashlib.sha256(commit.encode()).digest()[:5], "big")

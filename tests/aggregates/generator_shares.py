"""What a random day hears from other shards, and what a desk asks besides orders.

Draws come from a generator of their own, so the rest of a day stays as it was.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

from schemas.codes import KillScope
from schemas.orders import NEW_ORDER
from tests.aggregates.generator_life import ACCOUNTS, TRADERS
from tests.builders import MS, Tape


class Shares:
    """Draws of a World: priors of venues, shares of limits, states asked for, mass cancels."""

    shares: random.Random
    tape: Tape
    venues: int
    instruments: int
    sent_orders: deque[bytes]
    heard: deque[Callable[[], None]]

    def _hear(self) -> None:
        """Every second time something, as a record of its own."""
        draw = self.shares
        if draw.random() < 0.5:
            kinds = (self._prior, self._budgeted, self._budget, self._status, self._mass)
            self.heard.append(draw.choice(kinds))

    def _prior(self) -> None:
        draw = self.shares
        self.tape.venue_prior(
            draw.randrange(self.venues + 1),
            fill_ratio_e9=draw.choice((-2, -1, 0, 10**9, 10**9 + 1, draw.randrange(10**9))),
            ack_ns=draw.choice((-1, 0, draw.randrange(50 * MS))),
            children=draw.randrange(100),
        )

    def _budgeted(self) -> None:
        draw, account = self.shares, self.shares.choice(ACCOUNTS)
        most = draw.choice((0, 10**6, 10**7))
        self.tape.account(account, max_gross_ones=most, budgeted=draw.choice((0, 1)))
        self.heard.append(lambda: self._grant(account))

    def _grant(self, account: bytes) -> None:
        self.tape.budget(account, self.shares.randrange(10**6))

    def _budget(self) -> None:
        draw = self.shares
        ones = draw.choice((-1, 0, 10**4, 10**5, 10**6, 10**7, 10**16))
        self.tape.budget(draw.choice((*ACCOUNTS, b"NOBODY")), ones)

    def _status(self) -> None:
        draw = self.shares
        if self.sent_orders:
            order = NEW_ORDER.unpack(draw.choice(self.sent_orders))
            name = order.cl_ord_id if draw.random() < 0.9 else b"NOBODY"
            self.tape.order_status(order.instrument, name, account=order.account)

    def _mass(self) -> None:
        draw = self.shares
        scope = draw.choice((*KillScope, 99))
        target = {
            KillScope.CLIENT: b"CLIENT",
            KillScope.ACCOUNT: draw.choice(ACCOUNTS),
            KillScope.TRADER: draw.choice((*TRADERS, b"")),
        }.get(scope, b"")
        instrument = draw.randrange(self.instruments + 1)
        self.tape.mass_cancel(scope, instrument=instrument, target=target)

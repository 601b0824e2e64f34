"""What a random day's desk, broker and venues do beyond orders, cancels and fills."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from schemas.codes import (
    ExecInst,
    ExecType,
    InputType,
    KillScope,
    OrderState,
    OutputType,
    Side,
    TimeInForce,
    VenueStatus,
)
from schemas.envelope import HEADER
from schemas.orders import NEW_ORDER
from tests.builders import MS, S, Tape

if TYPE_CHECKING:
    from tests.aggregates.generator import Sent

ACCOUNTS = (b"ACC1", b"ACC2", b"ACC3")
TRADERS = (b"TRD1", b"TRD2")


class Life:
    """Draws of a World: amendments, limits of accounts, days' ends, drop copies, busted trades."""

    rng: random.Random
    coins: random.Random
    tape: Tape
    calm: bool
    venues: int
    instruments: int
    working: dict[bytes, None]
    _after: Callable[[int, Callable[[], Any]], None]
    live: list[Sent]
    gone: deque[Sent]
    sent_orders: deque[bytes]
    resting: bool
    lots: list[int]
    mids: list[int]
    copies: deque[dict[str, Any]]
    names: int

    def _amend(self) -> None:
        """Another size or price under a new name; sometimes of what is not there any more."""
        if not self.sent_orders or self.rng.random() < 0.05:
            self.tape.order(0, b"AMEND", Side.BUY, 5, type=InputType.AMEND_ORDER)
            return
        rng = self.rng
        # What rests is cut and left where it is, so that it is replaced.
        sizes = (1, 1, 1, 1, 3) if self.resting else (1, 1, 2, 3, 6)
        moves = (0, 0, 0, 0, 1) if self.resting else (0, 0, -1, 1, 2)
        recent = tuple(self.sent_orders)
        working = [raw for raw in recent if raw[32:64] in self.working]
        raw = rng.choice(working if working and rng.random() < 0.9 else recent)
        record = NEW_ORDER.unpack(raw)._asdict()
        self.names += 1
        record |= {
            "type": int(InputType.AMEND_ORDER),
            "orig_cl_ord_id": record["cl_ord_id"],
            "cl_ord_id": f"C{self.names}".encode(),
            "order_units": max(1, record["order_units"] * rng.choice(sizes) // 2),
            "limit_nanos": record["limit_nanos"] + rng.choice(moves) * 10_000_000,
            "transact_ns": self.tape.now_ns,
        }
        if rng.random() < 0.1:
            record[rng.choice(("side", "exec_inst", "urgency", "policy"))] ^= 1
        header = HEADER.unpack(raw)
        for name in ("source_seq", "log_ns"):
            del record[name]
        amended = self.tape.put(NEW_ORDER, record["type"], header.source, **record)
        self.sent_orders.append(amended)

    def _learn(self, kind: OutputType, record: Any) -> None:
        """Which parents work."""
        if kind == OutputType.ORDER_STATE:
            if record.state in (OrderState.WORKING, OrderState.SUSPENDED):
                self.working[record.cl_ord_id] = None
            else:
                self.working.pop(record.cl_ord_id, None)

    def _halt(self) -> None:
        """One instrument stops at every venue for a while."""
        instrument, length = self.rng.randrange(self.instruments), self.rng.randint(20, 60)
        for venue in range(self.venues):
            self._turn(venue, instrument, 1 + venue, VenueStatus.HALTED)
            self._turn(venue, instrument, length + venue, VenueStatus.OPEN)

    def _turn(self, venue: int, instrument: int, later: int, status: int) -> None:
        self._after(later, lambda: self.tape.status(venue, status, instrument))

    def _end_of_day(self) -> None:
        self.tape.end_of_day()

    def _rearm(self) -> None:
        person = self.rng.choice((b"Ada", b"Ada", b""))
        self.tape.rearm(self.rng.choice((*ACCOUNTS, b"NOBODY")), person)

    def _drop_copy(self) -> None:
        """A copy of a recent trade, mostly right, sometimes different, missing or invented."""
        rng = self.rng
        if not self.copies or rng.random() < 0.05:
            self.tape.drop_copy(rng.randint(1, 50), 5, 10**9, 77, venue=0, instrument=0)
            return
        values = dict(self.copies.popleft())
        if rng.random() < 0.1:
            values["last_units"] += 1
        kind = rng.choice((*(ExecType.TRADE,) * 9, ExecType.TRADE_CANCEL, ExecType.NEW))
        self.tape.drop_copy(
            values.pop("child_id"),
            values.pop("last_units"),
            values.pop("last_nanos"),
            values["trade_id"],
            ref_trade_id=values.pop("trade_id"),
            exec_type=kind,
            **values,
        )

    def _account(self) -> None:
        """Limits of an account, some of them tight."""
        rng = self.rng
        mask = 0 if self.calm else rng.choice((0, 0, rng.getrandbits(self.venues)))
        self.tape.account(
            rng.choice(ACCOUNTS),
            venues_permitted=mask,
            max_gross_ones=rng.choice((0, 0, 10**6, 10**7)),
            max_net_ones=rng.choice((0, 0, 10**4, 10**6)),
            rate_ns=rng.choice((0, MS, 50 * MS)),
            throttle_ns=rng.choice((0, MS, 50 * MS)),
            rate_max=rng.choice((0, 0, 0, 3, 20)),
            throttle_max=rng.choice((0, 0, 0, 0, 3, 30)),
        )

    def _posting(self, policy: int) -> None:
        rng = self.rng
        self.tape.posting(
            policy,
            enabled=int(rng.random() < 0.9),
            max_urgency=rng.choice((3, 9)),
            horizon=rng.randint(1, 4),
            rest_ns=rng.choice((5 * MS, 50 * MS, S)),
            min_life_ns=rng.choice((1000, MS, 10 * MS)),
            check_ns=rng.choice((MS, 5 * MS)),
            max_posts=rng.choice((1, 3, 20)),
        )

    def _resting_terms(self, instrument: int, sign: int) -> dict[str, Any]:
        """A parent for the day that finds no taker's price, so that its remainder may rest."""
        rng = self.rng
        away = rng.choice((0, -1, -1, -2, -4)) * 10_000_000 * sign
        return {
            "order_units": rng.choice((10, 300, 1000)) * self.lots[instrument],
            "limit": self.mids[instrument] + away,
            "time_in_force": TimeInForce.DAY,
            "exec_inst": rng.choice((0, 0, ExecInst.POST_ONLY)),
            "min_units": 0,
            "post_permission": 1,
            "urgency": rng.randint(0, 3),
        }

    def _limit_rules(self) -> dict[str, int]:
        rng = self.rng
        return {
            "restricted": int(rng.random() < 0.02),
            "short_restricted": int(rng.random() < 0.1),
            "self_match": rng.choice((0, 0, 1, 2, 3)),
            "status_requests": rng.choice((0, 1, 3)),
            "max_reports": rng.choice((0, 0, 0, 8)),
            "duplicate_ns": rng.choice((0, 0, 10 * MS)),
            "inventory": int(self.coins.random() < 0.2),
        }

    def _inventory(self) -> None:
        """What an account holds somewhere, sometimes nonsense."""
        coins = self.coins
        instrument = coins.randrange(self.instruments)
        lots = coins.choice((0, 0, 1, 10, 300, 300, 3_000, 10**6, -1))
        self.tape.inventory(
            instrument,
            coins.randrange(self.venues + (coins.random() < 0.02)),
            lots * self.lots[instrument] + coins.choice((0, 0, 7)),
            account=b"" if coins.random() < 0.02 else coins.choice(ACCOUNTS),
        )

    def _order_rules(self) -> dict[str, Any]:
        """Terms that few orders have."""
        rng = self.rng
        values: dict[str, Any] = {
            "post_permission": int(rng.random() < 0.8),
            "trader": rng.choice(TRADERS),
            "self_match_id": rng.choice((b"", b"", b"", b"SM1")),
        }
        return values

    def _bad_life_reference(self) -> None:
        """Limits and rules that cannot be."""
        tape = self.tape
        self.rng.choice(
            (
                lambda: tape.account(b""),
                lambda: tape.account(rate_max=1025),
                lambda: tape.account(max_net_ones=-1),
                lambda: tape.posting(0),
                lambda: tape.posting(1, check_ns=999),
                lambda: tape.posting(1, horizon=5),
                lambda: tape.posting(1, improve=1),
                lambda: tape.limits(0, self_match=4),
                lambda: tape.limits(0, duplicate_ns=-1),
            )
        )()

    def _kill_target(self) -> tuple[int, dict[str, Any]]:
        return KillScope.TRADER, {"target": self.rng.choice(TRADERS)}

    def _changed_trade(self, sent: Sent) -> dict[str, Any] | None:
        """A trade cancel or correct of one of a child's trades."""
        rng = self.rng
        if not sent.trade_ids:
            return None
        corrected = rng.random() < 0.5
        return {
            "exec_type": ExecType.TRADE_CORRECT if corrected else ExecType.TRADE_CANCEL,
            "ref_trade_id": rng.choice((*sent.trade_ids, 5)),
            "last_units": rng.randint(1, max(1, sent.units)) if corrected else 0,
            "last_nanos": sent.limit_nanos if corrected else 0,
            "fee_nanos": rng.choice((0, 50_000)) if corrected else 0,
        }

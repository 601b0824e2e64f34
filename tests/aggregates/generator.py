"""Random but plausible input logs: a market, a desk and venues that answer real child orders.

Everything follows from the seed. An engine is stepped while records are drawn, so that reports
name children that exist; what its outputs say is all that is learned from it.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from aggregates import kernel
from aggregates.engine import SIZES
from aggregates.kernel import Engine
from schemas.codes import (
    ExecInst,
    ExecType,
    InputType,
    KillScope,
    Liquidity,
    OrdType,
    OutputType,
    PolicyKind,
    QuoteFlag,
    Side,
    TimeInForce,
    VenueKind,
    VenueStatus,
)
from schemas.envelope import HEADER, REFERENCE_TYPES, SLOTS
from schemas.units import (
    INSTRUMENT_NONE,
    INT64_MAX,
    MAX_PRICE_NANOS,
    MAX_UNITS,
    SOURCE_REFERENCE,
    VENUE_NONE,
)
from tests.aggregates.generator_life import Life
from tests.aggregates.generator_shares import Shares
from tests.builders import MS, REPORTS, START_NS, S, Tape, records

TICK = 10_000_000
SHORT_SIDES = (Side.SELL_SHORT, Side.SELL_SHORT_EXEMPT)
LAST_NS = 2**62
LIQUIDITY = (*(Liquidity.TAKE,) * 6, *(Liquidity.ADD,) * 3, *Liquidity, 77)
"""Codes of fills; the last is none that we know."""


def random_inputs(
    seed: int,
    count: int,
    *,
    garbage: float = 0.02,
    resting: bool = False,
    engine: Engine | None = None,
) -> bytes:
    """`count` whole input records drawn from `seed`; `garbage` is the share of random bytes.

    Most orders of a `resting` market find no taker and are amended. `engine` is stepped over the
    records (by default a reference engine of its own).
    """
    return random_day(seed, count, garbage=garbage, resting=resting, engine=engine).inputs


@dataclass(slots=True)
class Day:
    """What was drawn, what the engine said to it, and the engine."""

    steps: list[tuple[bytes, bytes]] = field(repr=False)
    engine: Engine

    @property
    def inputs(self) -> bytes:
        """All input records."""
        return b"".join(record for record, _ in self.steps)

    @property
    def outputs(self) -> bytes:
        """All output records."""
        return b"".join(outputs for _, outputs in self.steps)


def random_day(
    seed: int,
    count: int,
    *,
    garbage: float = 0.02,
    calm: bool = False,
    resting: bool = False,
    engine: Engine | None = None,
) -> Day:
    """Like random_inputs, with the engine's outputs.

    A calm day has no garbage, no faults of the log and no reference changes.
    """
    share = 0.0 if calm else garbage
    world = World(random.Random(seed), share, engine or kernel.load("reference"))
    world.calm, world.resting = calm, resting
    world.run(count)
    return Day(world.steps, world.engine)


@dataclass(slots=True)
class Sent:
    """A child as its venue knows it."""

    child_id: int
    instrument: int
    venue: int
    units: int
    limit_nanos: int
    cum_units: int = 0
    trade_ids: list[int] = field(default_factory=list)


def apart(rng: random.Random, name: str) -> random.Random:
    """A source of its own, so that what else is drawn stays; another for each state of `rng`."""
    return random.Random(f"{name} {rng.getstate()[1][:8]}")


class World(Life, Shares):
    """Draws one record after the other."""

    def __init__(self, rng: random.Random, garbage: float, engine: Engine) -> None:
        self.rng, self.garbage, self.engine = rng, garbage, engine
        self.shares = apart(rng, "shares")
        self.heard: deque[Callable[[], None]] = deque()
        self.tape = Tape(START_NS)
        self.steps: list[tuple[bytes, bytes]] = []
        self.calm = self.resting = self.is_running = False
        self.consumed = self.count = self.drawn = 0
        self.venues = rng.randint(3, 8)
        self.luck = apart(rng, "luck")
        self.coins = apart(rng, "coins")
        self.darks = {v for v in range(1, self.venues) if self.luck.random() < 0.25}
        self.instruments = rng.randint(2, 5)
        self.units_per_one = [rng.choice((1, 1, 100_000_000)) for _ in range(self.instruments)]
        self.lots = [max(1, upo // 1000) for upo in self.units_per_one]
        self.mids = [rng.randint(5, 500) * 100 * TICK for _ in range(self.instruments)]
        self.live: list[Sent] = []
        self.gone: deque[Sent] = deque(maxlen=40)
        self.orders: deque[tuple[int, bytes, bytes]] = deque(maxlen=60)
        self.sent_orders: deque[bytes] = deque(maxlen=30)
        self.names = self.trades = 0
        self.working: dict[bytes, None] = {}
        self.copies: deque[dict[str, Any]] = deque(maxlen=40)
        self.later: list[tuple[int, Callable[[], Any]]] = []

    def run(self, count: int) -> None:
        """Draws until `count` records are there."""
        self.count = count
        plan = self._set_up()
        while self.drawn < count:
            before = len(self.tape.data)
            if self.rng.random() < self.garbage / 4:
                self._garbage()
            elif next(plan, "running") == "running":
                self.is_running = True
                self._next()
            if len(self.tape.data) > before:
                self._step()
            if not self.calm and self.is_running and self.shares.random() < 0.02:
                self._hear()
            if self.is_running and self.coins.random() < 0.02:
                self.heard.append(self._inventory)
            while self.heard:
                self.heard.popleft()()
                if self.consumed < len(self.tape.data):
                    self._step()

    def _step(self) -> None:
        """Lets the engine see what was appended and learns which children it sent."""
        self.drawn += 1
        record = bytes(self.tape.data[self.consumed :])
        consumed, outputs = self.engine.step(record)
        assert consumed == len(record)
        self.consumed += consumed
        self.steps.append((record, outputs))
        for kind, record, _ in records(outputs):
            self._learn(kind, record)
            if kind == OutputType.CHILD:
                self.live.append(
                    Sent(
                        record.child_id,
                        record.instrument,
                        record.venue,
                        record.units,
                        record.limit_nanos,
                    )
                )

    # set-up

    def _set_up(self) -> Iterator[None]:
        """Reference inputs, one a step; some listings and fees are missing."""
        rng = self.rng
        for venue in range(self.venues):
            self._venue(venue)
            yield
        for instrument in range(self.instruments):
            self._instrument(instrument)
            yield
            self._limits(instrument)
            yield
            for venue in range(self.venues):
                if rng.random() < 0.92:
                    self._listing(instrument, venue)
                    yield
                if rng.random() < 0.95:
                    self._fee(instrument, venue, Liquidity.TAKE)
                    yield
                if rng.random() < 0.6:
                    self._fee(instrument, venue, Liquidity.ADD)
                    yield
                if venue in self.darks and self.luck.random() < 0.95:
                    self._fee(instrument, venue, Liquidity.MID)
                    yield
        for _ in range(rng.choice((0, 0, 6, 20))):
            self._fee_tier()
            yield
        for _ in range(rng.randint(0, 3)):
            self._billing()
            yield
        for policy in range(1, 10):
            self._policy(policy, 1 + (policy - 1) % 5)
            yield
            if self.resting or rng.random() < 0.7:
                self._posting(policy)
                yield
        self._settings()
        yield
        self._engine()
        yield

    def _engine(self) -> None:
        self.tape.engine()

    def _venue(self, venue: int) -> None:
        """Keys may repeat, unless ids are going to be relabelled."""
        rng = self.rng
        tail = venue if self.calm else ""
        self.tape.venue(
            venue,
            rng.choice(("XNYS", "BATS", "IEXG", "EDGX", "ARCX", "")) + f"{rng.randint(0, 9)}{tail}",
            is_protected=int(rng.random() < 0.85),
            modelled=int(rng.random() < 0.1),
            kind=VenueKind.DARK if venue in self.darks else rng.choice((1, 1, 1, 2, 3)),
            ack_prior_ns=rng.choice((0, MS, 5 * MS, rng.randint(1, 20 * MS))),
        )

    def _instrument(self, instrument: int) -> None:
        self.tape.instrument(
            instrument,
            f"SYM{instrument}",
            units_per_one=self.units_per_one[instrument],
            tick_nanos=TICK,
            round_lot_units=self.rng.choice((1, 1, 10, 100)) * self.lots[instrument],
            default_policy=self.rng.randint(1, 9),
            asset_class=self.rng.choice((0, 1, 2, 3, 200)),
        )

    def _limits(self, instrument: int) -> None:
        one = self.units_per_one[instrument]
        self.tape.limits(
            instrument,
            max_order_units=self.rng.choice((2_000, 20_000, 10**6)) * one,
            max_notional_ones=self.rng.choice((10**5, 10**6, 10**9)),
            collar_e9=self.rng.choice((1_000_000, 10_000_000, 100_000_000)),
            **self._limit_rules(),
        )

    def _listing(self, instrument: int, venue: int) -> None:
        lot = self.rng.choice((1, 1, 1, 10, 100)) * self.lots[instrument]
        self.tape.listing(
            instrument,
            venue,
            tick_nanos=TICK,
            lot_units=lot,
            min_units=self.rng.choice((0, 0, 0, lot, 3 * lot)),
            ticket_nanos=self.rng.choice((0, 0, 0, 10**7, 10**9)),
        )

    def _fee(self, instrument: int, venue: int, liquidity: int) -> None:
        rng = self.rng
        self.tape.fee(
            instrument,
            venue,
            rng.choice((0, 0, 3_000_000, -2_000_000, rng.randint(-(10**7), 10**7))),
            liquidity=liquidity,
            rate_e9=rng.choice((0, 0, 500_000, -100_000, rng.randint(-(10**6), 10**6))),
        )

    def _fee_tier(self) -> None:
        rng = self.rng
        least = rng.choice((0, 0, 0, 100_000, 5 * S))
        self.tape.fee_tier(
            rng.randrange(self.venues),
            rng.choice((0, 0, 1, 2, 31)),
            instrument=rng.choice((INSTRUMENT_NONE, rng.randrange(self.instruments))),
            account=rng.choice((b"", b"", b"ACC1", b"ACC2")),
            liquidity=rng.choice((Liquidity.TAKE, *LIQUIDITY[:-1])),
            volume=rng.choice((0, 1000, 10**9)),
            fixed_nanos=rng.choice((0, 3_000_000, -2_000_000)),
            rate_e9=rng.choice((0, 500_000, -100_000)),
            sub_below_nanos=rng.choice((0, 0, 200 * 100 * TICK)),
            sub_fixed_nanos=rng.choice((0, 1_000_000)),
            sub_rate_e9=rng.choice((0, 3_000_000)),
            min_nanos=least,
            max_nanos=rng.choice((0, least, 10 * S)) if least else rng.choice((0, 10**6)),
            per_order=rng.choice((0, 0, 1)),
        )

    def _billing(self) -> None:
        rng = self.rng
        self.tape.billing(
            rng.randrange(self.venues),
            account=rng.choice((b"", b"ACC1", b"ACC2", b"ACC9")),
            basis=rng.randrange(3),
            prior_tier=rng.choice((0, 1, 2, 30)),
            forecast=rng.choice((0, 999, 1000, 10**12)),
            month_to_date=rng.choice((0, 2000)),
        )

    def _policy(self, policy: int, kind: int) -> None:
        rng = self.rng
        self.tape.policy(
            policy,
            kind,
            version=rng.randint(1, 9),
            split=int(rng.random() < 0.75),
            fee_aware=int(rng.random() < 0.8) if kind != PolicyKind.BEST_PRICE else 0,
            max_levels=rng.choice((1, 3, 10, 10)),
            max_children=rng.choice((1, 2, 4, 64)),
            max_attempts=rng.choice((1, 2, 3, 10)),
            tolerance_e9=rng.choice((0, 100_000, 1_000_000, 10_000_000)),
            miss_penalty_e9=rng.choice((0, 0, 1_000_000, 20_000_000)),
            stale_ns=rng.choice((50 * MS, S, 10 * S)),
            ack_timeout_ns=rng.choice((1, 20 * MS, 200 * MS, 200 * MS)),
            retry_ns=rng.choice((1, MS, 10 * MS)),
            horizon_ns=rng.choice((20 * MS, 200 * MS, 5 * S)),
            allow_degraded=rng.choice((0, 0, 1)),
            preferred=bytes(rng.choice((0, 1, 2, 3)) for _ in range(64)),
            **self._charges(),
        )

    def _charges(self) -> dict[str, int]:
        """Settings of a policy that most do without."""
        rng = self.rng
        terms = {
            "protection": rng.choice((0, 0, 1, 2)),
            "crossed": rng.choice((0, 0, 1, 2)),
            "equalise_arrival": rng.choice((0, 1)),
            "use_hidden": rng.choice((0, 0, 1)),
            "posting": rng.choice((0, 1, 14, 15, 15)),
            "impact_horizon": rng.choice((0, 0, 1, 4)),
            "ticket_nanos": rng.choice((0, 0, 0, 10**7, 10**10)),
            "latency_e9": rng.choice((0, 10_000, 10**6)),
            "risk_e9": rng.choice((0, 10**5, 10**7)),
            "toxicity_e9": rng.choice((0, 10**4, 10**6)),
            "max_delay_us": rng.choice((0, 500, 5_000, 20_000)),
            "toxicity_horizon": rng.choice((0, 1, 2)),
            "dark_percent": self.luck.choice((0, 20, 50, 100)),
            "dark_min_lots": self.luck.choice((0, 0, 1, 3)),
            "dark_horizon": self.luck.choice((0, 1, 2)),
            "dark_toxic_cbps": self.luck.choice((0, 0, 200, 5_000)),
            **{f"urgency_miss_e9_{u}": rng.choice((0, 0, 10**6 * u)) for u in (1, 2, 3)},
            **{f"urgency_horizon_ms_{u}": rng.choice((0, 0, 40 * u)) for u in (1, 2, 3)},
        }
        terms["ended"] = int(
            terms["risk_e9"] == 10**7 and terms["toxicity_e9"] == terms["latency_e9"]
        )
        return terms

    def _settings(self) -> None:
        rng = self.rng
        step_ns = rng.choice((1, 100_000, MS, 10 * MS))
        self.tape.settings(
            liquidity_half_life_ns=rng.choice((1024, 10 * MS, S, 60 * S)),
            speed_half_life_ns=rng.choice((10 * MS, S)),
            fill_half_life_ns=rng.choice((50 * MS, S)),
            publish_ns=rng.choice((0, 5 * MS, 50 * MS, 333_333_333)),
            identity_window_ns=rng.choice((100 * MS, 10 * S, 86_400 * S)),
            linger_ns=rng.choice((0, MS, 50 * MS, S)),
            fill_prior_e9=rng.choice((0, 500_000_000, 900_000_000, S)),
            fill_prior_dark_e9=rng.choice((0, 300_000_000)),
            fill_prior_wholesaler_e9=rng.choice((0, 0, S)),
            fill_prior_weight_e9=rng.choice((1, S, 4 * S)),
            ack_prior_weight_e9=rng.choice((1, S, 4 * S)),
            cost_half_life_ns=rng.choice((1024, 50 * MS, S)),
            impact_half_life_ns=rng.choice((20 * MS, S)),
            horizon_1_ns=step_ns,
            horizon_2_ns=2 * step_ns,
            horizon_3_ns=5 * step_ns,
            horizon_4_ns=20 * step_ns,
            resolution_ns=rng.choice((0, 0, 0, step_ns + 1, 5 * step_ns, 21 * step_ns)),
            mid_age_ns=rng.choice((0, 5 * MS, S, 10 * S)),
            control_ns=rng.choice((0, 3 * MS, 40 * MS)),
            mid_crossed_e9=rng.choice((0, 0, 1_000_000, S)),
            open_window_ns=0 if self.calm else rng.choice((0, 5 * MS, 50 * MS)),
            open_half_life_days=rng.choice((0, 1, 5)),
            **self._health_settings(),
        )

    def _health_settings(self) -> dict[str, int]:
        rng = self.rng
        return {
            "health_ns": rng.choice((0, 0, 5 * MS, 25 * MS)),
            "stale_floor_ns": rng.choice((0, MS, 20 * MS, S)),
            "fee_tolerance_nanos": rng.choice((0, 10**7, S)),
            "stale_multiple": rng.choice((1, 3, 20)),
            "reject_burst": rng.randint(1, 3),
            "timeout_burst": rng.randint(1, 3),
            "clean_run": rng.randint(1, 4),
            "clean_run_max": rng.choice((1, 4, 16)),
            "near_ticks": rng.choice((1, 2, 5, 1000)),
            "probes_per_minute": rng.choice((0, 60, 600)),
            "probe_children": rng.choice((0, 0, 2)),
        }

    # the running market

    def _next(self) -> None:
        self._pass_time()
        if self.later and self.later[0][0] <= self.drawn:
            self.later.pop(0)[1]()
            return
        if self.live and self.rng.random() < min(0.6, 0.05 + 0.04 * len(self.live)):
            self._report()
            return
        draw = self.rng.choices(self._kinds, self._weights)[0]
        draw(self)

    def _pass_time(self) -> None:
        rng = self.rng
        self.tape.wait(rng.choice((0, 0, 1000, int(rng.expovariate(1 / MS)))))
        if rng.random() < 0.0005:
            self.tape.wait(rng.choice((S, 30 * S, 3600 * S)))
        if not self.calm and self.drawn > self.count * 0.98 and rng.random() < 0.01:
            self.tape.now_ns = min(
                LAST_NS, self.tape.now_ns + rng.choice((2**50, 2**56, 2**61, LAST_NS))
            )

    def _after(self, records_later: int, act: Callable[[], Any]) -> None:
        self.later.append((self.drawn + records_later, act))
        self.later.sort(key=lambda item: item[0])

    def _place(self) -> tuple[int, int]:
        return self.rng.randrange(self.instruments), self.rng.randrange(self.venues)

    def _quote(self) -> None:
        rng = self.rng
        instrument, venue = self._place()
        if venue in self.darks and self.luck.random() < 0.98:
            venue = 0
        self.mids[instrument] += rng.choice((-1, 0, 0, 0, 1)) * TICK
        self.mids[instrument] = max(20 * TICK, self.mids[instrument])
        level = rng.choice((0, 0, 0, 0, 0, 1, 1, 2, 3, rng.randint(0, 9)))
        half = rng.choice((0, 1, 1, 1, 2, 3)) if level == 0 else 1 + level * 2 + rng.randint(0, 1)
        if rng.random() < 0.02:
            half = -1
        skew = rng.choice((0, 0, 0, 1, -1)) if level == 0 else 0
        mid = self.mids[instrument] + skew * TICK
        flags = level | (rng.random() < 0.03 and QuoteFlag.MODELLED_BID)
        flags |= (rng.random() < 0.03 and QuoteFlag.MODELLED_ASK) | (
            rng.random() < 0.1 and QuoteFlag.MORE
        )
        self.tape.quote(
            instrument,
            venue,
            (mid - half * TICK, self._size(instrument)),
            (mid + half * TICK, self._size(instrument)),
            flags=flags,
            venue_ns=self._venue_ns(),
        )

    def _venue_ns(self) -> int:
        rng = self.rng
        if rng.random() < 0.4:
            return 0
        hour = rng.random() < 0.005 and rng.choice((-3600, 3600)) * S
        return self.tape.now_ns - rng.choice((MS, rng.randint(-MS, 20 * MS))) + hour

    def _size(self, instrument: int) -> int:
        rng = self.rng
        if rng.random() < 0.04:
            return 0
        if rng.random() < 0.01:
            return rng.choice((1, 2**32 + 5, 10**12))
        return rng.choice((1, 10, 100)) * rng.randint(1, 30) * self.lots[instrument]

    def _bad_market(self) -> None:
        rng = self.rng
        instrument, venue = self._place()
        mid, size = self.mids[instrument], 100
        rng.choice(
            (
                lambda: self.tape.quote(instrument, venue, (mid, size), (mid, size), level=12),
                lambda: self.tape.quote(instrument, venue, (0, size), (mid, size)),
                lambda: self.tape.quote(instrument, venue, (-5, 0), (mid, size)),
                lambda: self.tape.quote(instrument, venue, (mid, -1), (mid, size)),
                lambda: self.tape.quote(instrument, venue, (mid, 1), (mid, MAX_UNITS + 1)),
                lambda: self.tape.quote(instrument, venue, (mid, 1), (MAX_PRICE_NANOS + 1, size)),
                lambda: self.tape.quote(instrument, 60, (mid, size), (mid, size), source=60),
                lambda: self.tape.quote(77, venue, (mid, size), (mid, size)),
                lambda: self.tape.trade(instrument, venue, 0, size),
                lambda: self.tape.trade(instrument, venue, mid, 0),
                lambda: self.tape.trade(99, venue, mid, 5),
                lambda: self.tape.status(venue, rng.choice((0, 6, 255))),
                lambda: self.tape.status(venue, VenueStatus.OPEN, instrument=88),
                lambda: self.tape.status(63, VenueStatus.OPEN),
            )
        )()

    def _trade(self) -> None:
        instrument, venue = self._place()
        self.tape.trade(
            instrument,
            venue,
            self.mids[instrument],
            self.rng.randint(1, 500) * self.lots[instrument],
            aggressor=self.rng.randint(0, 2),
            venue_ns=self._venue_ns(),
        )

    def _status(self) -> None:
        rng = self.rng
        instrument, venue = self._place()
        place = instrument if rng.random() < 0.6 else INSTRUMENT_NONE
        code = rng.choice((1, 2, 2, 3, 4, 5))
        self.tape.status(venue, code, place)
        if code != VenueStatus.OPEN:
            reopen = lambda: self.tape.status(venue, VenueStatus.OPEN, place)  # noqa: E731
            self._after(rng.randint(5, 60), reopen)

    def _timer(self) -> None:
        self.tape.timer()

    # the desk

    def _order(self) -> None:
        rng = self.rng
        instrument = rng.randrange(self.instruments)
        side = rng.choice((Side.BUY, Side.BUY, Side.SELL, Side.SELL, *SHORT_SIDES))
        values = self._terms(instrument, 1 if side == Side.BUY else -1)
        if rng.random() < 0.18:
            values |= rng.choice(self._mistakes(instrument))
        self.names += 1
        name = f"C{self.names}".encode()
        record = self.tape.order(instrument, name, side, 0, **values)
        self.orders.append((instrument, name, values["account"]))
        self.sent_orders.append(record)

    def _terms(self, instrument: int, sign: int) -> dict[str, Any]:
        rng = self.rng
        away = rng.choice((5, 3, 2, 1, 0, -1, -3)) * TICK * sign
        values: dict[str, Any] = {
            "order_units": rng.choice((1, 5, 37, 100, 300, 1000, 5000)) * self.lots[instrument],
            "limit": None if rng.random() < 0.2 else self.mids[instrument] + away,
            "time_in_force": rng.choice(
                (TimeInForce.DAY,) * 4 + (TimeInForce.IOC,) * 2 + (TimeInForce.FOK, TimeInForce.GTD)
            ),
            "policy": rng.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, rng.randint(1, 9))),
            "account": rng.choice((b"ACC1", b"ACC2", b"ACC3")),
            "client": rng.choice((b"CLI1", b"CLI2")),
            "exec_inst": rng.choice((0, ExecInst.HELD, ExecInst.NOT_HELD)),
            "capacity": rng.choice((0, ord("A"), ord("P"))),
            "urgency": rng.randint(0, 9),
        }
        values |= self._order_rules()
        self._rare_terms(values)
        if self.resting:
            values |= self._resting_terms(instrument, sign)
        if values["time_in_force"] == TimeInForce.GTD:
            values["expire_ns"] = self.tape.now_ns + rng.choice((1, 20 * MS, S))
        if rng.random() < 0.15:
            values["venues_allowed"] = rng.getrandbits(self.venues)
        if rng.random() < 0.15:
            values["venues_banned"] = 1 << rng.randrange(self.venues)
        return values

    def _rare_terms(self, values: dict[str, Any]) -> None:
        """Minimum and displayed sizes, all or none, post only."""
        rng, units = self.rng, values["order_units"]
        if rng.random() < 0.08:
            values["min_units"] = rng.choice((1, units // 2, units))
        if rng.random() < 0.1:
            values["display_units"] = max(1, units // 3)
        if rng.random() < 0.05:
            values["exec_inst"] |= ExecInst.ALL_OR_NONE
        if rng.random() < 0.1:
            values["exec_inst"] |= ExecInst.POST_ONLY

    def _mistakes(self, instrument: int) -> tuple[dict[str, Any], ...]:
        rng, now_ns = self.rng, self.tape.now_ns
        return (
            {"order_units": rng.choice((0, -5, MAX_UNITS + 1))},
            {"order_units": MAX_UNITS},
            {"order_units": 30_000 * self.units_per_one[instrument]},
            {"ord_type": OrdType.LIMIT, "limit_nanos": rng.choice((0, -1, MAX_PRICE_NANOS + 1))},
            {"limit": self.mids[instrument] * rng.choice((2, 3))},
            {"limit": max(1, self.mids[instrument] // 2)},
            {"instrument": rng.choice((self.instruments, 70_000, INSTRUMENT_NONE))},
            {"policy": rng.choice((9, 200, 4_000_000_000))},
            {"side": rng.choice((0, 3, 255))},
            {"side": Side.SELL_SHORT, "locate_id": b""},
            {"ord_type": rng.choice((0, 3, 200))},
            {"time_in_force": rng.choice((1, 2, 5, 7, 99))},
            {"time_in_force": TimeInForce.GTD, "expire_ns": now_ns},
            {"exec_inst": 255},
            {"min_units": rng.choice((MAX_UNITS, -1))},
            {"display_units": -1},
            {"account": b""},
            {"cl_ord_id": b""},
            {"transact_ns": now_ns - 200_000 * S},
            {"transact_ns": now_ns - 5 * S},
            {"transact_ns": now_ns + 61 * S},
            {"venues_allowed": 1 << 63},
        )

    def _repeat_order(self) -> None:
        """The same order again under a new source number; sometimes changed."""
        if not self.sent_orders:
            return
        raw = bytearray(self.rng.choice(self.sent_orders))
        if self.rng.random() < 0.4:
            raw[32 + self.rng.randrange(288)] ^= 1 << self.rng.randrange(8)
        header = HEADER.unpack(raw)
        self.tape.last[header.source] += 1
        head = header._replace(log_ns=self.tape.now_ns, source_seq=self.tape.last[header.source])
        raw[: HEADER.size] = HEADER.struct.pack(*head)
        self.tape.add(bytes(raw))

    def _cancel(self) -> None:
        if not self.orders or self.rng.random() < 0.1:
            self.tape.cancel(0, b"UNHEARD")
            return
        recent = self.rng.choice((1, 2, 3, 5, len(self.orders)))
        instrument, name, account = self.orders[-min(recent, len(self.orders))]
        self.tape.cancel(instrument, name, account=account)

    def _kill(self) -> None:
        rng = self.rng
        instrument, venue = self._place()
        scope = rng.choice((0, 1, 1, 2, 2, 2, 2, 3, 4, 5, 6, 7, 8, 9, rng.choice((10, 200))))
        targets: dict[int, dict[str, Any]] = {
            KillScope.INSTRUMENT: {"instrument": rng.choice((instrument, instrument, 50))},
            KillScope.VENUE: {"venue": rng.choice((venue, venue, VENUE_NONE))},
            KillScope.SELF_HELP: {"venue": rng.choice((venue, venue, VENUE_NONE))},
            KillScope.CLIENT: {"target": rng.choice((b"CLI1", b"CLI2", b"NOBODY"))},
            KillScope.ACCOUNT: {"target": rng.choice((b"ACC1", b"ACC2"))},
            KillScope.TRADER: {"target": rng.choice((b"TRD1", b"TRD2"))},
            KillScope.SUSPENDED_VENUE: {"venue": rng.choice((venue, venue, VENUE_NONE))},
            KillScope.SUSPENDED_INSTRUMENT: {"instrument": rng.choice((instrument, 50))},
            KillScope.SUSPENDED_ACCOUNT: {"target": rng.choice((b"ACC1", b"ACC2"))},
        }
        values = targets.get(scope, {})
        self.tape.kill(scope, rng.choice((1, 1, 1, 2)), **values)
        self._after(rng.randint(3, 40), lambda: self.tape.kill(scope, 0, **values))

    # venues answer

    def _report(self) -> None:
        rng = self.rng
        roll = rng.random()
        if roll < 0.04:
            self._odd_report()
        elif roll < 0.07 and self.gone:
            self._late_report(rng.choice(self.gone))
        else:
            self._answer(self.live[min(len(self.live) - 1, int(rng.expovariate(0.4)))])

    def _answer(self, sent: Sent) -> None:
        kind = self.rng.choices(
            (
                "new",
                "partial",
                "fill",
                "overfill",
                "repeat",
                "status",
                "cancel_reject",
                "end",
                "other",
            ),
            (22, 14, 26, 1.5, 3, 5, 2, 18, 4),
        )[0]
        leaves = max(0, sent.units - sent.cum_units)
        if kind == "new":
            self._say(sent, ExecType.NEW)
        elif kind == "partial" and leaves > 1:
            self._fill(sent, self.rng.randint(1, leaves - 1))
        elif kind in ("partial", "fill"):
            self._fill(sent, leaves or 1)
            self._gone(sent)
        elif kind == "overfill":
            self._fill(sent, leaves + self.rng.choice((1, 7, sent.units)))
            self._gone(sent)
        elif kind == "repeat" and sent.trade_ids:
            self._fill(sent, max(1, leaves), self.rng.choice(sent.trade_ids))
        elif kind == "status":
            self._status_reply(sent, leaves)
        elif kind == "cancel_reject":
            self._say(sent, ExecType.CANCEL_REJECT)
        elif kind == "other":
            self._other(sent, leaves)
        else:
            self._end(sent)

    def _other(self, sent: Sent, leaves: int) -> None:
        """Replaced, restated, pending, or a trade taken back or changed."""
        rng = self.rng
        changed = self._changed_trade(sent) if rng.random() < 0.5 else None
        kinds = (ExecType.REPLACED, ExecType.REPLACED, ExecType.REPLACE_REJECT)
        others = (ExecType.RESTATED, ExecType.PENDING_CANCEL, ExecType.SUSPENDED)
        values = changed or {"exec_type": rng.choice((*kinds, *others))}
        leaves_units = rng.choice((leaves, max(0, leaves - 1), leaves + 1, -1))
        self._say(sent, values.pop("exec_type"), leaves_units=leaves_units, **values)

    def _status_reply(self, sent: Sent, leaves: int) -> None:
        """What the venue believes; sometimes it does not say, sometimes it knows of more."""
        cum = sent.cum_units
        leaves_units = self.rng.choice((leaves, leaves, 0, -1))
        cum_units = self.rng.choice((cum, cum, -1, cum + 1, sent.units))
        self._say(sent, ExecType.ORDER_STATUS, leaves_units=leaves_units, cum_units=cum_units)

    def _end(self, sent: Sent) -> None:
        kind = self.rng.choices(
            (ExecType.CANCELED, ExecType.REJECTED, ExecType.EXPIRED, ExecType.DONE_FOR_DAY),
            (16, 4, 3, 1),
        )[0]
        ahead = self.rng.random() < 0.05
        cum_units = self.rng.choice((-1, sent.cum_units)) + (3 if ahead else 0)
        again = self._retry_after() if kind == ExecType.REJECTED else 0
        self._say(sent, kind, leaves_units=0, cum_units=cum_units, retry_after_ns=again)
        self._gone(sent)

    def _retry_after(self) -> int:
        """How long a venue that rejects wants to be left alone: mostly not said, often short."""
        if self.rng.random() < 0.01:
            return INT64_MAX
        return self.rng.choice((0, 0, 0, MS, MS, 20 * MS, S, 3 * S, -1))

    def _gone(self, sent: Sent) -> None:
        self.live.remove(sent)
        self.gone.append(sent)

    def _late_report(self, sent: Sent) -> None:
        if self.rng.random() < 0.5:
            self._fill(sent, self.rng.randint(1, max(1, sent.units)))
        elif (changed := self._changed_trade(sent)) and self.rng.random() < 0.6:
            self._say(sent, changed.pop("exec_type"), **changed)
        elif sent.trade_ids and self.rng.random() < 0.5:
            self._fill(sent, 1, self.rng.choice(sent.trade_ids))
        else:
            kinds = (ExecType.NEW, ExecType.CANCELED, ExecType.ORDER_STATUS, ExecType.REJECTED)
            self._say(sent, self.rng.choice(kinds), retry_after_ns=self._retry_after())

    def _odd_report(self) -> None:
        rng = self.rng
        sent = rng.choice(self.live)
        unknown = Sent(rng.choice((0, 10**7, 2**64 - 1)), sent.instrument, sent.venue, 1, TICK)
        odd: tuple[Callable[[], None], ...] = (
            lambda: self._fill(unknown, 5),
            lambda: self._say(unknown, ExecType.CANCELED),
            lambda: self._say(sent, rng.choice((0, 9, 10, 16, 255))),
            lambda: self._say(sent, ExecType.NEW, venue=99),
            lambda: self._say(sent, ExecType.CANCELED, instrument=sent.instrument + 1),
            lambda: self._fill(sent, rng.choice((0, -1, MAX_UNITS + 1))),
            lambda: self._fill(sent, 5, price=rng.choice((0, -7, MAX_PRICE_NANOS + 1))),
            lambda: self._say(sent, ExecType.NEW, fee_nanos=rng.choice((10**16, -INT64_MAX))),
        )
        rng.choice(odd)()

    def _fill(
        self, sent: Sent, units: int, trade_id: int | None = None, price: int | None = None
    ) -> None:
        if trade_id is None:
            self.trades += 1
            trade_id = self.trades + (2**63 if self.trades % 11 == 0 else 0)
            sent.trade_ids.append(trade_id)
            sent.cum_units += max(0, units)
            copy = {"child_id": sent.child_id, "trade_id": trade_id, "venue": sent.venue}
            nanos = sent.limit_nanos if price is None else price
            copy |= {"instrument": sent.instrument, "last_units": units, "last_nanos": nanos}
            self.copies.append(copy)
        fee_nanos = self.rng.choice((0, 0, 250_000, -90_000, 10**15))
        self._say(
            sent,
            ExecType.TRADE,
            trade_id=trade_id,
            last_units=units,
            last_nanos=sent.limit_nanos if price is None else price,
            cum_units=sent.cum_units,
            fee_nanos=fee_nanos,
            liquidity=self.rng.choice(LIQUIDITY),
        )

    def _say(self, sent: Sent, exec_type: int, **values: Any) -> None:
        source = REPORTS + sent.venue % 2
        place = {"instrument": sent.instrument, "venue": sent.venue}
        flags = self.rng.choice((0, 0, 1, 2))
        values = {**place, "source": source, "report_flags": flags, **values}
        self.tape.report(sent.child_id, exec_type, **values)

    # reference changes and faults

    def _change(self) -> None:
        rng = self.rng
        instrument, venue = self._place()
        changes: tuple[Callable[[], None], ...] = (
            lambda: self._fee(instrument, venue, rng.randint(0, 5)),
            lambda: self._fee(instrument, venue, Liquidity.TAKE),
            lambda: self._policy(rng.randint(1, 8), rng.randint(1, 4)),
            self._settings,
            lambda: self._venue(venue),
            lambda: self._listing(instrument, venue),
            lambda: self._limits(instrument),
            lambda: self._instrument(instrument),
            self._new_venue,
            self._new_instrument,
            self._other_engine,
            self._bad_reference,
            self._account,
            lambda: self._posting(rng.randint(1, 8)),
            self._bad_life_reference,
            self._fee_tier,
            self._billing,
        )
        weights = (5, 5, 3, 2, 3, 2, 2, 2, 0.5, 0.5, 0.4, 4, 3, 1, 1, 3, 2)
        rng.choices(changes, weights)[0]()
        self._hear()

    def _new_venue(self) -> None:
        if self.venues < 12:
            self._venue(self.venues)
            self.venues += 1

    def _new_instrument(self) -> None:
        if self.instruments < 8:
            self.units_per_one.append(1)
            self.lots.append(1)
            self.mids.append(100 * 100 * TICK)
            self._instrument(self.instruments)
            self.instruments += 1

    def _other_engine(self) -> None:
        self.tape.engine(b"another generation of engines")
        self._after(self.rng.randint(2, 20), self._engine)

    def _bad_reference(self) -> None:
        tape = self.tape
        self.rng.choice(
            (
                lambda: tape.venue(0, ""),
                lambda: tape.venue(200, "FAR"),
                lambda: tape.venue(self.venues + 1, "GAP"),
                lambda: tape.venue(0, "X", status=0),
                lambda: tape.venue(0, "X", ack_prior_ns=-1),
                lambda: tape.instrument(0, ""),
                lambda: tape.instrument(self.instruments + 1, "GAP"),
                lambda: tape.instrument(0, "X", tick_nanos=0),
                lambda: tape.listing(0, 0, lot_units=0),
                lambda: tape.listing(0, 63),
                lambda: tape.listing(70_000, 0),
                lambda: tape.fee(0, 0, liquidity=6),
                lambda: tape.fee(0, 0, rate_e9=S),
                lambda: tape.fee(99, 0),
                lambda: tape.fee_tier(200),
                lambda: tape.fee_tier(0, 32),
                lambda: tape.fee_tier(0, liquidity=6),
                lambda: tape.fee_tier(0, instrument=99),
                lambda: tape.fee_tier(0, min_nanos=2, max_nanos=1),
                lambda: tape.fee_tier(0, rate_e9=-S),
                lambda: tape.billing(77),
                lambda: tape.billing(0, basis=3),
                lambda: tape.billing(0, forecast=-1),
                lambda: tape.policy(0),
                lambda: tape.policy(256),
                lambda: tape.policy(1, 5),
                lambda: tape.policy(1, max_levels=11),
                lambda: tape.limits(0, collar_e9=0),
                lambda: tape.limits(99),
                lambda: tape.settings(speed_half_life_ns=1023),
                lambda: tape.settings(publish_ns=-1),
                lambda: tape.settings(cost_half_life_ns=0),
                lambda: tape.settings(horizon_1_ns=2 * S),
                lambda: tape.settings(horizon_1_ns=0),
                lambda: tape.settings(near_ticks=2000),
                lambda: tape.settings(clean_run=0),
                lambda: tape.settings(mid_age_ns=-1),
            )
        )()

    def _fault(self) -> None:
        self.rng.choice(
            (
                self._reference_gap,
                self._reference_repeat,
                self._source_gap,
                self._source_repeat,
                self._backwards,
                self._wrong_source,
            )
        )()

    def _reference_gap(self) -> None:
        """One version comes too early; the missing ones follow a little later."""
        self.tape.policy(1, source_seq=self.tape.last[0] + 2)
        later = self.rng.randint(1, 15)
        self._after(later, self._settings)
        self._after(later + 1, lambda: self._policy(1, 2))

    def _reference_repeat(self) -> None:
        self.tape.settings(source_seq=self.rng.randint(0, self.tape.last[0]))

    def _source_gap(self) -> None:
        source = self.rng.choice((1, 2, 200, 220, 250))
        self.tape.last[source] += self.rng.choice((1, 3, 10**6))

    def _source_repeat(self) -> None:
        instrument, venue = self._place()
        seq = self.rng.randint(0, self.tape.last[1 + venue])
        mid = self.mids[instrument]
        self.tape.quote(instrument, venue, (mid, 10), (mid + TICK, 10), source_seq=seq)

    def _backwards(self) -> None:
        log_ns = self.rng.choice((self.tape.now_ns - 1, 0, -1, -(2**63), LAST_NS + 1, INT64_MAX))
        instrument, venue = self._place()
        self.tape.trade(instrument, venue, TICK, 1, log_ns=log_ns)

    def _wrong_source(self) -> None:
        self.rng.choice(
            (
                lambda: self.tape.policy(1, source=self.rng.choice((1, 200))),
                lambda: self.tape.quote(0, 0, (TICK, 1), (2 * TICK, 1), source=0, source_seq=1),
            )
        )()

    def _garbage(self) -> None:
        """Random bytes under any type byte, mostly at a time and from a source that pass."""
        rng = self.rng
        kind = int(rng.choice((*SLOTS, rng.randrange(256))))
        size = SIZES[kind]
        raw = bytearray(rng.randbytes(size))
        raw[0] = kind
        if rng.random() < 0.8:
            reference = kind in REFERENCE_TYPES
            source = SOURCE_REFERENCE if reference else rng.randint(150, 190)
            self.tape.last[source] += 1
            place = rng.choice((rng.randrange(self.instruments), rng.getrandbits(32)))
            head = HEADER.unpack(raw)._replace(
                source=source,
                source_seq=self.tape.last[source],
                log_ns=self.tape.now_ns,
                instrument=place,
                venue=rng.choice((rng.randrange(self.venues), rng.randrange(256))),
            )
            raw[: HEADER.size] = HEADER.struct.pack(*head)
        else:
            self._spoil_time(raw)
        self.tape.add(bytes(raw))
        if kind == InputType.ENGINE:
            self._after(5, self._engine)
        if kind == InputType.KILL:
            self._after(5, lambda: self.tape.kill(KillScope.ALL, 0))

    def _spoil_time(self, raw: bytearray) -> None:
        """A random future would refuse all that follows, so random headers are in the past."""
        log_ns = self.rng.choice((self.rng.randint(-(2**63), self.tape.now_ns - 1), INT64_MAX))
        raw[: HEADER.size] = HEADER.struct.pack(*HEADER.unpack(raw)._replace(log_ns=log_ns))

    _kinds = (
        _quote,
        _trade,
        _bad_market,
        _status,
        _timer,
        _order,
        _repeat_order,
        _cancel,
        Life._amend,
        _kill,
        Life._end_of_day,
        Life._rearm,
        Life._drop_copy,
        Life._halt,
        _change,
        _fault,
        _garbage,
    )

    @property
    def _weights(self) -> tuple[float, ...]:
        noise = self.garbage * 100
        market, desk = (66, 6, 1.5, 0.7, 3), (12, 1, 2, 2, 0.4, 0.05, 0.3, 1, 0.06)
        if self.resting:
            market, desk = (66, 6, 0.5, 0.2, 3), (6, 1, 1, 12, 0.1, 0.01, 0.3, 1, 0.03)
        return (*market, *desk, *((0, 0, 0) if self.calm else (1.2, 0.8, noise)))

"""Random input logs at the edges of every number: prices of one nano and of 1e17, rates near one.

Where tests.aggregates.generator draws a market that could be, this one draws what both cores must
agree on though nobody trades it: ties, full tables, sizes beyond 32 bits, the first nanosecond and
the last.
"""

from __future__ import annotations

import random

from aggregates import kernel
from aggregates.kernel import Engine
from schemas.codes import (
    ExecType,
    KillScope,
    Liquidity,
    OrdType,
    OutputType,
    Side,
    TimeInForce,
    VenueKind,
)
from schemas.units import INT64_MAX, INT64_MIN, MAX_LEVELS, MAX_PRICE_NANOS, MAX_UNITS
from tests.builders import Tape, records

LAST_NS = 2**62
LONG_NS = 2**55
SIZES = (0, 1, 1, 2, 3, 7, 100, 100, 2**32 - 1, 2**32, 2**32 + 1, 10**12, MAX_UNITS - 1, MAX_UNITS)
RATES = (0, 0, 1, 600_000_000, 999_999_999, -1, -600_000_000, -999_999_999)
FIXED = (0, 0, 1, -1, 10**12, -(10**12))
HALF_LIVES = (1024, 1025, 10**6, 10**12, LONG_NS)
DURATIONS = (1, 2, 10**6, 10**9, LONG_NS)
RATES_OF_BALANCE = ("latency_e9", "risk_e9", "toxicity_e9")


def extreme_inputs(seed: int, count: int, *, engine: Engine | None = None) -> bytes:
    """`count` whole input records drawn from `seed`; `engine` is stepped over them."""
    return bytes(Edges(random.Random(seed), engine or kernel.load("native")).run(count))


class Edges:
    """Draws one record after the other, and answers some of the children that the engine sends."""

    def __init__(self, rng: random.Random, engine: Engine) -> None:
        self.rng, self.engine = rng, engine
        self.tape = Tape(rng.choice((0, 1, 10**18, LAST_NS - 10**12)))
        self.venues = rng.choice((1, 2, 5, 20, 64))
        self.instruments = rng.choice((1, 2, 3))
        self.base, self.width = rng.choice(
            ((1, 12), (10**9, 30), (10**11, 10**7), (MAX_PRICE_NANOS - 40, 40), (1, 10**17 - 1))
        )
        self.children: list[tuple[int, int, int]] = []
        self.names = self.trades = 0

    def run(self, count: int) -> bytearray:
        """The records."""
        self._set_up()
        draws = (self._book, self._quote, self._order, self._report, self._reference, self._odd)
        stepped = drawn = 0
        while drawn < count:
            self.rng.choices(draws, (6, 30, 14, 20, 3, 2))[0]()
            self._pass_time()
            consumed, outputs = self.engine.step(bytes(self.tape.data[stepped:]))
            stepped += consumed
            drawn = self.engine.seq
            for kind, record, _ in records(outputs):
                if kind == OutputType.CHILD:
                    self.children.append((record.child_id, record.units, record.limit_nanos))
        return self.tape.data

    def _pass_time(self) -> None:
        steps = (0, 0, 0, 1, 1023, 10**6, 10**9, *((2**50, 2**58) if self._rarely(0.01) else ()))
        self.tape.now_ns = min(LAST_NS, self.tape.now_ns + self.rng.choice(steps))

    def _rarely(self, share: float) -> bool:
        return self.rng.random() < share

    def _price(self) -> int:
        return min(MAX_PRICE_NANOS, self.base + self.rng.randint(0, self.width))

    def _place(self) -> dict[str, int]:
        return {
            "instrument": self.rng.randrange(self.instruments),
            "venue": self.rng.randrange(self.venues),
        }

    def _set_up(self) -> None:
        for venue in range(self.venues):
            self._venue(venue)
        for instrument in range(self.instruments):
            self._instrument(instrument)
            self._limits(instrument)
            for venue in range(self.venues):
                self._listing(instrument, venue)
                self._fee(instrument, venue, Liquidity.TAKE)
                self._fee(instrument, venue, Liquidity.MID)
        for policy in (1, 2, 3, 4, 5, 254, 255):
            self._policy(policy)
        self._settings()
        self.tape.engine()

    # reference inputs with numbers at their bounds

    def _venue(self, venue: int) -> None:
        key = self.rng.choice(("A", "B", "C", f"V{venue}"))
        prior_ns = self.rng.choice((0, 1, LONG_NS))
        protected = int(self.rng.random() < 0.9)
        kind = self.rng.choice((VenueKind.LIT, VenueKind.LIT, VenueKind.DARK))
        values = {"is_protected": protected, "kind": kind}
        self.tape.venue(venue, key, ack_prior_ns=prior_ns, **values)

    def _instrument(self, instrument: int) -> None:
        self.tape.instrument(
            instrument,
            "X",
            units_per_one=self.rng.choice((1, 10**8, 10**10)),
            tick_nanos=self.rng.choice((1, 1, 3, 10**7, MAX_UNITS)),
            round_lot_units=self.rng.choice((1, 1, 1, 7, MAX_UNITS)),
            default_policy=self.rng.choice((1, 2, 3, 4, 5, 254, 255, 256)),
        )

    def _limits(self, instrument: int) -> None:
        self.tape.limits(
            instrument,
            max_order_units=MAX_UNITS,
            max_notional_ones=self.rng.choice((10**15, 10**15, 10**6)),
            collar_e9=self.rng.choice((1, 10**8, 999_999_999)),
        )

    def _listing(self, instrument: int, venue: int) -> None:
        lot = self.rng.choice((1,) * 12 + (2, 7, 7, 2**32, MAX_UNITS))
        least = self.rng.choice((0,) * 12 + (1, 3, 20, 2**32, MAX_UNITS))
        ticket = self.rng.choice((0,) * 6 + (1, 10**12))
        terms = {"lot_units": lot, "min_units": least, "ticket_nanos": ticket}
        tick = self.rng.choice((1, 1, 3, 10**7, MAX_UNITS))
        self.tape.listing(instrument, venue, tick_nanos=tick, **terms)

    def _fee(self, instrument: int, venue: int, liquidity: int) -> None:
        rate = self.rng.choice((*RATES, self.rng.randint(-999_999_999, 999_999_999)))
        fixed = self.rng.choice(FIXED)
        self.tape.fee(instrument, venue, fixed, liquidity=liquidity, rate_e9=rate)

    def _policy(self, policy: int) -> None:
        rng = self.rng
        self.tape.policy(
            policy,
            rng.randint(1, 5),
            version=rng.getrandbits(32),
            split=rng.choice((0, 1, 1)),
            fee_aware=rng.choice((0, 1, 1)),
            max_levels=rng.choice((1, 2, 5, 10, 10)),
            max_children=rng.choice((1, 2, 3, 64, 64)),
            max_attempts=rng.choice((1, 3, 1000)),
            tolerance_e9=rng.choice((0, 1, 10**6, 10**9)),
            miss_penalty_e9=rng.choice((0, 1, 10**9)),
            stale_ns=rng.choice((10**9, LONG_NS, LONG_NS)),
            ack_timeout_ns=rng.choice(DURATIONS),
            retry_ns=rng.choice((10**6, 10**9, LONG_NS)),
            horizon_ns=rng.choice(DURATIONS),
            allow_degraded=rng.choice((0, 1, 255)),
            preferred=bytes(rng.choice((0, 1, 2, 255)) for _ in range(64)),
            protection=rng.choice((0, 0, 1, 2)),
            crossed=rng.choice((0, 0, 1, 2)),
            equalise_arrival=rng.choice((0, 1)),
            use_hidden=rng.choice((0, 1)),
            impact_horizon=rng.choice((0, 1, 2, 3, 4)),
            toxicity_horizon=rng.choice((0, 1, 4)),
            dark_percent=rng.choice((0, 1, 100)),
            dark_min_lots=rng.choice((0, 1, 1000)),
            dark_horizon=rng.choice((0, 1, 4)),
            dark_toxic_cbps=rng.choice((0, 1, 65_535)),
            ticket_nanos=rng.choice((0, 0, 1, 10**12)),
            max_delay_us=rng.choice((0, 1, 10**6)),
            **{name: rng.choice((0, 1, 2**32 - 1)) for name in RATES_OF_BALANCE},
            **{f"urgency_miss_e9_{u}": rng.choice((0, 1, 10**9)) for u in (1, 2, 3)},
            **{f"urgency_horizon_ms_{u}": rng.choice((0, 1, 2**32 - 1)) for u in (1, 2, 3)},
        )

    def _settings(self) -> None:
        rng = self.rng
        self.tape.settings(
            liquidity_half_life_ns=rng.choice(HALF_LIVES),
            speed_half_life_ns=rng.choice(HALF_LIVES),
            fill_half_life_ns=rng.choice(HALF_LIVES),
            publish_ns=rng.choice((0, 0, 10**6, 10**9, LONG_NS)),
            identity_window_ns=rng.choice((0, 10**9, LONG_NS)),
            linger_ns=rng.choice((0, 10**6, LONG_NS)),
            fill_prior_e9=rng.choice((0, 1, 10**9)),
            fill_prior_weight_e9=rng.choice((1, 10**9, MAX_UNITS)),
            ack_prior_weight_e9=rng.choice((1, 10**9, MAX_UNITS)),
            **self._quality_settings(),
        )

    def _quality_settings(self) -> dict[str, int]:
        rng = self.rng
        horizons = rng.choice(
            ((1, 2, 3, 4), (1, 1024, 10**6, 10**9), (10**9, 10**12, LONG_NS - 1, LONG_NS))
        )
        runs = (1, 1, 2, 3, 10**6)
        bad = rng.choice(({"near_ticks": 2000}, {"horizon_2_ns": 1}, {"impact_half_life_ns": 0}))
        return {
            "cost_half_life_ns": rng.choice(HALF_LIVES),
            "impact_half_life_ns": rng.choice(HALF_LIVES),
            **{f"horizon_{index}_ns": value for index, value in enumerate(horizons, 1)},
            "resolution_ns": rng.choice((0, 0, 2, 10**9, LONG_NS)),
            "mid_age_ns": rng.choice((0, 1, 10**9, LONG_NS, LONG_NS)),
            "control_ns": rng.choice((0, 0, *DURATIONS[2:])),
            "health_ns": rng.choice((0, 0, *DURATIONS[2:])),
            "stale_floor_ns": rng.choice((0, 1, 10**9, LONG_NS)),
            "fee_tolerance_nanos": rng.choice((0, 10**7, MAX_UNITS)),
            "stale_multiple": rng.choice(runs),
            "reject_burst": rng.choice(runs),
            "timeout_burst": rng.choice(runs),
            "clean_run": rng.choice(runs),
            "clean_run_max": rng.choice(runs),
            "near_ticks": rng.choice((1, 5, 1000)),
            **(bad if self._rarely(0.05) else {}),
        }

    def _reference(self) -> None:
        place = self._place()
        instrument, venue = place["instrument"], place["venue"]
        self.rng.choice(
            (
                lambda: self._venue(venue),
                lambda: self._instrument(instrument),
                lambda: self._limits(instrument),
                lambda: self._listing(instrument, venue),
                lambda: self._fee(instrument, venue, self.rng.randint(0, 5)),
                lambda: self._policy(self.rng.randint(1, 5)),
                self._settings,
            )
        )()

    # the market

    def _venue_ns(self) -> int:
        edges = (0, 1, -1, INT64_MIN, INT64_MAX, LAST_NS, LAST_NS + 1, self.tape.now_ns)
        return self.rng.choice(edges)

    def _quote(self, level: int | None = None, **values: int) -> None:
        rng = self.rng
        low, high = sorted((self._price(), self._price()))
        if self._rarely(0.05):
            low, high = high, low
        if level is None:
            level = rng.choice((0, 0, 0, 0, 1, 2, 9))
        flags = level | rng.choice((0, 0, 0x10, 0x20, 0x40, 0xE0))
        place = {**self._place(), **values}
        sides = (low, rng.choice(SIZES)), (high, rng.choice(SIZES))
        at = place["instrument"], place["venue"]
        self.tape.quote(*at, *sides, flags=flags, venue_ns=self._venue_ns())

    def _book(self) -> None:
        """All levels of a venue, each a step worse or as bad."""
        rng, place = self.rng, self._place()
        bid = ask = self._price()
        step = max(1, self.width // 30)
        for level in range(MAX_LEVELS):
            sides = (bid, rng.choice(SIZES[1:])), (ask, rng.choice(SIZES[1:]))
            at = place["instrument"], place["venue"]
            self.tape.quote(*at, *sides, level=level, venue_ns=self._venue_ns())
            bid = max(1, bid - rng.randint(0, 2) * step)
            ask = min(MAX_PRICE_NANOS, ask + rng.randint(0, 2) * step)

    # the desk and the venues' answers

    def _order(self) -> None:
        rng = self.rng
        self.names += 1
        side = rng.choice((Side.BUY, Side.BUY, Side.SELL, Side.SELL, Side.SELL_SHORT))
        times = (TimeInForce.DAY, TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK)
        bound = MAX_PRICE_NANOS if side == Side.BUY else 1
        self.tape.order(
            rng.randrange(self.instruments),
            f"E{self.names}",
            side,
            rng.choice(SIZES[1:]),
            ord_type=rng.choice((OrdType.MARKET, OrdType.LIMIT)),
            limit_nanos=rng.choice((self._price(), self._price(), bound)),
            time_in_force=rng.choice((*times, TimeInForce.GTD)),
            expire_ns=rng.choice((self.tape.now_ns + 10**6, INT64_MAX)),
            policy=rng.choice((0, 1, 2, 3, 4, 5, 254, 255)),
            venues_banned=rng.choice((0, 0, 0, rng.getrandbits(64))),
            exec_inst=rng.choice((0, 0, 0, 1, 2, 3, 16)),
            urgency=rng.choice((0, 1, 2, 3, 255)),
        )

    def _report(self) -> None:
        if not self.children:
            self.tape.timer()
            return
        rng = self.rng
        child_id, units, limit_nanos = rng.choice(self.children[-30:])
        kind = rng.choice((1, 2, 2, 2, 2, 3, 4, 5, 6, 11, 13))
        self.trades += 1
        self.tape.report(
            child_id,
            kind,
            trade_id=rng.choice((self.trades, 2**64 - self.trades)),
            last_units=rng.choice((1, units, max(1, units // 2), MAX_UNITS)),
            last_nanos=rng.choice((limit_nanos, 1, MAX_PRICE_NANOS)),
            cum_units=rng.choice((-1, 0, units, INT64_MAX)),
            leaves_units=rng.choice((-1, 0, 1)),
            fee_nanos=rng.choice((0, 10**15, -(10**15))),
            liquidity=rng.choice((1, 1, 2, 2, 3, 4, 5, 0, rng.getrandbits(8))),
        )
        if kind == ExecType.TRADE and self._rarely(0.1):
            self._flood(child_id)

    def _flood(self, child_id: int) -> None:
        """Fills until the sum of a parent's executions meets its bound."""
        for _ in range(self.rng.choice((3, 30))):
            self.trades += 1
            self.tape.fill(child_id, MAX_UNITS, MAX_PRICE_NANOS, self.trades, fee_nanos=10**15)

    def _odd(self) -> None:
        rng, place = self.rng, self._place()
        source = rng.choice((1, 200, 220, 250))
        rng.choice(
            (
                lambda: self.tape.status(place["venue"], rng.choice((2, 5)), place["instrument"]),
                lambda: self.tape.status(place["venue"], rng.choice((1, 1, 3))),
                lambda: self.tape.status(place["venue"], 1, place["instrument"]),
                lambda: self.tape.kill(KillScope.VENUE, rng.choice((0, 0, 1)), venue=0),
                lambda: self.tape.kill(KillScope.ALL, 0),
                lambda: self.tape.kill(KillScope.SELF_HELP, rng.choice((0, 1)), venue=0),
                lambda: self.tape.cancel(place["instrument"], f"E{self.names}"),
                lambda: self.tape.timer(source_seq=2**63, source=251),
                lambda: self.tape.timer(source_seq=2**64 - 1, source=rng.randint(251, 255)),
                lambda: self.tape.last.update({source: 2**40}),
            )
        )()

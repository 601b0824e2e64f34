"""Runs scenario tables: an event a line, what must come of it on the `>` lines below.

Set-up lines (venue, policy, limits, settings) come first. Every child, cancel, refusal and alarm
that an event causes must be expected, in order; order states, exclusions, child states, quality,
health and expected costs are compared where a line names them, and a line `no TEXT` says that
nothing starts with TEXT. `+5ms` before an event lets time pass first. A fill is charged its venue's
fee unless it names another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aggregates import kernel
from aggregates.engine import ReferenceEngine
from aggregates.kernel import Engine
from schemas.codes import (
    AlarmKind,
    BreakKind,
    ChildState,
    Crossed,
    DecisionFlag,
    ExecInst,
    ExecType,
    FeeBasis,
    HealthState,
    InputType,
    KillScope,
    Liquidity,
    MarkoutDrop,
    OrderState,
    OutputType,
    PolicyKind,
    Protection,
    QuoteFlag,
    Reason,
    SelfMatch,
    Side,
    TimeInForce,
    VenueKind,
    VenueStatus,
)
from schemas.orders import NEW_ORDER
from schemas.units import decimal_text, price_nanos
from tests.aggregates.decision import read_decision
from tests.builders import MS, POLICY_DEFAULTS, SETTINGS_DEFAULTS, S, Tape, records

UNITS_NS = {"ns": 1, "us": 1000, "ms": MS, "s": S, "h": 3600 * S}
SIDES = {"buy": Side.BUY, "sell": Side.SELL, "short": Side.SELL_SHORT}
REPORTS = {
    "ack": ExecType.NEW,
    "canceled": ExecType.CANCELED,
    "rejected": ExecType.REJECTED,
    "expired": ExecType.EXPIRED,
    "done_for_day": ExecType.DONE_FOR_DAY,
    "cancel_reject": ExecType.CANCEL_REJECT,
    "status": ExecType.ORDER_STATUS,
    "replaced": ExecType.REPLACED,
    "replace_reject": ExecType.REPLACE_REJECT,
    "restated": ExecType.RESTATED,
    "pending_cancel": ExecType.PENDING_CANCEL,
}
DURATIONS = (
    *(f"{family}_half_life" for family in ("liquidity", "speed", "fill", "cost", "impact")),
    *(f"horizon_{index}" for index in range(1, 5)),
    *("publish", "identity_window", "linger", "resolution", "mid_age"),
    *("control", "health", "stale_floor", "open_window"),
)
RUNS = (
    *("stale_multiple", "reject_burst", "timeout_burst"),
    *("clean_run", "clean_run_max", "near_ticks"),
    *("probes_per_minute", "probe_children", "open_half_life_days"),
)
"""Words of a `settings` line: durations, and plain numbers."""
SAID = ("child", "cancel", "refused", "alarm", "ask", "replace", "break", "position")
"""First words of what must be expected."""
SET_UP = ("venue", "policy", "limits", "settings", "account", "posting", "maker")
QUALITIES = (OutputType.QUALITY, OutputType.EXECUTION_QUALITY, OutputType.VENUE_QUALITY)
LOUD = (
    OutputType.CHILD,
    OutputType.CANCEL_CHILD,
    OutputType.REFUSAL,
    OutputType.ALARM,
    OutputType.STATUS_REQUEST,
    OutputType.REPLACE_CHILD,
    OutputType.BREAK,
    OutputType.POSITION,
)


@dataclass(slots=True)
class Event:
    """One line of a table and what is expected of it."""

    words: list[str]
    where: str
    expected: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Scenario:
    """A named list of events."""

    name: str
    events: list[Event] = field(default_factory=list)


def read(path: Path) -> Iterator[Scenario]:
    """Scenarios of one file; each starts with a line `scenario: name`."""
    scenario = Scenario("")
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.partition("#")[0].strip()
        if text.startswith("scenario:"):
            if scenario.name:
                yield scenario
            scenario = Scenario(text.removeprefix("scenario:").strip())
        elif text.startswith(">"):
            scenario.events[-1].expected.append(text[1:].strip())
        elif text:
            scenario.events.append(Event(text.split(), f"{path.name}:{number}: {text}"))
    if scenario.name:
        yield scenario


def duration_ns(text: str) -> int:
    """`50ms` as nanoseconds."""
    number = text.rstrip("nsumh")
    return int(number) * UNITS_NS[text[len(number) :]]


def fraction_e9(text: str) -> int:
    """`10bps` or `5%` as a fraction in 1e-9."""
    if text.endswith("bps"):
        return price_nanos(text.removesuffix("bps")) // 10_000
    return price_nanos(text.removesuffix("%")) // 100


CHARGES: dict[str, Any] = {
    "protection": lambda word: Protection[word.upper()],
    "crossed": lambda word: Crossed[word.upper()],
    "equalise": None,
    "cap": duration_ns,
    "hidden": None,
    "ended": None,
    "ticket": price_nanos,
    "impact": int,
    "latency": fraction_e9,
    "risk": fraction_e9,
    "toxicity": fraction_e9,
    "toxic_horizon": int,
    "urgent_miss": fraction_e9,
    "urgent_horizon": duration_ns,
    "dark": int,
    "dark_lots": int,
    "dark_horizon": int,
    "dark_toxic": float,
}
"""Words of a `policy` line that most policies do without; the `urgent` ones are of urgency 3."""


def _charges(given: dict[str, Any]) -> dict[str, int]:
    return {
        "protection": given.get("protection", 0),
        "crossed": given.get("crossed", 0),
        "equalise_arrival": int("equalise" in given),
        "max_delay_us": given.get("cap", 500_000) // 1000,
        "use_hidden": int("hidden" in given),
        "ended": int("ended" in given),
        "ticket_nanos": given.get("ticket", 0),
        "impact_horizon": given.get("impact", 0),
        "latency_e9": given.get("latency", 0),
        "risk_e9": given.get("risk", 0),
        "toxicity_e9": given.get("toxicity", 0),
        "toxicity_horizon": given.get("toxic_horizon", 0),
        "dark_percent": given.get("dark", 0),
        "dark_min_lots": given.get("dark_lots", 0),
        "dark_horizon": given.get("dark_horizon", 0),
        "dark_toxic_cbps": round(given.get("dark_toxic", 0) * 100),
        "urgency_miss_e9_3": given.get("urgent_miss", 0),
        "urgency_horizon_ms_3": given.get("urgent_horizon", 0) // MS,
    }


def options(words: list[str], **kinds: Callable[[str], Any] | None) -> dict[str, Any]:
    """`key value` pairs and flags (kind None) of a line; AssertionError for an unknown word."""
    found: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        assert word in kinds, f"unknown word {word!r}"
        kind = kinds[word]
        found[word] = True if kind is None else kind(next(rest))
    return found


class Desk:
    """Plays one scenario on one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.tape, self.consumed = engine, Tape(), 0
        self.venues: list[str] = []
        self.fees: list[tuple[int, int]] = []
        self.set_up: list[Callable[[], Any]] = []
        self.policies: dict[str, Callable[[], Any]] = {}
        self.running = False
        self.orders: dict[str, bytes] = {}
        self.order_names: dict[int, str] = {}
        self.child_ids: dict[str, int] = {}
        self.child_venues: dict[str, int] = {}
        self.trades = 0

    def play(self, scenario: Scenario) -> None:
        """Plays every event and compares what came of it."""
        for event in scenario.events:
            outputs = self._do(event.words)
            told = list(self._told(outputs))
            loud = [text for kind, text in told if kind in LOUD]
            quiet = [text for kind, text in told if kind not in LOUD]
            wanted = [line for line in event.expected if _is_loud(line)]
            assert loud == wanted, f"{event.where}\n  got {told}"
            for line in event.expected:
                if line.startswith("no "):
                    silent = not any(text.startswith(line[3:]) for text in quiet)
                    assert silent, f"{event.where}\n  {line}\n  got {told}"
                else:
                    near = [text for text in quiet if text.split()[:3] == line.split()[:3]]
                    assert _is_loud(line) or line in quiet, (
                        f"{event.where}\n  {line}\n  got {near or told}"
                    )

    def _do(self, words: list[str]) -> bytes:
        if words[0].startswith("+"):
            self.tape.wait(duration_ns(words[0][1:]))
            words = words[1:]
        verb, rest = words[0], words[1:]
        if verb not in SET_UP and not self.running:
            self._start()
        if verb in SIDES:
            self._order(verb, *rest)
        elif verb in REPORTS:
            self._report(verb, *rest)
        else:
            getattr(self, f"_do_{verb}")(*rest)
        return self._step() if self.running else b""

    def _step(self) -> bytes:
        data = bytes(self.tape.data[self.consumed :])
        consumed, outputs = self.engine.step(data)
        assert consumed == len(data)
        self.consumed += consumed
        return outputs

    def _start(self) -> None:
        self.running = True
        self.tape.instrument(0, "TEST")
        self.tape.limits(0)
        for act in self.set_up:
            act()
        if not self.policies:
            self.tape.policy(1)
        self.tape.engine()
        outputs = self._step()
        assert outputs == b"", "the set-up was refused"

    # set-up

    def _do_venue(self, name: str, *words: str) -> None:
        given = options(
            list(words),
            fee=str,
            rate=fraction_e9,
            lot=int,
            min=int,
            tick=price_nanos,
            ticket=price_nanos,
            ack=duration_ns,
            unprotected=None,
            unlisted=None,
            no_fee=None,
            dark=None,
        )
        venue = len(self.venues)
        self.venues.append(name)
        self.fees.append((price_nanos(given.get("fee", "0")), given.get("rate", 0)))
        self.tape.venue(
            venue,
            name,
            kind=VenueKind.DARK if "dark" in given else VenueKind.LIT,
            is_protected=int("unprotected" not in given and "dark" not in given),
            ack_prior_ns=given.get("ack", MS),
        )
        if "unlisted" not in given:
            terms = {"lot_units": given.get("lot", 1), "min_units": given.get("min", 0)}
            terms |= {"tick_nanos": given.get("tick", 10 * MS)}
            terms |= {"ticket_nanos": given.get("ticket", 0)}
            self.set_up.append(lambda: self.tape.listing(0, venue, **terms))
        if "no_fee" not in given:
            rate = given.get("rate", 0)
            kind = Liquidity.MID if "dark" in given else Liquidity.TAKE
            fee = {"liquidity": kind, "rate_e9": rate}
            self.set_up.append(lambda: self.tape.fee(0, venue, given.get("fee", "0"), **fee))

    def _do_policy(self, kind: str, *words: str) -> None:
        given = options(
            list(words),
            id=int,
            single=None,
            fee_blind=None,
            degraded=None,
            levels=int,
            children=int,
            attempts=int,
            tolerance=fraction_e9,
            miss=fraction_e9,
            stale=duration_ns,
            timeout=duration_ns,
            retry=duration_ns,
            horizon=duration_ns,
            prefer=str,
            posting=int,
            **CHARGES,
        )
        defaults = POLICY_DEFAULTS
        preferred = bytearray(64)
        for rank, name in enumerate(given.get("prefer", "").split(",") if given else []):
            if name:
                preferred[self.venues.index(name)] = rank + 1
        values = {
            "split": int("single" not in given),
            "fee_aware": int("fee_blind" not in given),
            "allow_degraded": int("degraded" in given),
            "max_levels": given.get("levels", defaults["max_levels"]),
            "max_children": given.get("children", defaults["max_children"]),
            "max_attempts": given.get("attempts", defaults["max_attempts"]),
            "posting": given.get("posting", defaults["posting"]),
            "tolerance_e9": given.get("tolerance", 0),
            "miss_penalty_e9": given.get("miss", 0),
            "stale_ns": given.get("stale", defaults["stale_ns"]),
            "ack_timeout_ns": given.get("timeout", defaults["ack_timeout_ns"]),
            "retry_ns": given.get("retry", defaults["retry_ns"]),
            "horizon_ns": given.get("horizon", defaults["horizon_ns"]),
            "preferred": bytes(preferred),
            **_charges(given),
        }
        number = given.get("id", 1)
        self.policies[str(number)] = lambda: self.tape.policy(
            number, PolicyKind[kind.upper()], **values
        )
        self._reference(self.policies[str(number)])

    def _do_limits(self, *words: str) -> None:
        given = options(
            list(words),
            units=int,
            notional=int,
            collar=fraction_e9,
            requests=int,
            reports=int,
            self_match=str,
            duplicate=duration_ns,
            restricted=None,
            no_shorts=None,
            inventory=None,
        )
        names = {
            "units": "max_order_units",
            "notional": "max_notional_ones",
            "collar": "collar_e9",
            "requests": "status_requests",
            "reports": "max_reports",
            "duplicate": "duplicate_ns",
            "restricted": "restricted",
            "no_shorts": "short_restricted",
            "inventory": "inventory",
        }
        values = {names[key]: int(value) for key, value in given.items() if key in names}
        if "self_match" in given:
            values["self_match"] = SelfMatch[given["self_match"]]
        self._reference(lambda: self.tape.limits(0, **values))

    def _do_account(self, name: str, *words: str) -> None:
        """Limits of an account: `rate 3/1s`, `throttle 2/1s`, `net`, `gross`, `only`."""
        given = options(list(words), rate=str, throttle=str, net=int, gross=int, only=self._mask)
        values: dict[str, Any] = {"venues_permitted": given.get("only", 0)}
        values["max_net_ones"] = given.get("net", 0)
        values["max_gross_ones"] = given.get("gross", 0)
        for key in ("rate", "throttle"):
            if key in given:
                most, window = given[key].split("/")
                values[f"{key}_max"], values[f"{key}_ns"] = int(most), duration_ns(window)
        self._reference(lambda: self.tape.account(name.encode(), **values))

    def _do_posting(self, *words: str) -> None:
        """Remainders of policy 1 rest."""
        given = options(
            list(words), rest=duration_ns, life=duration_ns, check=duration_ns, posts=int
        )
        names = {
            "rest": "rest_ns",
            "life": "min_life_ns",
            "check": "check_ns",
            "posts": "max_posts",
        }
        values = {names[key]: value for key, value in given.items()}
        self._reference(lambda: self.tape.posting(1, **values))

    def _do_maker(self, venue: str, fixed: str) -> None:
        """What adding liquidity costs, negative for a rebate."""
        number = self.venues.index(venue)
        self._reference(lambda: self.tape.fee(0, number, fixed, liquidity=Liquidity.ADD))

    def _do_settings(self, *words: str) -> None:
        given = options(
            list(words),
            **dict.fromkeys(DURATIONS, duration_ns),
            **dict.fromkeys(RUNS, int),
            fill_prior=fraction_e9,
            prior_weight=int,
            mid_crossed=fraction_e9,
            fee_tolerance=price_nanos,
        )
        values = dict(SETTINGS_DEFAULTS)
        suffixes = {**dict.fromkeys(DURATIONS, "_ns"), "fill_prior": "_e9"}
        suffixes["mid_crossed"] = "_e9"
        suffixes["fee_tolerance"] = "_nanos"
        values["fill_prior_weight_e9"] = given.pop("prior_weight", 4) * S
        for key, value in given.items():
            values[key + suffixes.get(key, "")] = value
        self._reference(lambda: self.tape.settings(**values))

    def _reference(self, act: Callable[[], Any]) -> None:
        act() if self.running else self.set_up.append(act)

    def _do_fee(self, venue: str, fixed: str) -> None:
        self.fees[self.venues.index(venue)] = (price_nanos(fixed), 0)
        self.tape.fee(0, self.venues.index(venue), fixed, liquidity=Liquidity.TAKE)

    def _do_tier(self, venue: str, tier: str, *words: str) -> None:
        """A line of a fee schedule; `below 1.00 sub_rate 30bps` are its sub-dollar terms."""
        given = options(
            list(words),
            fee=price_nanos,
            rate=fraction_e9,
            account=str.encode,
            volume=int,
            liquidity=str,
            min=price_nanos,
            max=price_nanos,
            per_order=None,
            below=price_nanos,
            sub_fee=price_nanos,
            sub_rate=fraction_e9,
        )
        names = {"fee": "fixed_nanos", "rate": "rate_e9", "min": "min_nanos", "max": "max_nanos"}
        names |= {"below": "sub_below_nanos", "sub_fee": "sub_fixed_nanos"}
        names |= {"sub_rate": "sub_rate_e9"}
        values = {names.get(key, key): int(v) if v is True else v for key, v in given.items()}
        values["liquidity"] = Liquidity[given.get("liquidity", "TAKE")]
        self.tape.fee_tier(self.venues.index(venue), int(tier), **values)

    def _do_billing(self, venue: str, basis: str, *words: str) -> None:
        given = options(list(words), account=str.encode, tier=int, forecast=int, month_to_date=int)
        values = {{"tier": "prior_tier"}.get(key, key): value for key, value in given.items()}
        values["basis"] = FeeBasis[basis.upper()]
        self.tape.billing(self.venues.index(venue), **values)

    def _do_engine(self, version: str) -> None:
        if version == "ours":
            self.tape.engine()
        else:
            self.tape.engine(version.encode())

    def _do_reference(self, what: str) -> None:
        """`gap` sends a version too early, `catch_up` the one that is missing and itself again."""
        if what == "gap":
            self.tape.limits(0, source_seq=self.tape.last[0] + 2)
        elif what == "repeat":
            self.tape.limits(0, source_seq=1)
        else:
            self.tape.limits(0)
            self.tape.limits(0)

    def _do_holds(self, venue: str, units: str, *words: str) -> None:
        """All that an account has at a venue now."""
        given = options(list(words), account=str.encode)
        self.tape.inventory(0, self.venues.index(venue), int(units), **given)

    # market

    def _do_quote(self, venue: str, bid: str, ask: str, *words: str) -> None:
        given = options(list(words), level=int, modelled=None, delay=duration_ns)
        flags = given.get("level", 0)
        flags |= QuoteFlag.MODELLED_ASK if "modelled" in given else 0
        sides = [side.split("x") if side != "-" else ["0", "0"] for side in (bid, ask)]
        (bid_price, bid_units), (ask_price, ask_units) = sides
        self.tape.quote(
            0,
            self.venues.index(venue),
            (bid_price, int(bid_units)),
            (ask_price, int(ask_units)),
            flags=flags,
            venue_ns=self.tape.now_ns - given["delay"] if "delay" in given else 0,
        )

    def _do_trade(self, venue: str, price: str, units: str) -> None:
        self.tape.trade(0, self.venues.index(venue), price, int(units))

    def _do_state(self, venue: str, status: str, scope: str = "TEST") -> None:
        place = {"instrument": 0} if scope == "TEST" else {}
        self.tape.status(self.venues.index(venue), VenueStatus[status], **place)

    def _do_wait(self, duration: str) -> None:
        self.tape.wait(duration_ns(duration))
        self.tape.timer()

    def _do_drops(self, reason: str, side: str, count: str) -> None:
        """How many markouts of a side did not settle for a reason."""
        reader = ReferenceEngine(0, kernel.GENERATION)
        reader.restore(self.engine.state_bytes())
        dropped = reader.state.markout_drops[2 * getattr(MarkoutDrop, reason) + (side == "sell")]
        assert dropped == int(count), f"{reason} {side}: {dropped}"

    def _do_lost(self, venue: str, count: str) -> None:
        """Records of a feed that never arrived."""
        self.tape.last[1 + self.venues.index(venue)] += int(count)

    # desk

    def _order(self, side: str, name: str, units: str, *words: str) -> None:
        given = options(
            list(words),
            limit=str,
            DAY=None,
            IOC=None,
            FOK=None,
            OPG=None,
            GTD=duration_ns,
            account=str.encode,
            client=str.encode,
            policy=int,
            urgency=int,
            only=self._mask,
            never=self._mask,
            age=duration_ns,
            instrument=int,
            locate=str.encode,
            trader=str.encode,
            match=str.encode,
            min=int,
            show=int,
            AON=None,
            POST=None,
            may_post=None,
        )
        values: dict[str, Any] = {"locate_id": given.get("locate", b"")}
        for key in ("limit", "account", "client", "policy", "urgency", "instrument"):
            if key in given:
                values[key] = given[key]
        for word in ("IOC", "FOK", "OPG"):
            if word in given:
                values["time_in_force"] = TimeInForce[word]
        if "GTD" in given:
            values["time_in_force"] = TimeInForce.GTD
            values["expire_ns"] = self.tape.now_ns + given["GTD"]
        values["venues_allowed"] = given.get("only", 0)
        values["venues_banned"] = given.get("never", 0)
        values["trader"] = given.get("trader", b"")
        values["self_match_id"] = given.get("match", b"")
        values["min_units"], values["display_units"] = given.get("min", 0), given.get("show", 0)
        values["post_permission"] = int("may_post" in given or "POST" in given)
        values["exec_inst"] = ExecInst.ALL_OR_NONE * ("AON" in given)
        values["exec_inst"] |= ExecInst.POST_ONLY * ("POST" in given)
        values["transact_ns"] = self.tape.now_ns - given.get("age", 0)
        values["cl_ord_id"] = name.encode()
        self.orders[name] = self.tape.order(0, name, SIDES[side], int(units), **values)

    def _mask(self, names: str) -> int:
        return sum(1 << self.venues.index(name) for name in names.split(","))

    def _do_repeat(self, name: str, *words: str) -> None:
        """The same order once more, received later; `units` changes it."""
        given = options(list(words), units=int)
        record = NEW_ORDER.unpack(self.orders[name])._asdict()
        del record["source_seq"], record["log_ns"]
        record["receive_ns"] = self.tape.now_ns + 1
        record["order_units"] = given.get("units", record["order_units"])
        self.tape.put(NEW_ORDER, record["type"], record["source"], **record)

    def _do_cancel(self, name: str, *words: str) -> None:
        given = options(list(words), account=str.encode)
        self.tape.cancel(0, name, **given)

    def _do_amend(self, old: str, new: str, units: str, *words: str) -> None:
        """The order `old` with another size, and `limit` where it changes, under the name `new`."""
        given = options(list(words), limit=str)
        record = NEW_ORDER.unpack(self.orders[old])._asdict()
        del record["source_seq"], record["log_ns"]
        record |= {"type": int(InputType.AMEND_ORDER), "order_units": int(units)}
        record |= {"orig_cl_ord_id": record["cl_ord_id"], "cl_ord_id": new.encode()}
        record["transact_ns"] = self.tape.now_ns
        if "limit" in given:
            record["limit_nanos"] = price_nanos(given["limit"])
        self.orders[new] = self.tape.put(NEW_ORDER, record["type"], record["source"], **record)

    def _do_end_of_day(self) -> None:
        self.tape.end_of_day()

    def _do_rearm(self, account: str, person: str = "") -> None:
        self.tape.rearm(account.encode(), person.encode())

    def _do_bust(self, child: str, trade: str) -> None:
        """The venue takes a trade back."""
        self._change(child, ExecType.TRADE_CANCEL, trade)

    def _do_correct(self, child: str, trade: str, size: str) -> None:
        """The venue gives a trade another size or price."""
        units, price = size.split("x")
        values = {"last_units": int(units), "last_nanos": price_nanos(price)}
        self._change(child, ExecType.TRADE_CORRECT, trade, **values)

    def _change(self, child: str, kind: int, trade: str, **values: Any) -> None:
        venue = self.child_venues.get(child, 0)
        self.tape.report(
            self._child_id(child), kind, venue=venue, ref_trade_id=int(trade), **values
        )

    def _do_copy(self, child: str, trade: str, size: str) -> None:
        """The drop copy of a trade."""
        units, price = size.split("x")
        venue = self.child_venues.get(child, 0)
        self.tape.drop_copy(
            self._child_id(child), int(units), price, int(trade), venue=venue, instrument=0
        )

    def _do_misplaced(self, child: str, size: str) -> None:
        """A fill that names another venue than its child's."""
        units, price = size.split("x")
        self.tape.fill(self._child_id(child), int(units), price, 999, venue=63)

    def _do_kill(self, scope: str, target: str = "") -> None:
        self._switch(1, scope, target)

    def _do_release(self, scope: str, target: str = "") -> None:
        self._switch(0, scope, target)

    def _switch(self, engaged: int, scope: str, target: str) -> None:
        values: dict[str, Any] = {"target": target.encode()}
        if scope in ("venue", "self_help"):
            values = {"venue": self.venues.index(target)}
        elif scope == "instrument":
            values = {"instrument": 0}
        self.tape.kill(KillScope[scope.upper()], engaged, **values)

    # venues

    def _report(self, verb: str, child: str, *words: str) -> None:
        given = options(list(words), cum=int, leaves=int)
        self.tape.report(
            self._child_id(child),
            REPORTS[verb],
            venue=self.child_venues.get(child, 0),
            cum_units=given.get("cum", -1),
            leaves_units=given.get("leaves", -1),
        )

    def _do_fill(self, child: str, size: str, *words: str) -> None:
        given = options(list(words), trade=int, fee=price_nanos, liquidity=str)
        units, price = size.split("x")
        fixed, rate = self.fees[self.child_venues.get(child, 0)]
        charge = (fixed + price_nanos(price) * rate // S) * int(units)
        self.trades += 1
        self.tape.fill(
            self._child_id(child),
            int(units),
            price,
            given.get("trade", 1000 + self.trades),
            venue=self.child_venues.get(child, 0),
            fee_nanos=given.get("fee", charge),
            liquidity=Liquidity[given.get("liquidity", "TAKE")],
        )

    def _child_id(self, child: str) -> int:
        return int(child[1:]) if child.startswith("?") else self.child_ids[child]

    # what came of it

    def _told(self, outputs: bytes) -> Iterator[tuple[OutputType, str]]:
        for kind, record, raw in records(outputs):
            if kind == OutputType.DECISION:
                self._name_order(record)
                yield from ((kind, text) for text in self._decision(record, raw))
            elif kind in QUALITIES:
                yield from ((kind, text) for text in self._quality(kind, record))
            else:
                yield kind, getattr(self, f"_tell_{kind.name.lower()}")(record)

    def _name_order(self, record: Any) -> None:
        self.order_names[record.order_id] = record.cl_ord_id.rstrip(b"\0").decode()

    def _decision(self, record: Any, raw: bytes) -> Iterator[str]:
        decision = read_decision(raw)
        for part in decision.allocations:
            yield f"delay {self.venues[part.venue]} {part.send_delay_ns // 1000}us"
        for head in (block.head for block in decision.blocks):
            if head.reason:
                yield f"out {self.venues[head.venue]} {Reason(head.reason).name} {head.value}"
                yield f"out {self.venues[head.venue]} {Reason(head.reason).name}"
        yield from (f"flag {flag.name}" for flag in DecisionFlag if record.flags & flag)
        yield f"capped {decimal_text(record.cap_nanos)}"
        yield f"tickets {decimal_text(record.ticket_nanos)}"
        for name in ("expected", "added", "best_price", "sweep"):
            low, high = (getattr(record, f"{name}_cost_{word}") for word in ("lo", "hi"))
            yield f"{name} {decimal_text((high << 64) | low)}"

    def _quality(self, kind: OutputType, record: Any) -> Iterator[str]:
        """Every read-out of a row, of what its fills cost, or of a venue."""
        name = {OutputType.QUALITY: "quality", OutputType.EXECUTION_QUALITY: "execution"}
        start = f"{name.get(kind, 'venue')} {self.venues[record.venue]}"
        yield start
        for field_name, value in record._asdict().items():
            if isinstance(value, int | float):
                yield f"{start} {field_name} {value:.6g}"
        if kind == OutputType.VENUE_QUALITY:
            yield f"health {self.venues[record.venue]} {HealthState(record.health).name}"

    def _tell_child(self, record: Any) -> str:
        order = self.order_names[record.order_id]
        number = 1 + sum(name.startswith(order + ".") for name in self.child_ids)
        name = f"{order}.{number}"
        self.child_ids[name], self.child_venues[name] = record.child_id, record.venue
        price = decimal_text(record.limit_nanos)
        suffix = " FOK" if record.time_in_force == TimeInForce.FOK else ""
        suffix += " POST" if record.exec_inst & ExecInst.POST_ONLY else ""
        suffix += " ISO" if record.exec_inst & ExecInst.ISO else ""
        suffix += " PROBE" if record.exec_inst & ExecInst.PROBE else ""
        suffix += f" PEG {record.min_units}" if record.exec_inst & ExecInst.MID_PEG else ""
        return f"child {name} {self.venues[record.venue]} {record.units}x{price}{suffix}"

    def _tell_status_request(self, record: Any) -> str:
        return f"ask {self._child_name(record)} {record.attempt}"

    def _tell_replace_child(self, record: Any) -> str:
        price = decimal_text(record.limit_nanos)
        return f"replace {self._child_name(record)} {record.units}x{price}"

    def _tell_break(self, record: Any) -> str:
        return f"break {BreakKind(record.kind).name} {record.our_units} {record.their_units}"

    def _tell_position(self, record: Any) -> str:
        account = record.account.rstrip(b"\0").decode()
        day = f"bought {record.bought_units} sold {record.sold_units}"
        return f"position {account} {record.net_units} {day}"

    def _tell_venue_sums(self, record: Any) -> str:
        return f"sums {self.venues[record.venue]} {record.fill_weight:g} {record.ack_weight:g}"

    def _tell_budget_state(self, record: Any) -> str:
        account = record.account.rstrip(b"\0").decode()
        return f"budget {account} {record.budget_ones} used {record.used_ones}"

    def _tell_mass_cancel_report(self, record: Any) -> str:
        return f"mass_cancel {KillScope(record.scope).name} {record.affected}"

    def _tell_cancel_child(self, record: Any) -> str:
        return f"cancel {self._child_name(record)}"

    def _child_name(self, record: Any) -> str:
        """Its name, or its number while it is held."""
        names = (name for name, id_ in self.child_ids.items() if id_ == record.child_id)
        return next(names, str(record.child_id))

    def _tell_child_state(self, record: Any) -> str:
        state = ChildState(record.state).name
        return f"state {self._child_name(record)} {state} {record.cum_units} of {record.units}"

    def _tell_order_state(self, record: Any) -> str:
        self._name_order(record)
        name, state = self.order_names[record.order_id], OrderState(record.state).name
        reason = f" {Reason(record.reason).name}" if record.reason else ""
        filled = f"filled {record.cum_units} open {record.outstanding_units}"
        return f"order {name} {state}{reason} {filled}"

    def _tell_refusal(self, record: Any) -> str:
        return f"refused {Reason(record.reason).name}"

    def _tell_alarm(self, record: Any) -> str:
        return f"alarm {AlarmKind(record.kind).name} {record.value}"


def _is_loud(line: str) -> bool:
    return line.split(maxsplit=1)[0] in SAID

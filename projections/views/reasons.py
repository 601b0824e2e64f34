"""Reason codes in words, each with its deciding value."""

from __future__ import annotations

from collections.abc import Callable

from projections.views.names import InstrumentName
from schemas.codes import HealthState, VenueStatus
from schemas.units import NS_PER_MS, NS_PER_S, NS_PER_US, decimal_text
from schemas.wire import code_name

Words = Callable[[int, InstrumentName], str]


def duration(ns: float) -> str:
    """A duration in the unit that people would use."""
    for size, unit in ((3600 * NS_PER_S, "h"), (60 * NS_PER_S, "min"), (NS_PER_S, "s")):
        if abs(ns) >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns / NS_PER_MS:.3g} ms" if abs(ns) >= NS_PER_MS else f"{ns / NS_PER_US:.3g} us"


def price(nanos: int) -> str:
    """A price as decimal text."""
    return decimal_text(nanos)


def _plain(words: str) -> Words:
    return lambda _value, _instrument: words


EXCLUSIONS: dict[str, Words] = {
    "not_listed": _plain("does not list the instrument"),
    "not_allowed": _plain("the order does not allow it"),
    "venue_killed": _plain("its kill switch is engaged"),
    "venue_not_open": lambda value, _: f"it is {code_name(VenueStatus, value)}",
    "no_quote": _plain("it shows nothing on this side"),
    "stale_quote": lambda value, _: f"its quote is stale: {duration(value)} old",
    "crossed_book": lambda value, _: f"its own book is crossed by {price(value)}",
    "already_visited": lambda value, _: (
        f"it was tried already and has not quoted since input {value}"
    ),
    "beyond_limit": lambda value, _: f"its best price {price(value)} is beyond the limit",
    "nothing_available": lambda value, one: (
        f"what it shows is taken by our own {one.size(value)} in flight"
    ),
    "below_lot": lambda value, one: f"the {one.size(value)} it has are less than a lot",
    "venue_health": lambda value, _: f"its health is {code_name(HealthState, value)}",
    "fee_unknown": _plain("its fee is not known, and a fee is never guessed"),
    "not_permitted": _plain("the account may not trade there"),
    "self_help": _plain("self help is declared against it"),
    "market_crossed": lambda value, _: (
        f"venues are crossed against each other by {price(value)}, and the policy waits"
    ),
    "through_protected": lambda value, _: (
        f"its best price {price(value)} is beyond a protected quote that gets no child"
    ),
    "dark_not_allowed": lambda value, _: (
        "what must be filled whole is not sent where nothing is seen"
        if value
        else "it is a dark pool, and the policy uses none"
    ),
    "no_midpoint": _plain(
        "it trades at the midpoint, and there is none between best bid and offer"
    ),
    "dark_toxic": lambda value, _: (
        f"after our fills there the mid moves {abs(value) / 100:.2f} bps "
        + ("against them" if value > 0 else "away from what remains")
        + ", more than the policy bears"
    ),
    "dark_minimum": lambda value, one: (
        f"the {one.size(value)} it may be asked for are less than the least child"
    ),
    "no_inventory": lambda value, one: (
        f"the {one.size(value)} that the account holds free there are less than it may sell"
        if value
        else "the account has nothing free to sell there"
    ),
}

REFUSALS: dict[str, Words] = {
    "unknown_instrument": _plain("the instrument does not exist here"),
    "max_order_units": lambda value, one: f"its size {one.size(value)} is over the limit",
    "max_order_notional": lambda value, one: f"its size {one.size(value)} is worth too much",
    "price_collar": lambda value, _: f"its limit {price(value)} is outside the price collar",
    "no_reference_price": _plain("there is no two-sided market to measure it by"),
    "bad_size": lambda value, one: f"its size {one.size(value)} is not a size",
    "bad_price": lambda value, _: f"its price {price(value)} is not a price",
    "killed": _plain("a kill switch is engaged"),
    "duplicate_order": lambda value, _: f"it repeats an order; decision {value} stands",
    "conflicting_repeat": _plain("it repeats a ClOrdID with other terms"),
    "too_old": _plain("it is older than the identities that are remembered"),
    "from_the_future": _plain("its TransactTime lies ahead of our clock"),
    "unknown_policy": lambda value, _: f"there is no policy {value}",
    "fok_not_fillable": _plain("no single venue could fill all of it"),
    "nothing_to_sell": lambda value, one: (
        f"the account holds {one.size(value)} free at the venues allowed, a lot at none of them"
    ),
}

WITHDRAWN = {
    "touch_moved": "the touch had left it",
    "rest_time": "it had rested as long as it may",
    "queue_value": "its place was worth nothing any more",
    "unhealthy_venue": "its venue was unwell",
    "venue_stopped": "its venue had stopped trading",
    "stale_quote": "its venue's quote was stale",
    "stale_at_release": "its venue's quote was stale when it was to leave",
    "parent_ending": "its parent was ending",
    "amended": "its parent was amended",
    "self_match": "it could have met an order of our own",
    "killed": "a kill switch was engaged",
    "no_inventory": "what the account holds there no longer covers its sells",
    "user_cancel": "its sender cancelled the parent",
    "horizon": "the parent's horizon passed",
    "overfilled": "the parent was filled beyond its size",
}

ENDS = {
    "filled": "filled completely",
    "ioc_remainder": "what was not filled at once was cancelled (IOC)",
    "user_cancel": "cancelled by its sender",
    "horizon": "its horizon passed",
    "max_attempts": "the policy's attempts were used up",
    "overfilled": "filled beyond its size",
    "fok_not_fillable": "no single venue could fill all of it (FOK)",
    "killed": "a kill switch was engaged",
    "none": "still working",
}


def exclusion(reason: str, value: int, instrument: InstrumentName) -> str:
    """Why a venue was left out."""
    words = EXCLUSIONS.get(reason)
    return words(value, instrument) if words else f"{reason.replace('_', ' ')} ({value})"


def refusal(reason: str, value: int, instrument: InstrumentName) -> str:
    """Why an order was refused."""
    words = REFUSALS.get(reason)
    return words(value, instrument) if words else f"{reason.replace('_', ' ')} ({value})"

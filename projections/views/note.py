"""A decision as a broker would write it down for a client."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from projections.views.explanation import ChildStory, Story, is_dark
from projections.views.names import Names, policy_terms
from projections.views.reasons import ENDS, WITHDRAWN, duration, exclusion, price
from schemas.events import CandidateVenue, ChildAllocation, SmartRoutingDecisionEvent
from schemas.units import NS_PER_S, NS_PER_US

Table = tuple[list[str], list[list[str]]]
"""(column titles, rows of cells)."""


def moment(log_ns: int) -> str:
    """A time as people write it, to the microsecond, UTC."""
    second = datetime.fromtimestamp(log_ns // NS_PER_S, UTC)
    return f"{second:%Y-%m-%d %H:%M:%S}.{log_ns % NS_PER_S // NS_PER_US:06d} UTC"


def bps(value: float | None) -> str:
    """A signed number of basis points."""
    return "not comparable" if value is None else f"{value:+.2f} bps"


def order_lines(story: Story) -> Iterator[str]:
    """What was asked for."""
    decision, one = story.decision, story.instrument
    order = story.order
    limit = "at the market" if order.get("ord_type") == "market" else "limit"
    yield (
        f"{decision.side} {one.size(int(order.get('order_units', decision.remaining_units)))} "
        f"{one.key}, {limit} {price(decision.limit_nanos)} {one.quote_ccy}, "
        f"{decision.time_in_force.upper()}, account {decision.account}"
    )
    yield (
        f"attempt {decision.attempt}: {one.size(decision.remaining_units)} to place under policy "
        f"{story.names.policy(decision.policy)} v{decision.policy_version}"
        + (f" ({policy_terms(story.policy)})" if story.policy else "")
    )


def market_lines(story: Story) -> Iterator[str]:
    """The market at that moment and at arrival."""
    d = story.decision
    yield f"best displayed {pair(d.displayed_bid_nanos, d.displayed_ask_nanos)}"
    yield f"protected best {pair(d.protected_bid_nanos, d.protected_ask_nanos)}"
    about = [flag.replace("_", " ") for flag in d.flags if flag not in PROTECTIONS]
    yield f"at arrival     {pair(d.arrival_bid_nanos, d.arrival_ask_nanos)}" + (
        f"  ({', '.join(about)})" if about else ""
    )
    yield from protection_lines(story)


PROTECTIONS = {
    "iso": "every child is an ISO: each better protected quote gets its full displayed size",
    "capped": "no child may trade beyond {cap}: a better protected quote there gets no child",
    "crossed_exempt": "protected quotes are crossed, so none is protected, as the policy says",
    "self_help": "self help is declared: quotes of that venue are not protected",
}


def protection_lines(story: Story) -> Iterator[str]:
    """How better protected quotes were dealt with, and by which exception."""
    for flag, words in PROTECTIONS.items():
        if flag in story.decision.flags:
            yield words.format(cap=price(story.decision.cap_nanos))


def pair(bid: int, ask: int) -> str:
    """Bid and ask with spread in bps of the mid."""
    if not bid or not ask:
        return f"{price(bid) if bid else '-'} / {price(ask) if ask else '-'}"
    return f"{price(bid)} / {price(ask)}  (spread {2e4 * (ask - bid) / (ask + bid):.1f} bps)"


def venue_table(story: Story) -> Table:
    """What each venue offered and why it got what it got."""
    got = {part.venue: part for part in story.decision.children}
    titles = ["venue", "offered", "fee", "fill", "ack", "quote age", "outcome"]
    rows = []
    for venue in story.decision.candidates:
        modelled = " (modelled)" if "modelled" in venue.flags else ""
        name = story.names.venue(venue.venue) + modelled
        age = duration(venue.quote_age_us * NS_PER_US)
        if venue.reason != "none":
            why = exclusion(venue.reason, venue.value, story.instrument)
            if venue.reason == "already_visited" and venue.venue in story.names.darks:
                why = "this order has asked the pool already, and asks it once"
            probe = got.get(venue.venue)
            tail = f"; probed with {story.instrument.size(probe.units)}" if probe else ""
            rows.append([name, "", "", "", "", age, f"left out: {why}{tail}"])
            continue
        part = got.get(venue.venue)
        outcome = f"gets {story.instrument.size(part.units)}" if part else behind(story, venue)
        rows.append([name, *offer_cells(story, venue), age, outcome])
    return titles, rows


def behind(story: Story, venue: CandidateVenue) -> str:
    """Why a venue that qualified got nothing."""
    gap = story.behind_bps(venue)
    if gap is None:
        return "ranked behind"
    if gap >= 0:
        return f"ranked behind: {gap:.2f} bps dearer than the last taken"
    if venue.ticket_nanos:
        return f"{-gap:.2f} bps cheaper, but not worth its ticket of {price(venue.ticket_nanos)}"
    if venue.fee_min_nanos:
        return f"{-gap:.2f} bps cheaper, but not worth {least_words(venue)}"
    return f"{-gap:.2f} bps cheaper, but behind by lots, minimum, number of children or preference"


def likely(venue: CandidateVenue) -> float:
    """Chance that the last of the sizes that it was asked about is there."""
    return venue.available[-1] if venue.available else venue.fill_ratio


def chance(venue: CandidateVenue) -> str:
    """Chance that the first lot is there, and the last of the largest sizes where it differs."""
    last = likely(venue)
    tail = f" to {last:.1%}" if round(last, 3) < round(venue.fill_ratio, 3) else ""
    return f"{venue.fill_ratio:.1%}{tail}"


def offer_cells(story: Story, venue: CandidateVenue) -> list[str]:
    """Levels, fee, fill ratio and acknowledgement latency as used."""
    if is_dark(venue):
        size = story.instrument.size(venue.dark_units) + held_words(story, venue)
        offered = f"dark, up to {size} at the midpoint {price(venue.value)}"
        return [offered, price(venue.fee_nanos), chance(venue), duration(venue.ack_ns)]
    shown = [
        f"{story.instrument.size(level.units)} @ {price(level.price_nanos)}"
        for level in venue.levels[:3]
    ]
    more = f" +{len(venue.levels) - 3}" if len(venue.levels) > 3 else ""
    own = f" (ours {story.instrument.size(venue.own_units)})" if venue.own_units else ""
    return [
        ", ".join(shown) + more + own + held_words(story, venue),
        price(venue.fee_nanos) + bound_words(venue),
        chance(venue),
        duration(venue.ack_ns),
    ]


def bound_words(venue: CandidateVenue) -> str:
    """The least and the most that is charged, where there are any."""
    words = f", at least {price(venue.fee_min_nanos)}" if venue.fee_min_nanos else ""
    return words + (f", at most {price(venue.fee_max_nanos)}" if venue.fee_max_nanos else "")


def held_words(story: Story, venue: CandidateVenue) -> str:
    """That inventory, not what is displayed, bounds what may be sold there."""
    if not venue.inventory_units:
        return ""
    return f" (holds {story.instrument.size(venue.inventory_units)} to sell)"


def choice_lines(story: Story) -> Iterator[str]:
    """Who got what at which limit, and what the next best would have cost."""
    if not story.decision.children:
        yield "no venue qualified: nothing was sent"
    for part in story.decision.children:
        yield choice_line(story, part)


def choice_line(story: Story, part: ChildAllocation) -> str:
    """One allocation in a sentence."""
    if "peg" in part.flags:
        return dark_line(story, part)
    if "post" in part.flags:
        return post_line(story, part)
    head = (
        f"{story.names.venue(part.venue)}: {story.instrument.size(part.units)} at "
        f"{price(part.limit_nanos)} or better over {part.levels} level"
        f"{'s' if part.levels > 1 else ''}"
        + (" as ISO" if "iso" in part.flags else "")
        + (" as a probe, so that it can prove itself" if "probe" in part.flags else "")
        + (f", sent {duration(part.send_delay_ns)} later" if part.send_delay_ns else "")
    )
    venue, other = story.candidate(part.venue), story.next_best(part)
    if venue is not None and 0 < venue.inventory_units <= part.units:
        head += ", all that the account may sell there"
    if venue is None or venue.reason != "none" or not story.mid_nanos:
        return head
    ours = story.all_in(venue, part.limit_nanos)
    if other is None:
        return f"{head}; nobody else has any left within the limit"
    gap = 1e4 * (story.all_in(*other) - ours) / story.mid_nanos
    words = "dearer" if gap >= 0 else f"cheaper, but {drawback(other[0], venue)}"
    return (
        f"{head}; next best {story.names.venue(other[0].venue)} at {price(other[1])} is all-in "
        f"{abs(gap):.2f} bps {words}"
    )


def least_words(venue: CandidateVenue) -> str:
    """The minimum of a fee, and of what."""
    scope = "child" if venue.fee_per_order else "level"
    return f"its least charge of {price(venue.fee_min_nanos)} a {scope}"


def drawback(other: CandidateVenue, chosen: CandidateVenue) -> str:
    """Why a cheaper level of another venue was left."""
    if other.ticket_nanos:
        return f"not worth its ticket of {price(other.ticket_nanos)}"
    if other.fee_min_nanos:
        return f"not worth {least_words(other)}"
    theirs, ours = likely(other), likely(chosen)
    if theirs < ours:
        return f"less likely to be there ({theirs:.1%} against {ours:.1%})"
    return "the policy ranks it behind"


def post_line(story: Story, part: ChildAllocation) -> str:
    """Why the remainder rests where it does."""
    head = (
        f"{story.names.venue(part.venue)}: {story.instrument.size(part.units)} rest at "
        f"{price(part.limit_nanos)}, post only, because there is nothing left to take within the "
        "limit"
    )
    if not story.mid_nanos:
        return head
    gain = 1e4 * (story.mid_nanos - part.limit_nanos) * story.sign / story.mid_nanos
    words = "better than the mid" if gain >= 0 else "worse than the mid"
    return f"{head}; filled there it trades {abs(gain):.2f} bps {words}, before the maker's fee"


def dark_line(story: Story, part: ChildAllocation) -> str:
    """Why a dark pool was asked."""
    one, venue = story.instrument, story.candidate(part.venue)
    head = (
        f"{story.names.venue(part.venue)}: asked the dark pool for {one.size(part.units)} at the "
        f"midpoint {price(part.limit_nanos)}"
    )
    if venue is None or not story.mid_nanos:
        return head
    far = story.decision.displayed_ask_nanos
    far = far if story.sign > 0 else story.decision.displayed_bid_nanos
    saved = 1e4 * story.sign * (far - part.limit_nanos) / story.mid_nanos
    missed = 1e4 * venue.penalty_nanos / story.mid_nanos
    leaks = 1e4 * venue.impact_nanos / story.mid_nanos
    return (
        f"{head} because each one filled there saves {saved:.2f} bps of the spread; a first lot "
        f"is there in {venue.fill_ratio:.0%} of cases, and what it misses is expected to cost "
        f"{missed:.2f} bps more"
        + (f"; what its fills give away is counted at {leaks:.2f} bps" if leaks else "")
    )


def cost_lines(story: Story) -> Iterator[str]:
    """Expected cost and the baselines, fees included."""
    d = story.decision
    ours = story.bps(d.expected_cost, d.allocated_units)
    if ours is None:
        return
    size = story.instrument.size(d.allocated_units)
    if any("post" in part.flags for part in d.children):
        yield f"{bps(ours)} against the mid for {size} if it is filled, the maker's fee included"
        return
    pools = any("peg" in part.flags for part in d.children)
    sure = ", if the pools fill all that they are asked for" if pools else ""
    yield f"expected all-in {bps(ours)} against the mid for {size}{sure}"
    yield from charge_lines(story)
    baselines = (
        ("single best price", d.best_price_cost, d.best_price_units),
        ("fee-blind sweep", d.sweep_cost, d.sweep_units),
    )
    for name, cost, units in baselines:
        saved = story.saved_bps(cost, units)
        if saved is None:
            yield f"{name}: would have placed {story.instrument.size(units)}, not comparable"
        else:
            theirs = bps(story.bps(cost, units))
            yield f"{name}: {theirs}, so the plan saves {saved:+.2f} bps"


def charge_lines(story: Story) -> Iterator[str]:
    """What the optimiser charged besides price and fee."""
    d = story.decision
    if d.added_cost and story.mid_nanos:
        added = 1e4 * d.added_cost / d.allocated_units / story.mid_nanos
        parts = [f"a miss costs {price(d.penalty_nanos)}"] if d.penalty_nanos else []
        if d.remainder_e9:
            parts.append(f"impact falls on the {d.remainder_e9 / 1e9:.1%} likely to remain")
        words = f" ({'; '.join(parts)})" if parts else ""
        yield f"ranked with {bps(added)} more for what is likely to go wrong{words}"
    if d.ticket_nanos > 0:
        yield (
            f"tickets and least charges of {price(d.ticket_nanos)} {story.instrument.quote_ccy} "
            "for the children"
        )
    if d.ticket_nanos < 0:
        yield f"{price(-d.ticket_nanos)} {story.instrument.quote_ccy} less by the most of a fee"


def outcome_lines(story: Story) -> Iterator[str]:
    """What happened to each child, and to the order."""
    for child in story.children:
        yield child_line(story, child)
    realised = story.realised_bps()
    if realised is not None:
        yield f"realised {bps(realised)} against the arrival mid, fees included"
    final = story.final
    if final is not None:
        one = story.instrument
        yield (
            f"order {final.state}: {one.size(final.cum_units)} of {one.size(final.order_units)} "
            f"filled, {ENDS.get(final.reason, final.reason.replace('_', ' '))}"
        )


def child_line(story: Story, child: ChildStory) -> str:
    """One child's life in a sentence."""
    sent = child.child
    words = [f"child {sent.child_id} at {story.names.venue(sent.venue)}"]
    if child.states:
        words.append(f"answered after {duration(child.states[0].log_ns - sent.log_ns)}")
    fills = child.fills
    filled = sum(fill.last_units for fill in fills)
    if filled:
        average = sum(fill.last_nanos * fill.last_units for fill in fills) // filled
        fees = sum(fill.fee_nanos for fill in fills)
        modelled = " (modelled)" if any("modelled" in fill.report_flags for fill in fills) else ""
        words.append(
            f"filled {story.instrument.size(filled)} of {story.instrument.size(sent.units)} at "
            f"{price(average)}{modelled}, fees {price(fees)}"
        )
    words.append(last_words(child))
    return ", ".join(words)


def last_words(child: ChildStory) -> str:
    """Its last state, and why it was withdrawn where that was ours to say."""
    reason = child.states[-1].reason if child.states else "none"
    state = child.last.replace("_", " ")
    if reason == "none":
        return state
    return f"{state} because {WITHDRAWN.get(reason, reason.replace('_', ' '))}"


def place_lines(story: Story, chain: str) -> Iterator[str]:
    """Where the decision stands in the log, and which versions made it."""
    d = story.decision
    yield (
        f"shard {d.shard}, input {d.seq}, output {d.out_seq}, record version {d.version}, "
        f"reference version {d.reference_version}, quality {d.quality_seq}, "
        f"rows digest {d.rows_digest:016x}"
    )
    engine = story.names.engine[:16] or "of no generation"
    yield f"engine {engine}, chain {chain or 'not kept'}"
    others = [str(attempt) for attempt in story.attempts if attempt != d.out_seq]
    if others:
        yield f"other decisions of this order: {', '.join(others[:12])}"


def one_line(decision: SmartRoutingDecisionEvent, names: Names) -> str:
    """A decision in one line: what, to whom, and what it saves."""
    one = names.instrument(decision.instrument)
    head = f"{decision.side} {one.size(decision.remaining_units)} {one.key}"
    if not decision.children:
        return f"{head}: nothing qualified ({_main_reason(decision)})"
    parts = [f"{names.venue(p.venue)} {one.size(p.units)}" for p in decision.children[:4]]
    more = f" +{len(decision.children) - 4}" if len(decision.children) > 4 else ""
    saved = Story(decision, names, {}, [], None, []).saved_bps(
        decision.best_price_cost, decision.best_price_units
    )
    tail = f", saves {saved:+.2f} bps" if saved is not None else ""
    worst = (max if decision.side == "buy" else min)(p.limit_nanos for p in decision.children)
    if any("post" in p.flags for p in decision.children):
        return f"{head}: {', '.join(parts)} rests at {price(worst)}"
    return f"{head}: {', '.join(parts)}{more} at {price(worst)} or better{tail}"


def _main_reason(decision: SmartRoutingDecisionEvent) -> str:
    reasons: list[Any] = [c.reason for c in decision.candidates]
    most = max(reasons, key=reasons.count, default="no venue")
    return str(most).replace("_", " ")

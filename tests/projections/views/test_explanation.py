"""The story of a decision, with figures worked out on paper."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from projections.views import note
from projections.views.explanation import first_level_beyond
from projections.views.reasons import exclusion, refusal
from schemas.events import CandidateVenue, ChildAllocation, Level
from tests.projections.views.stories import CENT, child_state, decision, names, story


def test_children_of_other_decisions_are_left_out() -> None:
    told = story()
    assert [c.child.child_id for c in told.children] == [1, 2]
    assert [c.last for c in told.children] == ["filled", "canceled"]
    assert told.final is not None
    assert told.attempts == [10]


def test_costs_are_measured_against_the_mid() -> None:
    told = story()
    d = told.decision
    # mid 99.99: price +1 cent, fees (200 * 0.003 - 100 * 0.001) / 300 = 0.0016667 a share
    assert told.bps(d.expected_cost, 300) == pytest.approx(1e4 * 0.0116667 / 99.99, rel=1e-5)
    # the sweep pays 0.003 on everything: 0.0013333 a share more
    assert told.saved_bps(d.sweep_cost, d.sweep_units) == pytest.approx(
        1e4 * 0.00133333 / 99.99, rel=1e-5
    )
    assert told.saved_bps(d.best_price_cost, d.best_price_units) is None
    # 200 at 100.00 with 0.60 of fees against 99.99
    assert told.realised_bps() == pytest.approx(1e4 * (0.01 + 0.003) / 99.99, rel=1e-5)


def test_a_sale_costs_what_it_gets_below_the_mid() -> None:
    told = story(
        side="sell",
        expected_cost=-300 * 9_998 * CENT,
        sweep_cost=-300 * 9_997 * CENT,
    )
    assert told.bps(told.decision.expected_cost, 300) == pytest.approx(1e4 * 0.01 / 99.99)
    assert told.saved_bps(told.decision.sweep_cost, 300) == pytest.approx(1e4 * 0.01 / 99.99)


def test_a_one_sided_market_has_no_bps() -> None:
    told = story(displayed_ask_nanos=0)
    assert told.bps(told.decision.expected_cost, 300) is None
    assert told.saved_bps(told.decision.sweep_cost, 300) is None
    assert "-" in next(note.market_lines(told))


def test_the_next_best_is_the_cheapest_level_that_others_kept() -> None:
    told = story()
    first, second = told.decision.children
    # BBB's only level is used up by 100 of ours and 10 in flight
    assert told.next_best(first) is None
    found = told.next_best(second)
    assert found is not None
    assert (found[0].venue, found[1]) == (0, 10_000 * CENT)


@pytest.mark.parametrize(
    ("own", "units", "price"),
    [(0, 0, 5), (0, 9, 5), (0, 10, 6), (4, 6, 6), (0, 19, 6), (10, 10, None)],
)
def test_the_first_level_that_is_left(own: int, units: int, price: int | None) -> None:
    venue = CandidateVenue(
        venue=0,
        reason="none",
        value=5,
        quote_age_us=0,
        own_units=own,
        levels=(Level(5, 10), Level(6, 10)),
    )
    assert first_level_beyond(venue, units) == price


def test_the_note_says_who_got_what_and_why() -> None:
    told = story()
    _, rows = note.venue_table(told)
    assert rows[0][0] == "AAA (modelled)"
    assert rows[0][1] == "500 @ 100, 500 @ 100.01"
    assert rows[0][-1] == "gets 200"
    assert rows[1][1] == "110 @ 100 (ours 10)"
    assert rows[2][-1] == "left out: its quote is stale: 2 s old"
    choices = list(note.choice_lines(told))
    assert choices[0].startswith("AAA: 200 at 100 or better over 1 level; nobody else")
    assert "next best AAA at 100 is all-in 0.40 bps dearer" in choices[1]
    outcome = list(note.outcome_lines(told))
    assert outcome[0] == (
        "child 1 at AAA, answered after 2 ms, filled 200 of 200 at 100 (modelled), fees 0.6, filled"
    )
    assert outcome[1] == "child 2 at BBB, answered after 2 ms, canceled"
    assert "realised +1.30 bps" in outcome[2]
    assert "200 of 300 filled" in outcome[3]


def test_a_probe_is_called_one() -> None:
    sick = CandidateVenue(venue=2, reason="venue_health", value=4, quote_age_us=20)
    plain = decision()
    probe = ChildAllocation(
        venue=2,
        levels=1,
        time_in_force="ioc",
        units=1,
        limit_nanos=10_000 * CENT,
        flags=("probe",),
    )
    candidates = (*plain.candidates[:2], sick)
    told = story(candidates=candidates, children=(*plain.children, probe))
    _, rows = note.venue_table(told)
    assert rows[2][-1] == "left out: its health is cooling; probed with 1"
    assert "as a probe, so that it can prove itself" in list(note.choice_lines(told))[2]


def test_a_level_that_is_cheaper_but_ranked_behind_is_called_so() -> None:
    told = story(
        children=(told_child(),),
        candidates=tuple(reversed(decision().candidates)),
    )
    line = next(note.choice_lines(told))
    assert "cheaper, but less likely to be there (50.0% against 90.0%)" in line


def test_what_is_as_likely_to_be_there_is_behind_by_policy() -> None:
    alike = [
        msgspec.structs.replace(venue, fill_ratio=0.9, available=[])
        for venue in reversed(decision().candidates)
    ]
    told = story(children=(told_child(),), candidates=tuple(alike))
    assert "cheaper, but the policy ranks it behind" in next(note.choice_lines(told))


def told_child() -> object:
    """Return an allocation of 100 to the dearer venue."""
    return decision().children[0]


def test_costs_and_places_in_lines() -> None:
    told = story()
    costs = list(note.cost_lines(told))
    assert costs[0] == "expected all-in +1.17 bps against the mid for 300"
    assert costs[1] == "single best price: would have placed 200, not comparable"
    assert costs[2] == "fee-blind sweep: +1.30 bps, so the plan saves +0.13 bps"
    places = list(note.place_lines(told, "ab" * 32))
    assert "shard 0, input 50, output 10" in places[0]
    assert "rows digest 00000000000000ff" in places[0]
    assert places[1].startswith("engine 0001020304050607, chain abab")
    told.attempts.append(77)
    assert list(note.place_lines(told, ""))[-1] == "other decisions of this order: 77"


def test_one_line() -> None:
    line = note.one_line(
        decision(best_price_units=300, best_price_cost=decision().sweep_cost), names()
    )
    assert line == "buy 300 IBM: AAA 200, BBB 100 at 100 or better, saves +0.13 bps"
    nothing = decision(children=(), allocated_units=0)
    assert note.one_line(nothing, names()) == "buy 300 IBM: nothing qualified (none)"


def test_order_and_market_lines() -> None:
    lines = list(note.order_lines(story(flags=("locked_arrival",))))
    assert lines[0] == "buy 300 IBM, limit 100 USD, IOC, account ACC"
    assert lines[1].endswith("lowest_cost v1 (lowest cost, splits, counts fees)")
    market = list(note.market_lines(story(flags=("locked_arrival",))))
    assert market[0] == "best displayed 99.98 / 100  (spread 2.0 bps)"
    assert market[2].endswith("(locked arrival)")
    assert note.moment(1_700_000_000 * 10**9 + 1_500) == "2023-11-14 22:13:20.000001 UTC"


AWAY = (
    "after our fills there the mid moves 2.50 bps away from what remains, more than the policy "
    "bears"
)


def pool(**changes: Any) -> CandidateVenue:
    """A dark pool at 99.99 that may be asked for 150."""
    plain: dict[str, Any] = {
        "venue": 2,
        "reason": "none",
        "value": 9_999 * CENT,
        "quote_age_us": 0,
        "fill_ratio": 0.25,
        "dark_units": 150,
        "penalty_nanos": CENT,
    }
    return CandidateVenue(**{**plain, **changes})


def pegged(**changes: Any) -> ChildAllocation:
    plain: dict[str, Any] = {"venue": 2, "levels": 0, "time_in_force": "ioc", "units": 150}
    plain |= {"limit_nanos": 9_999 * CENT, "flags": ("peg",)}
    return ChildAllocation(**{**plain, **changes})


def test_the_note_says_why_a_pool_was_asked() -> None:
    lit = decision().candidates[0]
    told = story(candidates=(lit, pool(impact_nanos=CENT // 2)), children=(pegged(),))
    (line,) = note.choice_lines(told)
    assert line == (
        "CCC: asked the dark pool for 150 at the midpoint 99.99 because each one filled there "
        "saves 1.00 bps of the spread; a first lot is there in 25% of cases, and what it misses is "
        "expected to cost 1.00 bps more; what its fills give away is counted at 0.50 bps"
    )
    _, rows = note.venue_table(told)
    assert rows[1][1] == "dark, up to 150 at the midpoint 99.99"
    assert "if the pools fill" in next(note.cost_lines(told))


def test_a_pool_that_got_nothing_is_compared_at_its_midpoint() -> None:
    told = story(candidates=(*decision().candidates[:2], pool(miss_nanos=10 * CENT)))
    _, rows = note.venue_table(told)
    assert rows[2][-1].startswith("ranked behind: ")
    assert first_level_beyond(pool(), 149) == 9_999 * CENT
    assert first_level_beyond(pool(), 150) is None


def test_a_pool_that_was_asked_is_told_apart() -> None:
    asked = CandidateVenue(venue=2, reason="already_visited", value=7, quote_age_us=0)
    told = story(candidates=(asked,), children=())
    told.names.darks.add(2)
    _, rows = note.venue_table(told)
    assert rows[0][-1] == "left out: this order has asked the pool already, and asks it once"


def test_the_note_says_what_rests() -> None:
    rests = pegged(venue=0, flags=("post",), limit_nanos=9_998 * CENT, time_in_force="day")
    told = story(children=(rests,))
    (line,) = note.choice_lines(told)
    assert line == (
        "AAA: 150 rest at 99.98, post only, because there is nothing left to take within the "
        "limit; filled there it trades 1.00 bps better than the mid, before the maker's fee"
    )
    assert "if it is filled" in next(note.cost_lines(told))
    assert note.one_line(told.decision, names()).endswith("AAA 150 rests at 99.98")


def test_a_withdrawn_child_says_why() -> None:
    told = story()
    last = child_state(2, "canceled", exec_type="canceled", reason="touch_moved")
    told.children[1].states.append(last)
    assert list(note.outcome_lines(told))[1].endswith("canceled because the touch had left it")


@pytest.mark.parametrize(
    ("reason", "value", "words"),
    [
        ("dark_not_allowed", 0, "it is a dark pool, and the policy uses none"),
        ("dark_not_allowed", 1, "what must be filled whole is not sent where nothing is seen"),
        (
            "no_midpoint",
            0,
            "it trades at the midpoint, and there is none between best bid and offer",
        ),
        (
            "dark_toxic",
            250,
            "after our fills there the mid moves 2.50 bps against them, more than the policy bears",
        ),
        (
            "dark_toxic",
            -250,
            AWAY,
        ),
        ("dark_minimum", 40, "the 40 it may be asked for are less than the least child"),
    ],
)
def test_why_a_pool_is_left_out(reason: str, value: int, words: str) -> None:
    assert exclusion(reason, value, names().instrument(0)) == words


def test_the_note_says_what_inventory_cut() -> None:
    plain = decision().candidates[0]
    cut = msgspec.structs.replace(plain, inventory_units=50)
    part = msgspec.structs.replace(decision().children[0], units=50)
    told = story(candidates=(cut, *decision().candidates[1:]), children=(part,))
    _, rows = note.venue_table(told)
    assert rows[0][1].endswith(" (holds 50 to sell)")
    assert ", all that the account may sell there" in next(note.choice_lines(told))
    assert first_level_beyond(cut, 49) == first_level_beyond(plain, 49)
    assert first_level_beyond(cut, 50) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "the account has nothing free to sell there"),
        (40, "the 40 that the account holds free there are less than it may sell"),
    ],
)
def test_why_inventory_leaves_a_venue_out(value: int, words: str) -> None:
    assert exclusion("no_inventory", value, names().instrument(0)) == words


def test_what_cannot_be_sold_anywhere_and_what_must_wait_are_told() -> None:
    one = names().instrument(0)
    assert refusal("nothing_to_sell", 7, one) == (
        "the account holds 7 free at the venues allowed, a lot at none of them"
    )
    words = "it asked to be left alone for another 300 ms"
    assert exclusion("rate_limited", 300_000_000, one) == words


@pytest.mark.parametrize(
    ("per_order", "scope"), [(False, "its least charge of 3 a level"), (True, "a child")]
)
def test_the_note_says_what_bounds_a_fee(per_order: bool, scope: str) -> None:
    plain = decision().candidates
    bound = {"fee_min_nanos": 3 * 10**9, "fee_max_nanos": 10**10, "fee_per_order": per_order}
    bounded = msgspec.structs.replace(plain[0], **bound)
    told = story(children=(told_child(),), candidates=(plain[1], bounded, plain[2]))
    _, rows = note.venue_table(told)
    assert rows[1][2].endswith(", at least 3, at most 10")
    assert scope in note.behind(told, bounded) or "dearer" in note.behind(told, bounded)
    assert scope in note.drawback(bounded, plain[1])


@pytest.mark.parametrize(
    ("nanos", "words"),
    [
        (2 * 10**9, "tickets and least charges of 2 USD for the children"),
        (-(10**9), "1 USD less by the most of a fee"),
    ],
)
def test_the_note_says_what_bounds_of_fees_did(nanos: int, words: str) -> None:
    assert words in list(note.cost_lines(story(ticket_nanos=nanos)))

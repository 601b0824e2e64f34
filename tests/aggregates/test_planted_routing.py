"""Bugs planted in routing, posting, life cycles and limits are caught (promises 7, 12, 17, 18)."""

from __future__ import annotations

import pytest

from tests.aggregates import test_inventory
from tests.aggregates.test_planted_bugs import (
    Bug,
    books_balance,
    over_seeds,
    plant,
    scenarios_hold,
    splits_are_optimal,
)


def nothing_is_oversold(seed: int) -> None:
    test_inventory.check("reference", seed, 200)


ROUTING = (
    Bug(
        "a better protected quote is passed by",
        "protection",
        "if not c.reason and sign * c.value < worst and sizes.get(c.rank, 0) < _displayed(c)",
        "if not c.reason and sign * c.value > worst",
        scenarios_hold,
    ),
    Bug(
        "who cannot be reached caps nobody",
        "protection",
        "caps = [_far(task, c) for c in quotes if c.reason and c.reason not in SENT_TO]",
        "caps = [_far(task, c) for c in quotes if c.reason and not c.reason]",
        scenarios_hold,
    ),
    Bug(
        "an ISO takes a lot of what is displayed",
        "protection",
        "units = candidate.levels[0].available_units - candidate.hidden_units",
        "units = candidate.row.lot_units",
        scenarios_hold,
    ),
    Bug(
        "a quote that has had our order protects again",
        "protection",
        "SENT_TO = (Reason.ALREADY_VISITED, Reason.NOTHING_AVAILABLE)",
        "SENT_TO = ()",
        scenarios_hold,
    ),
    Bug(
        "self help helps nobody",
        "protection",
        "and not entry.self_help",
        "and not entry.killed",
        scenarios_hold,
    ),
    Bug(
        "a ticket costs nothing",
        "allocation",
        "fixed: int = candidate.ticket_nanos * self.units_per_one",
        "fixed: int = 0 * candidate.ticket_nanos",
        scenarios_hold,
    ),
    Bug(
        "the most that a fee charges is not expected",
        "fees",
        "return min(charge, most) if most else charge",
        "return charge",
        scenarios_hold,
    ),
    Bug(
        "a least charge for each fill is expected once",
        "fee_bounds",
        "return [sum(found)] if candidate.bounds.per_order else found",
        "return [sum(found)]",
        scenarios_hold,
    ),
    Bug(
        "the search stops at its start",
        "search",
        "for moves in (self.moves, self.swaps, self.steps, self.trades):",
        "for moves in ():",
        scenarios_hold,
    ),
    Bug(
        "coarse lots are not exchanged",
        "search",
        "self.has_unequal_lots = len({c.row.lot_units for c in self.by_rank.values()}) > 1",
        "self.has_unequal_lots = False",
        scenarios_hold,
    ),
    Bug(
        "what is likely to miss costs nothing",
        "pricing",
        "miss = candidate.penalty_nanos * candidate.misses[bucket] >> 16",
        "miss = 0 * bucket",
        scenarios_hold,
    ),
    Bug(
        "a venue that leaks costs no more",
        "pricing",
        "candidate.impact_nanos = scale_e9(whole, charges.remainder_e9)",
        "candidate.impact_nanos = 0 * whole",
        scenarios_hold,
    ),
    Bug(
        "a worse price may come first",
        "allocation",
        "return int(cost) + scale_e9(price, tolerance)",
        "return int(cost) + scale_e9(price, tolerance) * 100",
        scenarios_hold,
    ),
)
DARK = (
    Bug(
        "a pool is asked again and again",
        "dark",
        "if candidate.venue in order.visited:",
        "if candidate.venue in ():",
        scenarios_hold,
    ),
    Bug(
        "a midpoint is rounded towards the pool",
        "dark",
        "return (mid_x2 - mid_x2 % tick_nanos) // 2",
        "return (mid_x2 + -mid_x2 % tick_nanos) // 2",
        scenarios_hold,
    ),
    Bug(
        "each pool gets what all may have",
        "allocation",
        "(min(left, dark) if candidate.is_dark else left)",
        "left",
        scenarios_hold,
    ),
    Bug(
        "what a pool misses is free",
        "pricing",
        "charges.penalty_nanos + max(0, charges.last_nanos - rank)",
        "0 * (charges.last_nanos - rank)",
        scenarios_hold,
    ),
    Bug(
        "a pool may leak as it likes",
        "dark",
        "if policy.dark_toxic_cbps and abs(hundredths) > policy.dark_toxic_cbps:",
        "if hundredths > 10**15:",
        scenarios_hold,
    ),
    Bug(
        "what must be whole is sent where nothing is seen",
        "dark",
        "if order.whole or order.least_units:",
        "if order.order_id < 0:",
        scenarios_hold,
    ),
    Bug(
        "anybody may ping our children",
        "children",
        "least = max(order.least_units, part.candidate.least_units)",
        "least = order.least_units",
        scenarios_hold,
    ),
    Bug(
        "a fee of takers is charged at the midpoint",
        "dark",
        "row.fee_known >> Liquidity.MID & 1",
        "row.fee_known >> Liquidity.TAKE & 1",
        scenarios_hold,
    ),
)
POSTING = (
    Bug(
        "nothing rests by permission",
        "posting",
        "and order.record.post_permission\n",
        "and order.record.post_permission >= 0\n",
        scenarios_hold,
    ),
    Bug(
        "every urgency rests",
        "policy",
        "return urgency <= URGENCIES and bool(policy.posting >> urgency & 1)",
        "return urgency <= 9",
        scenarios_hold,
    ),
    Bug(
        "a rebate is a fee",
        "posting",
        "/ 2.0 - float(fee) - adverse",
        "/ 2.0 + float(fee) - adverse",
        scenarios_hold,
    ),
    Bug(
        "no queue is told from another",
        "posting",
        "return chance.probability * gain",
        "return gain",
        scenarios_hold,
    ),
    Bug(
        "a place that pays nothing is kept",
        "posting",
        "return Reason.NONE if worth > 0.0 else Reason.QUEUE_VALUE",
        "return Reason.NONE",
        scenarios_hold,
    ),
    Bug(
        "the touch may leave us behind",
        "posting",
        "if post_price(order, book.rows[child.venue], best) != child.limit_nanos:",
        "if child.limit_nanos == 0:",
        scenarios_hold,
    ),
    Bug(
        "what rests stays for ever",
        "posting",
        "if posting is None or shard.log_ns - child.sent_ns >= posting.rest_ns:",
        "if posting is None:",
        scenarios_hold,
    ),
)
UNKNOWN = (
    Bug(
        "a child that does not answer is let go",
        "reports",
        "    child.act(Act.TIME_OUT)\n",
        "    child.state = 10\n",
        scenarios_hold,
    ),
    Bug(
        "status requests never end",
        "children",
        "if child.queries >= _most_queries(shard, child):",
        "if child.queries >= 1000:",
        scenarios_hold,
    ),
    Bug(
        "a child found alive outlives its parent",
        "reports",
        "if order.state == OrderState.CANCEL_PENDING:\n            children.cancel(",
        "if order.final:\n            children.cancel(",
        scenarios_hold,
    ),
    Bug(
        "a refused replace is asked again and again",
        "amend",
        "or child.reason == Reason.BAD_AMEND",
        "or child.reason == Reason.NOT_SUPPORTED",
        scenarios_hold,
    ),
    Bug(
        "the smaller of two sizes counts during a replace",
        "child",
        "return max(0, max(self.units, self.pending_units) - self.cum_units - self.busted_units)",
        "return max(0, (self.pending_units or self.units) - self.cum_units - self.busted_units)",
        scenarios_hold,
    ),
)
MONEY = (
    Bug(
        "a fill moves no position",
        "accounts",
        "position.net_units = _bounded(position.net_units + order.sign * units)",
        "position.net_units = _bounded(position.net_units)",
        scenarios_hold,
    ),
    Bug(
        "a trade that is taken back keeps its money",
        "reports",
        "money = units * nanos - trade.units * trade.nanos",
        "money = units * nanos",
        books_balance,
    ),
    Bug(
        "what was open stays reserved after the end",
        "accounts",
        "units = 0 if order.final else max(0, order.record.order_units - order.cum_units)",
        "units = max(0, order.record.order_units - order.cum_units)",
        scenarios_hold,
    ),
    Bug(
        "an overfill is kept quiet",
        "reports",
        "    if excess > 0:\n        _alarm(shard, AlarmKind.OVERFILL",
        "    if excess > 10**15:\n        _alarm(shard, AlarmKind.OVERFILL",
        scenarios_hold,
    ),
)
KILLS = (
    Bug(
        "a killed client goes on",
        "risk",
        "or order.client in shard.killed[KillScope.CLIENT]",
        "or order.client in ()",
        scenarios_hold,
    ),
    Bug(
        "a kill leaves what is open alone",
        "kill",
        "            if not order.final:\n",
        "            if order.final:\n",
        scenarios_hold,
    ),
    Bug(
        "a venue's kill cancels nothing there",
        "kill",
        "if child.venue == record.venue:",
        "if child.venue > 255:",
        scenarios_hold,
    ),
)
LIMITS = (
    Bug(
        "one unit too many",
        "risk",
        "if order.order_units > limits.max_order_units:",
        "if order.order_units > limits.max_order_units + 1:",
        scenarios_hold,
    ),
    Bug(
        "notional has no limit",
        "risk",
        "if order.order_units * price_x2 > 2 * limits.max_notional_ones * E9 * book.units_per_one:",
        "if order.order_units < 0:",
        scenarios_hold,
    ),
    Bug(
        "a restricted instrument trades",
        "risk",
        "if limits.restricted:",
        "if limits.restricted > 1:",
        scenarios_hold,
    ),
    Bug(
        "the same terms twice are two orders",
        "risk",
        "if sent_ns is not None:",
        "if sent_ns is True:",
        scenarios_hold,
    ),
    Bug(
        "one message too many",
        "accounts",
        "    if len(times) == most:\n",
        "    if len(times) > most:\n",
        scenarios_hold,
    ),
    Bug(
        "open orders are no position",
        "accounts",
        "opened = position.open_units[side] + added_units",
        "opened = added_units",
        scenarios_hold,
    ),
    Bug(
        "a throttle re-arms itself",
        "risk",
        "if account is not None and account.throttled:",
        "if account is not None and account.throttled > 1:",
        scenarios_hold,
    ),
    Bug(
        "an account goes where it may not",
        "accounts",
        "return (account.record.venues_permitted if account else 0) or ~0",
        "return ~0",
        scenarios_hold,
    ),
    Bug(
        "own parents trade with each other",
        "risk",
        "others = matching(shard, order, limit_nanos) if gives_way or at_once else []",
        "others = []",
        scenarios_hold,
    ),
)
INVENTORY = (
    Bug(
        "what open sells may take is sold again",
        "inventory",
        "return max(0, self.units - self.reserved)",
        "return max(0, self.units)",
        nothing_is_oversold,
    ),
    Bug(
        "a fill leaves what is held as it was",
        "inventory",
        "holding.units + order.sign * units",
        "holding.units",
        nothing_is_oversold,
    ),
    Bug(
        "an end frees nothing",
        "children",
        "inventory.reserve(shard, order, child.venue, -freed)",
        "inventory.reserve(shard, order, child.venue, 0)",
        scenarios_hold,
    ),
    Bug(
        "a venue is not cut to what lies there",
        "inventory",
        "if free >= candidate.available_units:",
        "if free:",
        nothing_is_oversold,
    ),
    Bug(
        "what rests need not be held",
        "posting",
        "units = min(order.free_units, inventory.free_units(shard, order, candidate.venue))",
        "units = order.free_units",
        books_balance,
    ),
    Bug(
        "a held child leaves although the balance fell",
        "resting",
        "if inventory.is_short(shard, order, child.venue):",
        "if inventory.is_short(shard, order, child.venue) is None:",
        scenarios_hold,
    ),
)
MARKS = {
    7: UNKNOWN,
    12: MONEY,
    17: KILLS,
    18: (*LIMITS, *INVENTORY),
    24: (*ROUTING, *DARK, *POSTING),
}


@pytest.mark.parametrize(
    "bug",
    [
        pytest.param(bug, id=bug.name, marks=pytest.mark.promise(p=promise))
        for promise, bugs in MARKS.items()
        for bug in bugs
    ],
)
def test_is_caught(monkeypatch: pytest.MonkeyPatch, bug: Bug) -> None:
    plant(monkeypatch, bug)
    with pytest.raises(AssertionError):
        over_seeds(bug.caught_by)


def test_the_optimum_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the scenarios see of the search, the second optimiser sees as well."""
    plant(
        monkeypatch,
        Bug(
            "dear first",
            "allocation",
            "return sorted(_keys(task, candidates), key=lambda key: key[:4])",
            "return sorted(_keys(task, candidates), key=lambda key: key[:4], reverse=True)",
            splits_are_optimal,
        ),
    )
    with pytest.raises(AssertionError):
        over_seeds(splits_are_optimal)

"""Protocol C: the venue chosen against the ex-ante best under the simulator's true habits.

For a child of q units at venue v, displayed d: all-in price a_v, and with the true chance of a fade
or a reject what is then missing must be had at the next best all-in price, after what the fade
gave away has moved the market: c_v = a_v + P(miss) * (next - a_v)+ + fade * missing * leak. A dark
pool misses what its zero bin, its tail and its minimum leave out, and leaks by its own habit.
Decisions of one child on the first attempt are judged; those where best and second differ by less
than 0.2 bp are left out and counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from schemas.units import price_nanos
from streams.evaluation.decisions import Seen
from streams.simulator.synthetic.market import rate_e9
from streams.simulator.synthetic.terms import Preset

CLEAR_BPS = 0.2
QUANTILES = 200
"""Of a pool's tail, at which a child is tried."""


@dataclass
class ChoiceScore:
    """`right` and `regret_bps` of clear decisions; `all_regret_bps` of every one.

    `known`: whether the router's own form of cost, a miss at one price per unit, would have been
    right with the true habits in place of the learned ones. `when`, `all_when`: order numbers.
    """

    judged: int = 0
    right: list[bool] = field(default_factory=list)
    regret_bps: list[float] = field(default_factory=list)
    all_regret_bps: list[float] = field(default_factory=list)
    when: list[int] = field(default_factory=list)
    all_when: list[int] = field(default_factory=list)
    known: list[bool] = field(default_factory=list)


def score_choices(
    seen: list[Seen], preset: Preset, score: ChoiceScore, miss_ticks: float = 0.0
) -> None:
    """Adds a run's single-child decisions."""
    for one in seen:
        made = one.decision
        if len(made.children) != 1 or made.attempt != 1 or not one.mid_nanos:
            continue
        places = possible(one, preset)
        costs = true_costs(one, preset, places)
        chosen = made.children[0].venue
        if len(costs) < 2 or chosen not in costs:
            continue
        ranked = sorted(costs.values())
        regret = (costs[chosen] - ranked[0]) / one.mid_nanos * 1e4
        score.judged += 1
        score.all_regret_bps.append(regret)
        score.all_when.append(one.order)
        if (ranked[1] - ranked[0]) / one.mid_nanos * 1e4 < CLEAR_BPS:
            continue
        score.right.append(costs[chosen] == ranked[0])
        score.regret_bps.append(regret)
        score.when.append(one.order)
        form = formed_costs(one, preset, places, miss_ticks)
        score.known.append(costs[min(form, key=lambda venue: form[venue])] == ranked[0])


Places = dict[int, tuple[float, int]]
"""All-in nanos per one and displayed units, by venue."""


def possible(one: Seen, preset: Preset) -> Places:
    """Venues that could take the child whole."""
    wanted = one.decision.allocated_units
    found = {}
    for candidate in one.decision.candidates:
        if not candidate.levels or candidate.levels[0].units < wanted:
            continue
        terms = preset.venues[candidate.venue]
        price = candidate.levels[0].price_nanos
        fee = price_nanos(terms.take) + price * rate_e9(terms.take_bps) / 1e9
        found[candidate.venue] = (one.sign * price + fee, candidate.levels[0].units)
    return found


def true_costs(one: Seen, preset: Preset, places: Places) -> dict[int, float]:
    """Expected all-in nanos per one by venue."""
    tick = price_nanos(preset.instruments[one.decision.instrument].tick)
    leak_nanos = preset.market.leak_ticks * tick
    costs = {}
    for venue, (all_in, _) in places.items():
        faded, lost = _chances(one, preset, places, venue)
        leak = faded * float(one.habits[venue]["leak"]) * leak_nanos
        costs[venue] = all_in + lost * _beyond(preset, places, venue) + leak
    return costs


def _beyond(preset: Preset, places: Places, venue: int) -> float:
    """How much dearer than here it is to have what is missed at the next lit venue."""
    others = [
        cost
        for other, (cost, _) in places.items()
        if other != venue and preset.venues[other].kind == "lit"
    ]
    return max(0.0, min(others) - places[venue][0]) if others else 0.0


def formed_costs(one: Seen, preset: Preset, places: Places, miss_ticks: float) -> dict[int, float]:
    """The router's form: a miss costs so many ticks whatever there is instead; what a pool leaves
    costs the next price as well.
    """
    tick = price_nanos(preset.instruments[one.decision.instrument].tick)
    costs = {}
    for venue, (all_in, _) in places.items():
        is_dark = preset.venues[venue].kind == "dark"
        each = miss_ticks * tick + (_beyond(preset, places, venue) if is_dark else 0.0)
        costs[venue] = all_in + _chances(one, preset, places, venue)[1] * each
    return costs


def _chances(one: Seen, preset: Preset, places: Places, venue: int) -> tuple[float, float]:
    """Expected shares that fade, and that are missed for whatever reason."""
    habits, wanted = one.habits[venue], one.decision.allocated_units
    if preset.venues[venue].kind == "dark":
        missing = _missing_in_the_dark(one, preset, venue)
        return missing, missing  # it leaks by its own habit, whatever it fills
    is_uniform = preset.market.family == "uniform_fade"
    missing = _missing_share(habits, places[venue][1], wanted, is_uniform)
    faded = float(habits["fade"]) * missing
    return faded, float(habits["reject"]) + (1.0 - float(habits["reject"])) * faded


def _missing_share(habits: np.void, shown: int, wanted: int, is_uniform: bool) -> float:
    """What part of the child is missed when the quote fades."""
    keeps = np.linspace(0.025, 0.975, 20) if is_uniform else np.array([float(habits["fade_keep"])])
    left = np.maximum(1.0, shown * keeps)
    return float(np.mean(1.0 - np.minimum(left, wanted) / wanted))


def _missing_in_the_dark(one: Seen, preset: Preset, venue: int) -> float:
    """What part of the child a pool is expected to leave: its zero bin, its tail, its minimum."""
    habits, wanted = one.habits[venue], one.decision.allocated_units
    terms = preset.instruments[one.decision.instrument]
    lot, least = int(habits["lot_units"]), int(habits["min_units"])
    scale = max(float(max(least, lot)), float(habits["depth"]) / 4.0 * terms.depth_units)
    luck = (np.arange(QUANTILES) + 0.5) / QUANTILES
    there = np.minimum(float(wanted), scale * luck ** (-1.0 / float(habits["dark_alpha"])))
    done = there // lot * lot
    done[done < max(least, terms.round_lot_units)] = 0.0  # our children are no pings
    return 1.0 - (1.0 - float(habits["dark_zero"])) * float(done.mean()) / wanted

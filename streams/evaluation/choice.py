"""Protocol C: the venue chosen against the ex-ante best under the simulator's true habits.

For a child of q units at venue v, displayed d: all-in price a_v, and with the true chance of a fade
or a reject what is then missing must be had at the next best all-in price, after what the fade
gave away has moved the market: c_v = a_v + P(miss) * (next - a_v)+ + fade * missing * leak.
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
        others = [cost for other, (cost, _) in places.items() if other != venue]
        beyond = max(0.0, min(others) - all_in) if others else 0.0
        faded, lost = _chances(one, preset, places, venue)
        costs[venue] = (
            all_in + lost * beyond + faded * float(one.habits[venue]["leak"]) * leak_nanos
        )
    return costs


def formed_costs(one: Seen, preset: Preset, places: Places, miss_ticks: float) -> dict[int, float]:
    """The router's form: a miss costs so many ticks whatever there is instead."""
    tick = price_nanos(preset.instruments[one.decision.instrument].tick)
    return {
        venue: all_in + _chances(one, preset, places, venue)[1] * miss_ticks * tick
        for venue, (all_in, _) in places.items()
    }


def _chances(one: Seen, preset: Preset, places: Places, venue: int) -> tuple[float, float]:
    """Expected shares that fade, and that are missed for whatever reason."""
    habits, wanted = one.habits[venue], one.decision.allocated_units
    is_uniform = preset.market.family == "uniform_fade"
    missing = _missing_share(habits, places[venue][1], wanted, is_uniform)
    faded = float(habits["fade"]) * missing
    return faded, float(habits["reject"]) + (1.0 - float(habits["reject"])) * faded


def _missing_share(habits: np.void, shown: int, wanted: int, is_uniform: bool) -> float:
    """What part of the child is missed when the quote fades."""
    keeps = np.linspace(0.025, 0.975, 20) if is_uniform else np.array([float(habits["fade_keep"])])
    left = np.maximum(1.0, shown * keeps)
    return float(np.mean(1.0 - np.minimum(left, wanted) / wanted))

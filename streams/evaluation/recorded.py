"""Protocols A and B on a run over recorded data: its logged decisions against exact optima.

Fees and lots come from the run's reference records, the penalty from the policy of each decision;
decisions of policies that do not rank by all-in cost are left out, as are lots that differ.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from schemas.codes import InputType, Liquidity, OutputType, PolicyKind
from schemas.events import SmartRoutingDecisionEvent
from schemas.reference import FEE, INSTRUMENT, LISTING, POLICY
from schemas.units import E9, INSTRUMENT_NONE
from schemas.wire import decode_output, iter_inputs, iter_raw_outputs
from streams.evaluation import tables
from streams.evaluation.arrival import ArrivalScore, score_arrivals
from streams.evaluation.decisions import Seen
from streams.evaluation.solver import SolverScore, Terms, score_solver
from streams.log.run import RunDirectory

MOST_DECISIONS = 20_000


def score_run(path: Path) -> dict[str, Any]:
    """The rows of A and B for a run, with how many venues it has.

    Recorded days are few, so neither has an interval.
    """
    score, arrivals = SolverScore(), ArrivalScore()
    venues = 0
    with RunDirectory.open(path) as run:
        for shard in run.shards():
            log = run.shard(shard)
            reference = [
                record
                for frame in log.reader("inputs", verify_chain=False)
                for record in iter_inputs(frame.payload)
                if record[0] >= InputType.INSTRUMENT
            ]
            terms, penalties = _terms(reference), _penalties(reference)
            venues = max(venues, 1 + max(venue for _, venue in terms.lots))

            decisions = _decisions(log)
            first = [
                one.decision
                for one in decisions
                if one.decision.attempt == 1 and one.decision.policy in penalties
            ]
            frames = (frame.payload for frame in log.reader("inputs", verify_chain=False))
            score_arrivals(frames, first, terms, arrivals)

            def penalty_of(one: Seen, known: dict[int, float] = penalties) -> float:
                return known[one.decision.policy]

            for one in decisions:
                if one.decision.policy in penalties:
                    score_solver([one], terms, penalty_of, score)
                else:
                    score.left_out += 1
    return {
        "run": str(path),
        "A": {"venues": venues, **tables.solver([{"A": vars(score)}])},
        "B": {"venues": venues, **tables.recorded_arrival(arrivals)},
    }


def _decisions(log: Any) -> list[Seen]:
    found: list[Seen] = []
    for frame in log.reader("outputs", verify_chain=False):
        for kind, raw in iter_raw_outputs(frame.payload):
            if kind != OutputType.DECISION or len(found) >= MOST_DECISIONS:
                continue
            event = decode_output(bytes(raw))
            if isinstance(event, SmartRoutingDecisionEvent) and event.allocated_units:
                found.append(Seen(event))
    return found


def _terms(reference: list[tuple[int, bytes]]) -> Terms:
    lots, fees, everywhere, round_lots = {}, {}, {}, {}
    for kind, raw in reference:
        if kind == InputType.LISTING:
            listing = LISTING.unpack(raw)
            lots[listing.instrument, listing.venue] = int(listing.lot_units)
        elif kind == InputType.INSTRUMENT:
            told = INSTRUMENT.unpack(raw)
            round_lots[int(told.instrument)] = int(told.round_lot_units)
        elif kind == InputType.FEE:
            fee = FEE.unpack(raw)
            if fee.liquidity != Liquidity.TAKE:
                continue
            rate = int(fee.fixed_nanos), int(fee.rate_e9)
            if fee.instrument == INSTRUMENT_NONE:
                everywhere[int(fee.venue)] = rate
            else:
                fees[int(fee.instrument), int(fee.venue)] = rate
    whole = {place: fees.get(place, everywhere.get(place[1], (0, 0))) for place in lots}
    return Terms(lots, whole, round_lots)


def _penalties(reference: list[tuple[int, bytes]]) -> dict[int, float]:
    """Miss penalty by policy, of those that minimise all-in cost and may split."""
    found = {}
    for kind, raw in reference:
        if kind == InputType.POLICY:
            policy = POLICY.unpack(raw)
            if policy.kind == PolicyKind.LOWEST_COST and policy.split and policy.fee_aware:
                found[int(policy.policy)] = policy.miss_penalty_e9 / E9
    return found

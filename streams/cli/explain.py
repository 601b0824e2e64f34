"""`sor explain`: one decision as a person reads it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from projections.views import note
from projections.views.explanation import Story
from projections.views.reasons import refusal
from schemas.errors import InputError
from schemas.events import RefusalEvent
from schemas.units import INT64_MAX, NS_PER_S
from schemas.wire import to_dict
from streams.cli.terminal import print_json, print_lines, print_table
from streams.replay.lookup import Found, RunLookup


def explain(
    run: Path,
    subject: str | None = None,
    /,
    *,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    limit: int = 20,
    json: bool = False,
) -> int:
    """Tell the story of one decision, or of all decisions of a stretch of time.

    Args:
        run: Folder of the run.
        subject: Decision id, ClOrdID, or order:ID (an order shows its last decision).
        from_: First moment, UTC, as 2013-10-08T15:05:53; instead of a subject.
        to: Moment behind the last one; by default the end of the run.
        limit: How many decisions of a stretch of time, the first ones.
        json: One JSON object instead of a note.
    """
    is_range = from_ is not None or to is not None
    if is_range == (subject is not None):
        raise InputError("give a decision, a ClOrdID or order:ID, or --from and --to")
    if limit < 1:
        raise InputError(f"--limit {limit}: give 1 or more")
    if subject is not None:
        found = RunLookup(run).find(subject)
        if json:
            print_json(as_dict(found))
        else:
            print_found(found)
        return 0
    start_ns = moment_ns("--from", from_) if from_ else 0
    end_ns = moment_ns("--to", to) if to else INT64_MAX
    stretch = RunLookup(run).between(start_ns, end_ns, limit)
    if json:
        print_json({"decisions": [as_dict(found) for found in stretch]})
        return 0
    for found in stretch:
        print_found(found)
    if not stretch:
        print_lines("No decisions", ["in that stretch of time; see `sor decisions`"])
    return 0


def moment_ns(option: str, text: str) -> int:
    """ns since 1970 of a moment in UTC; fractions of a second to the nanosecond."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    try:
        second = datetime.fromisoformat(whole)
        nanos = int((fraction or "0").ljust(9, "0")[:9])
    except ValueError:
        raise InputError(f"{option} {text}: write a moment as 2013-10-08T15:05:53.25") from None
    second = second.replace(tzinfo=second.tzinfo or UTC)
    return int(second.timestamp()) * NS_PER_S + nanos


def print_found(found: Found) -> None:
    """Writes a decision's note, or why its order was refused."""
    if found.story is not None:
        print_story(found.story, found)
    elif found.refusal is not None:
        print_refusal(found.refusal, found)


def print_story(story: Story, found: Found) -> None:
    """Writes the note."""
    d = story.decision
    print_lines(
        f"Decision {d.out_seq}, order {d.order_id} ({d.cl_ord_id}), {note.moment(d.log_ns)}",
        list(note.order_lines(story)),
    )
    print_lines("Market", list(note.market_lines(story)))
    print_table("Venues", *note.venue_table(story))
    print_lines("Choice", list(note.choice_lines(story)))
    print_lines("Cost", list(note.cost_lines(story)))
    print_lines("Outcome", list(note.outcome_lines(story)))
    print_lines("Modelled", modelled_lines(found.manifest))
    chain = found.proof.chain if found.proof else ""
    print_lines("Place in the log", list(note.place_lines(story, chain)))
    print_proof(found)


def print_proof(found: Found) -> None:
    """Writes how the record is chained, and to which anchor."""
    if found.proof is not None:
        print_lines("Chain proof", found.proof.lines())


def modelled_lines(manifest: dict[str, Any]) -> list[str]:
    """What the run's manifest says is modelled."""
    return [f"{part}: {how}" for part, how in manifest.get("modelled", {}).items()]


def print_refusal(refused: RefusalEvent, found: Found) -> None:
    """Writes why an order was not accepted."""
    one = found.names.instrument(refused.instrument)
    print_lines(
        f"Order {refused.cl_ord_id} refused, {note.moment(refused.log_ns)}",
        [
            f"{refused.reason.replace('_', ' ')}: {refusal(refused.reason, refused.value, one)}",
            f"shard {refused.shard}, input {refused.seq}, output {refused.out_seq}",
        ],
    )
    print_proof(found)


def as_dict(found: Found) -> dict[str, Any]:
    """Everything as plain values; names beside dense ids."""
    proof = asdict(found.proof) if found.proof else None
    if found.story is None:
        assert found.refusal is not None
        return {"refusal": to_dict(found.refusal), "proof": proof}
    story = found.story
    d = story.decision
    venues = {str(c.venue): found.names.venue(c.venue) for c in d.candidates}
    return {
        "decision": to_dict(d),
        "order": story.order,
        "instrument": story.instrument.key,
        "units_per_one": story.instrument.units_per_one,
        "venues": venues,
        "policy": found.names.policy(d.policy),
        "children": [
            {"child": to_dict(c.child), "states": [to_dict(state) for state in c.states]}
            for c in story.children
        ],
        "order_state": to_dict(story.final) if story.final else None,
        "expected_bps": story.bps(d.expected_cost, d.allocated_units),
        "saved_bps": {
            "best_price": story.saved_bps(d.best_price_cost, d.best_price_units),
            "sweep": story.saved_bps(d.sweep_cost, d.sweep_units),
        },
        "realised_bps": story.realised_bps(),
        "other_decisions": [a for a in story.attempts if a != d.out_seq],
        "engine": found.names.engine,
        "chain": found.proof.chain if found.proof else "",
        "proof": proof,
        "modelled": found.manifest.get("modelled", {}),
    }

"""`sor explain`: one decision as a person reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from projections.views import note
from projections.views.explanation import Story
from projections.views.reasons import refusal
from schemas.events import RefusalEvent
from schemas.wire import to_dict
from streams.cli.terminal import print_json, print_lines, print_table
from streams.replay.lookup import Found, RunLookup


def explain(run: Path, subject: str, /, *, json: bool = False) -> int:
    """Tell the story of one decision.

    Args:
        run: Folder of the run.
        subject: Decision id, ClOrdID, or order:ID (an order shows its last decision).
        json: One JSON object instead of a note.
    """
    found = RunLookup(run).find(subject)
    if json:
        print_json(as_dict(found))
    elif found.story is not None:
        print_story(found.story, found)
    elif found.refusal is not None:
        print_refusal(found.refusal, found)
    return 0


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
    print_lines("Place in the log", list(note.place_lines(story, found.chain)))


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


def as_dict(found: Found) -> dict[str, Any]:
    """Everything as plain values; names beside dense ids."""
    if found.story is None:
        assert found.refusal is not None
        return {"refusal": to_dict(found.refusal)}
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
        "chain": found.chain,
        "modelled": found.manifest.get("modelled", {}),
    }

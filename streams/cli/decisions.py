"""`sor decisions`: the decisions of a run, a line each."""

from __future__ import annotations

from pathlib import Path

from projections.views.note import moment, one_line
from schemas.errors import InputError
from schemas.wire import to_dict
from streams.cli.terminal import print_json, print_table
from streams.replay.lookup import RunLookup, decisions_of


def decisions(
    run: Path | None = None,
    /,
    *,
    limit: int = 20,
    instrument: str | None = None,
    follow: bool = False,
    url: str | None = None,
    json: bool = False,
) -> int:
    """List the last decisions of a run, or follow those of the running service.

    Args:
        run: Folder of the run; none with --follow.
        limit: How many, the latest.
        instrument: Only of this instrument.
        follow: A line a decision of the running service, as it is made; --limit 0 never ends.
        url: Address of the service; SOR_URL or http://127.0.0.1:8080 by default.
        json: One JSON object instead of a table; one a line with --follow.
    """
    if follow:
        from streams.cli.live import follow_decisions

        return follow_decisions(url, instrument, limit, json)
    if run is None:
        raise InputError("name the folder of a run, or --follow the running service")
    if limit < 1:
        raise InputError(f"--limit {limit}: give 1 or more")
    lookup = RunLookup(run)
    chosen = instrument_id(lookup, instrument)
    found = decisions_of(lookup.run, chosen, limit)
    if json:
        print_json({"decisions": [to_dict(decision) for decision in found]})
        return 0
    rows = [
        [
            str(d.out_seq),
            moment(d.log_ns),
            d.cl_ord_id,
            str(d.attempt),
            lookup.names.policy(d.policy),
            one_line(d, lookup.names),
        ]
        for d in found
    ]
    print_table("", ["decision", "time", "order", "attempt", "policy", "what"], rows)
    return 0


def instrument_id(lookup: RunLookup, key: str | None) -> int | None:
    """Dense id of a key; InputError with the known keys when there is none."""
    if key is None:
        return None
    found = lookup.names.instrument_id(key)
    if found is None:
        known = ", ".join(name.key for name in lookup.names.instruments.values())
        raise InputError(f"--instrument {key}: not in this run; it has {known}")
    return found

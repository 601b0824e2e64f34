"""`sor decisions --follow` and `sor quality --live`: what the running service says."""

from __future__ import annotations

import sys
from typing import Any

import orjson

from projections.views.note import moment
from streams.cli.client import Client
from streams.cli.quality_cells import latency, percent
from streams.cli.terminal import print_json, print_table, printable

QUALITY_COLUMNS = ["instrument", "venue", "quotes", "at bid", "at ask", "fill", "ack", "feed"]


def follow_decisions(url: str | None, instrument: str | None, limit: int, json: bool) -> int:
    """Writes a line a decision until Ctrl-C, or `limit` of them where it is above 0."""
    seen = 0
    with Client(url) as api:
        for topic, event in api.events("decision", instrument=instrument):
            if topic != "decision":
                continue
            line = orjson.dumps(event).decode() if json else decision_line(event)
            sys.stdout.write(printable(line) + "\n")
            sys.stdout.flush()
            seen += 1
            if seen == limit:
                return 0
    return 0


def decision_line(event: dict[str, Any]) -> str:
    """A decision in one line."""
    keys = event["venue_keys"]
    parts = [f"{keys[str(c['venue'])]} {c['units']}" for c in event["children"]]
    where = ", ".join(parts) or "nothing"
    out = {c["reason"].replace("_", " ") for c in event["candidates"] if c["reason"] != "none"}
    left = f"; left out: {', '.join(sorted(out))}" if out else ""
    return (
        f"{moment(event['log_ns'])}  {event['out_seq']}  {event['cl_ord_id']}  {event['side']} "
        f"{event['remaining_units']} {event['symbol']} by {event['policy_name']}: {where}{left}"
    )


def live_quality(url: str | None, instrument: str | None, venue: str | None, json: bool) -> int:
    """Writes the newest quality rows of the running service."""
    with Client(url) as api:
        found = api.get("/v1/quality", instrument=instrument, venue=venue, limit=1000)["items"]
    if json:
        print_json({"rows": found})
        return 0
    rows = [
        [
            row["instrument"],
            row["venue"],
            f"{row['quotes']:,}",
            percent(row["share_at_bid"], 0),
            percent(row["share_at_ask"], 0),
            percent(row["fill_ratio"], 0),
            latency(row["ack_ns"]),
            latency(row["feed_delay_ns"]),
        ]
        for row in found
    ]
    print_table("", QUALITY_COLUMNS, rows)
    return 0

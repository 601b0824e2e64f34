"""`sor venues`: the venues of the running service, their health, and outages of simulated ones."""

from __future__ import annotations

from typing import Any

from streams.cli.client import Client
from streams.cli.quality_cells import latency, percent
from streams.cli.terminal import print_json, print_table

COLUMNS = ["venue", "name", "kind", "health", "stopped", "fill", "ack p50", "ack p99", "relapses"]


def venues(
    *,
    outage: str | None = None,
    restore: str | None = None,
    url: str | None = None,
    json: bool = False,
) -> int:
    """Show every venue with its health; or begin and end the outage of a simulated one.

    Args:
        outage: Key of a simulated venue that shall stop quoting and answering.
        restore: Key of a simulated venue whose outage shall end.
        url: Address of the service; SOR_URL or http://127.0.0.1:8080 by default.
        json: One JSON object.
    """
    with Client(url) as api:
        for key, is_on in ((outage, True), (restore, False)):
            if key is not None:
                api.post(f"/v1/venues/{key}/outage", {"is_on": is_on})
        found = api.get("/v1/venues")
    if json:
        print_json({"venues": found})
    else:
        print_table("", COLUMNS, [cells(venue) for venue in found])
    return 0


def stopped(venue: dict[str, Any]) -> str:
    """What keeps orders away: a kill switch, reference data, self help, or a simulated outage."""
    words = ("killed", "suspended", "self_help", "out")
    return ", ".join(word.replace("_", " ") for word in words if venue[f"is_{word}"])


def cells(venue: dict[str, Any]) -> list[str]:
    """One venue as a row."""
    quality = venue["quality"] or {}
    return [
        venue["key"],
        venue["name"],
        venue["kind"],
        venue["health"] or "-",
        stopped(venue),
        percent(quality.get("fill_ratio"), 0),
        latency(quality.get("ack_p50_ns")),
        latency(quality.get("ack_p99_ns")),
        str(quality.get("relapses", "-")),
    ]

"""`sor submit`: sends a parent order to the running service."""

from __future__ import annotations

from typing import Any, Literal

from schemas.errors import NotFoundError
from schemas.units import NS_PER_MS, NS_PER_S
from streams.cli.client import Client
from streams.cli.terminal import print_json, print_lines
from streams.clock import SystemClock

PAUSE_NS = 50 * NS_PER_MS
PATIENCE_NS = 10 * NS_PER_S
"""How long the read models may be behind the decision that is to be told."""


def submit(
    symbol: str,
    side: Literal["buy", "sell", "sell_short", "sell_short_exempt"],
    units: int,
    /,
    *,
    limit: str | None = None,
    account: str = "ACC-1",
    client: str = "",
    cl_ord_id: str | None = None,
    policy: str = "",
    time_in_force: Literal["day", "ioc", "fok"] = "day",
    wait: int = 5,
    url: str | None = None,
    json: bool = False,
) -> int:
    """Send a parent order; returns once it is durable and, within `wait` seconds, decided.

    Exit code 1 says that the router refused it.

    Args:
        symbol: Instrument.
        side: buy or sell.
        units: Size in the instrument's smallest unit.
        limit: Limit price as decimal text; a market order without it.
        account: Account of the order.
        client: Client of the order.
        cl_ord_id: ClOrdID; made from the clock by default. Repeating one is safe.
        policy: Routing policy; the instrument's own by default.
        time_in_force: day, ioc or fok.
        wait: Seconds to wait for the decision, at most 10.
        url: Address of the service; SOR_URL or http://127.0.0.1:8080 by default.
        json: One JSON object.
    """
    body = {
        "cl_ord_id": cl_ord_id or fresh_id(),
        "account": account,
        "client": client,
        "symbol": symbol,
        "side": side,
        "order_units": units,
        "ord_type": "market" if limit is None else "limit",
        "time_in_force": time_in_force,
        "policy": policy,
    }
    if limit is not None:
        body["limit_price"] = limit
    with Client(url) as api:
        told = api.post("/v1/orders", body, wait)
        told["cl_ord_id"] = body["cl_ord_id"]
        if json:
            print_json(told)
            return int(told["state"] == "refused")
        lines = [f"{name.replace('_', ' ')}: {value}" for name, value in told.items() if value]
        print_lines(f"Order {told['id']} {told['state']}", lines)
        if told.get("decision_id"):
            story = told_story(api, told["decision_id"])
            print_lines("Decision", [story["summary"], *story["choice"]])
    return int(told["state"] == "refused")


def told_story(api: Client, decision: int) -> dict[str, Any]:
    """The decision's explanation, once the read models have come so far."""
    clock = SystemClock()
    since_ns = clock.elapsed_ns()
    while True:
        try:
            story: dict[str, Any] = api.get(f"/v1/decisions/{decision}/explanation")
            return story
        except NotFoundError:
            if clock.elapsed_ns() - since_ns > PATIENCE_NS:
                raise
        clock.sleep_ns(PAUSE_NS)


def fresh_id() -> str:
    """A ClOrdID that was not given before."""
    now_ns = SystemClock().now_ns()
    return f"S-{now_ns // NS_PER_S}-{now_ns % NS_PER_S:09d}"

"""`sor cancel`: asks for the cancel of an order."""

from __future__ import annotations

from schemas.errors import NotFoundError
from streams.cli.client import Client
from streams.cli.submit import fresh_id
from streams.cli.terminal import print_json, print_lines


def cancel(order: str, /, *, url: str | None = None, json: bool = False) -> int:
    """Cancel a parent order of the running service.

    Args:
        order: Its id or its ClOrdID.
        url: Address of the service; SOR_URL or http://127.0.0.1:8080 by default.
        json: One JSON object.
    """
    with Client(url) as api:
        identity = find_order(api, order)
        told = api.post(f"/v1/orders/{identity}/cancel", {"cl_ord_id": fresh_id()}, 2)
    if json:
        print_json(told)
    else:
        print_lines(
            f"Cancel of order {identity}: {told['state']}", [f"position {told['position']}"]
        )
    return 0


def find_order(api: Client, order: str) -> int:
    """Id of an order; NotFoundError when there is none."""
    if order.isdigit():
        return int(order)
    found = api.get("/v1/orders", cl_ord_id=order, limit=1, fields="id")["items"]
    if not found:
        raise NotFoundError(f"no order {order!r}; list them with GET /v1/orders")
    return int(found[0]["id"])

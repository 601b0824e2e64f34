"""`sor inventory`: what an account holds at a venue, told anew."""

from __future__ import annotations

from streams.cli.client import Client
from streams.cli.terminal import print_json, print_lines


def inventory(
    account: str,
    venue: str,
    symbol: str,
    held_units: int,
    /,
    *,
    url: str | None = None,
    json: bool = False,
) -> int:
    """Tell what an account holds of an instrument at a venue; only an operator does.

    Args:
        account: Account whose balance it is.
        venue: Where it lies.
        symbol: Instrument.
        held_units: All of it in smallest units, open sells included.
        url: Address of the service; SOR_URL or http://127.0.0.1:8080 by default.
        json: One JSON object.
    """
    body = {"account": account, "venue": venue, "symbol": symbol, "held_units": held_units}
    with Client(url) as api:
        told = api.post("/v1/inventory", body)
    if json:
        print_json(told)
        return 0
    head = f"{account} holds {held_units} {symbol} at {venue}"
    print_lines(head, [f"position {told['position']}"])
    return 0

"""`sor kill` and `sor resume`: the kill switch."""

from __future__ import annotations

from typing import Literal

from streams.cli.client import Client
from streams.cli.terminal import print_json, print_lines

Scope = Literal["all", "instrument", "venue", "client", "account"]


def kill(scope: Scope, target: str = "", /, *, url: str | None = None, json: bool = False) -> int:
    """Stop new children in a scope, at once; only an operator lets it go on.

    Args:
        scope: all, instrument, venue, client or account.
        target: Which one; nothing for all.
        url: Address of the service; SOR_URL or http://127.0.0.1:8080 by default.
        json: One JSON object.
    """
    return switch(scope, target, True, url, json)


def resume(scope: Scope, target: str = "", /, *, url: str | None = None, json: bool = False) -> int:
    """Let a scope trade again.

    Args:
        scope: all, instrument, venue, client or account.
        target: Which one; nothing for all.
        url: Address of the service; SOR_URL or http://127.0.0.1:8080 by default.
        json: One JSON object.
    """
    return switch(scope, target, False, url, json)


def switch(scope: Scope, target: str, engaged: bool, url: str | None, json: bool) -> int:
    """Turns a kill switch."""
    body = {"scope": scope, "target": target, "engaged": engaged}
    with Client(url) as api:
        told = api.post("/v1/kill-switch", body)
    if json:
        print_json(told)
        return 0
    word = "stopped" if engaged else "trades again"
    print_lines(f"{scope} {target}".strip() + f": {word}", [f"position {told['position']}"])
    return 0

"""`sor kill` and `sor resume`: the kill switch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from streams.cli.client import Client
from streams.cli.terminal import print_json, print_lines

Scope = Literal["all", "instrument", "venue", "client", "account"]


def kill(
    scope: Scope,
    target: str = "",
    /,
    *,
    url: str | None = None,
    config: Path | None = None,
    json: bool = False,
) -> int:
    """Stop new children in a scope, at once; only an operator lets it go on.

    Args:
        scope: all, instrument, venue, client or account.
        target: Which one; nothing for all.
        url: Address of the service; SOR_URL or http://127.0.0.1:8080 by default.
        config: TOML of an installation on Kafka or Pulsar: every gateway, then every shard.
        json: One JSON object.
    """
    return switch(scope, target, True, url, json, config)


def resume(
    scope: Scope,
    target: str = "",
    /,
    *,
    url: str | None = None,
    config: Path | None = None,
    json: bool = False,
) -> int:
    """Let a scope trade again.

    Args:
        scope: all, instrument, venue, client or account.
        target: Which one; nothing for all.
        url: Address of the service; SOR_URL or http://127.0.0.1:8080 by default.
        config: TOML of an installation on Kafka or Pulsar.
        json: One JSON object.
    """
    return switch(scope, target, False, url, json, config)


def switch(
    scope: Scope, target: str, engaged: bool, url: str | None, json: bool, config: Path | None
) -> int:
    """Turns a kill switch."""
    if config is not None:
        return switch_everywhere(scope, target, engaged, json, config)
    body = {"scope": scope, "target": target, "engaged": engaged}
    with Client(url) as api:
        told = api.post("/v1/kill-switch", body)
    if json:
        print_json(told)
        return 0
    word = "stopped" if engaged else "trades again"
    print_lines(f"{scope} {target}".strip() + f": {word}", [f"position {told['position']}"])
    return 0


def switch_everywhere(scope: Scope, target: str, engaged: bool, json: bool, config: Path) -> int:
    """Turns it at every gateway and in every shard; 1 when somebody did not answer."""
    import os
    import sys

    from streams.config.load import load_whole
    from streams.config.service import ServiceConfig
    from streams.gateways.kill import kill_everywhere

    settings = load_whole(ServiceConfig, config, os.environ)
    report = kill_everywhere(settings, scope, target, engaged, os.environ.get("USER", "operator"))
    facts: dict[str, Any] = report.facts()
    if json:
        print_json(facts)
    else:
        word = "stopped" if engaged else "trades again"
        lines = [f"{name}: {value}" for name, value in facts.items()]
        print_lines(f"{scope} {target}".strip() + f": {word}", lines)
    if report.is_whole:
        return 0
    print(
        f"sor: {len(report.gateways_missing)} gateway(s) {report.gateways_missing} and "
        f"{len(report.shards_without_owner)} shard(s) {report.shards_without_owner} did not "
        "answer; start what is down, it reads the kill when it comes",
        file=sys.stderr,
    )
    return 1

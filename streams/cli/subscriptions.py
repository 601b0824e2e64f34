"""`sor subscriptions`: who reads the inputs on Pulsar, how far, and how to move them."""

from __future__ import annotations

import os
from pathlib import Path

from cyclopts import App

from schemas.errors import InputError
from schemas.topics import CONTRACT_OUT, INPUTS
from streams.cli.terminal import print_json, print_table
from streams.config.load import load_whole
from streams.config.service import ServiceConfig
from streams.runtime_pulsar.admin import Admin

subscriptions = App(
    name="subscriptions", help="Subscriptions on Pulsar: list them, move them to a time."
)
TOPICS = (INPUTS, *CONTRACT_OUT)


def _admin(config: Path | None) -> Admin:
    return Admin(load_whole(ServiceConfig, config, os.environ).pulsar)


def _checked(topic: str) -> str:
    if topic not in TOPICS:
        raise InputError(f"no topic {topic!r}; there are {', '.join(TOPICS)}")
    return topic


@subscriptions.command(name="list")
def list_subscriptions(
    topic: str = INPUTS, *, config: Path | None = None, json: bool = False
) -> int:
    """Every subscription of a topic: backlog, consumers, and which one is active.

    Args:
        topic: A topic of the contract, or sor.inputs.
        config: TOML of the service, for its [pulsar].
        json: One JSON object instead of a table.
    """
    rows = _admin(config).subscriptions(_checked(topic))
    if json:
        print_json({"subscriptions": rows})
        return 0
    columns = ["partition", "subscription", "type", "backlog", "active"]
    print_table(topic, columns, [[str(row[name]) for name in columns] for row in rows])
    return 0


@subscriptions.command
def seek(subscription: str, *, topic: str, time_ms: int, config: Path | None = None) -> int:
    """Move a subscription to the first message at or after a time, on every partition.

    Args:
        subscription: Its name.
        topic: A topic of the contract; what reads sor.inputs moves with its snapshots only.
        time_ms: Milliseconds since 1970 UTC.
        config: TOML of the service, for its [pulsar].
    """
    _admin(config).reset(_readable(topic), subscription, time_ms)
    return 0


@subscriptions.command
def reset(subscription: str, *, topic: str, yes: bool = False, config: Path | None = None) -> int:
    """Let a subscription read everything again from the oldest message that is kept.

    Args:
        subscription: Its name.
        topic: A topic of the contract.
        yes: Really: the reader gets again what it has.
        config: TOML of the service, for its [pulsar].
    """
    if not yes:
        raise InputError(f"{subscription} would get everything again; add --yes")
    _admin(config).reset(_readable(topic), subscription, 0)
    return 0


def _readable(topic: str) -> str:
    if _checked(topic) == INPUTS:
        raise InputError(f"{INPUTS} is read from the newest snapshot on, whatever the cursor says")
    return topic

"""A policy file: a configuration TOML of which only policies and the orders' policy are used."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from schemas.codes import InputType
from schemas.envelope import HEADER
from schemas.errors import InputError
from schemas.reference import POLICY
from schemas.units import NS_PER_MS
from schemas.wire import iter_inputs, text
from streams.config.load import load_config
from streams.config.records import POLICIES, config_records


class OtherPolicy:
    """Replaces logged policies by those of a file.

    `[policies.NAME]` replaces the policy NAME; `[orders] default_policy` sends every order by that
    policy. InputError when the file says neither, or anything else.
    """

    def __init__(self, path: Path, reference: bytes) -> None:
        config = load_config(path)
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        others = sorted(set(raw) - {"policies", "orders"})
        if others:
            raise InputError(
                f"{path}: [{others[0]}] has no place in a policy file; give [policies.NAME] tables "
                "or `orders.default_policy`"
            )
        self.names = sorted(raw.get("policies", {}))
        chosen = raw.get("orders", {}).get("default_policy", "")
        if not self.names and not chosen:
            raise InputError(f"{path}: names no policy; give a [policies.NAME] table")
        if chosen and chosen not in POLICIES:
            raise InputError(f"{path}: `orders.default_policy` = {chosen!r}: no such policy")
        self.order_policy = int(POLICIES[chosen]) if chosen else 0
        self._bodies = self._built(config, reference)

    def change_policy(self, raw: bytes) -> bytes:
        """A logged POLICY record as this file has it; its header stays."""
        body = self._bodies.get(text(POLICY.unpack(raw).name))
        return raw if body is None else raw[: HEADER.size] + body

    def _built(self, config: Any, reference: bytes) -> dict[str, bytes]:
        """Bodies by name; where the file says 0, times are those of the logged policy."""
        records = list(iter_inputs(reference))
        logged = {
            text(record.name): record
            for kind, raw in records
            if kind == InputType.POLICY
            for record in [POLICY.unpack(raw)]
        }
        described = b"".join(
            raw for kind, raw in records if kind in (InputType.INSTRUMENT, InputType.VENUE)
        )
        bodies: dict[str, bytes] = {}
        for name in self.names:
            if name not in logged:
                raise InputError(
                    f"the run has no policy {name}; it has {', '.join(sorted(logged))}"
                )
            made = config_records(
                config,
                described,
                stale_ms=max(1, logged[name].stale_ns // NS_PER_MS),
                horizon_ms=max(1, logged[name].horizon_ns // NS_PER_MS),
            )
            for kind, raw in iter_inputs(made):
                if kind == InputType.POLICY and text(POLICY.unpack(raw).name) == name:
                    bodies[name] = raw[HEADER.size :]
        return bodies

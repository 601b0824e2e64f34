"""A kill at the gateway: what it covers does not leave, whatever is still on its way here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from schemas.codes import KillScope
from schemas.control import KillRequest


@dataclass
class KillLatch:
    """Scopes that are killed; requests of one scope and target: the last one counts.

    A client or account is not on a child order, so such a kill holds everything back until the
    shards have it: rather too much than too little.
    """

    killed: dict[tuple[str, str], str] = field(default_factory=dict)

    def take(self, request: KillRequest) -> None:
        """Engages, or releases what was engaged."""
        key = (request.scope, request.target)
        if request.engaged:
            self.killed[key] = request.id
        else:
            self.killed.pop(key, None)

    def settle(self, request_id: str) -> None:
        """Every shard has the kill: those of a client or account end here, the shards have them."""
        for key, found in list(self.killed.items()):
            if found == request_id and key[0] in {"client", "account"}:
                del self.killed[key]

    def holds(self, child: Any, instruments: dict[int, str], venues: dict[int, str]) -> bool:
        """Whether a CHILD record may not leave; names by dense id."""
        for scope, target in self.killed:
            if scope == KillScope.INSTRUMENT.name.lower():
                if instruments.get(child.instrument) == target:
                    return True
            elif scope == KillScope.VENUE.name.lower():
                if venues.get(child.venue) == target:
                    return True
            else:
                return True
        return False

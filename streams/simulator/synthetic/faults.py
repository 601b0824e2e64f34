"""A fault to inject into a market."""

from __future__ import annotations

from schemas.errors import InputError
from schemas.units import INT64_MAX
from streams.simulator.synthetic.fault_kinds import FaultKind
from streams.simulator.synthetic.market import FAULT

__all__ = ["FaultKind", "fault"]


def fault(
    kind: FaultKind,
    venue: int,
    since_ns: int = 0,
    until_ns: int = INT64_MAX,
    chance: float = 1.0,
) -> bytes:
    """A FAULT record: `chance` is that of each child or report to be hit while it lasts."""
    if not 0.0 <= chance <= 1.0:
        raise InputError(f"fault {kind.name.lower()}: `chance` is {chance}; give 0 to 1")
    if since_ns >= until_ns:
        raise InputError(f"fault {kind.name.lower()}: `until_ns` must lie after `since_ns`")
    return FAULT.pack(
        kind=int(kind), venue=venue, since_ns=since_ns, until_ns=until_ns, chance=chance
    )

"""What the engine process needs of its venues: records in, children and cancels out.

A gateway lives in the engine process and is driven by its loop; it starts no thread of its own and
never blocks. It knows how far it has taken what it was sent: after a crash the engine process
hands over what the output log holds beyond that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.commands import Refused, VenueFault
from schemas.market import QUOTE
from schemas.reports import EXEC_REPORT

Rows = NDArray[np.void]


def no_market() -> Rows:
    """No market record."""
    return QUOTE.zeros(0)


def no_reports() -> Rows:
    """No report."""
    return EXEC_REPORT.zeros(0)


@dataclass
class Arrivals:
    """What came in since the last poll, each part in the order of arrival.

    `market`: one-slot records (QUOTE, TRADE, STATUS), dtype QUOTE.dtype. `reports`: EXEC_REPORT
    rows with the gateway's own dense source_seq, so that a repeat is known as one. The engine
    process numbers the market records and stamps both; `log_ns` says when they arrived.
    """

    market: Rows = field(default_factory=no_market)
    reports: Rows = field(default_factory=no_reports)


class Gateway(Protocol):
    """The venues of one shard, real or simulated."""

    @property
    def taken_out_seq(self) -> int:
        """out_seq of the last record that `send` took."""

    def reference(self) -> bytes:
        """INSTRUMENT, VENUE, LISTING and FEE records of source 0 that a new log starts with."""

    def poll(self, until_ns: int) -> Arrivals:
        """What has arrived through `until_ns`, without waiting."""

    def send(self, output: Any, sent_ns: int) -> None:
        """Take a CHILD, CANCEL_CHILD, REPLACE_CHILD or STATUS_REQUEST, each out_seq once."""

    def disturb(self, fault: VenueFault) -> Refused | None:
        """Switch a fault of a simulated venue; Refused where venues are real."""

    def outages(self) -> list[int]:
        """Dense ids of simulated venues that are out."""

    def save(self) -> bytes:
        """Everything needed to go on from here; taken each so many seconds, in the loop."""

    def restore(self, saved: bytes, now_ns: int) -> Arrivals:
        """Go on from `saved` (empty: the start): all reports until now, old ones among them."""

    def close(self) -> None:
        """Give back what was opened."""

"""What a reader did with every row it did not simply take."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Treatment(StrEnum):
    """What became of a row with a named outcome."""

    REJECTED = "rejected"
    REPAIRED = "repaired"
    KEPT = "kept"


OUTCOMES: dict[str, Treatment] = {
    "bad_price": Treatment.REJECTED,
    "negative_size": Treatment.REJECTED,
    "too_large": Treatment.REJECTED,
    "unknown_venue": Treatment.REJECTED,
    "unknown_instrument": Treatment.REJECTED,
    "flagged_suspicious": Treatment.REJECTED,
    "zero_size_trade": Treatment.REJECTED,
    "time_backwards_rejected": Treatment.REJECTED,
    "basis_warmup": Treatment.REJECTED,
    "time_backwards_sorted": Treatment.REPAIRED,
    "half_missing": Treatment.KEPT,
    "both_sides_missing": Treatment.KEPT,
    "zero_size_side": Treatment.KEPT,
    "crossed": Treatment.KEPT,
    "locked": Treatment.KEPT,
    "unchanged_quote": Treatment.KEPT,
}
"""Every outcome a row can have, and what is done with it."""


@dataclass
class Outcome:
    """How often an outcome happened, and the first place as `file:line`."""

    treatment: Treatment
    count: int = 0
    sample: str = ""


@dataclass
class ReadReport:
    """Rows read per file, records made, and the named outcomes of one pass over a dataset."""

    rows: dict[str, int] = field(default_factory=dict)
    quotes: int = 0
    trades: int = 0
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    @property
    def total_rows(self) -> int:
        return sum(self.rows.values())

    def count(
        self, name: str, file: str, hits: NDArray[np.bool_], lines: NDArray[np.int64]
    ) -> None:
        """Add the rows where `hits` to outcome `name`; `lines` are their lines in `file`."""
        found = int(np.count_nonzero(hits))
        if not found:
            return
        outcome = self.outcomes.setdefault(name, Outcome(OUTCOMES[name]))
        outcome.count += found
        outcome.sample = outcome.sample or f"{file}:{lines[int(np.argmax(hits))]}"

    def as_dict(self) -> dict[str, object]:
        """The report as plain values, for a manifest."""
        return {
            "rows": dict(sorted(self.rows.items())),
            "quotes": self.quotes,
            "trades": self.trades,
            "outcomes": {
                name: {"treatment": str(o.treatment), "count": o.count, "sample": o.sample}
                for name, o in sorted(self.outcomes.items())
            },
        }

    def lines(self) -> list[str]:
        """One line per fact, for a terminal."""
        head = f"{self.total_rows:,} rows -> {self.quotes:,} quotes, {self.trades:,} trades"
        return [head] + [
            f"{o.treatment:<8} {name:<24} {o.count:>10,}  first at {o.sample}"
            for name, o in sorted(
                self.outcomes.items(), key=lambda item: (item[1].treatment, item[0])
            )
        ]

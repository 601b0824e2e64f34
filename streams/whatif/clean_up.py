"""The price of what is left of a parent at its horizon: the touches then, with taker fees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.codes import InputType, Liquidity
from schemas.reference import FEE, INSTRUMENT, POLICY
from schemas.units import E9, INSTRUMENT_NONE
from schemas.wire import iter_inputs
from streams.whatif.tally import Parent


class CleanUp:
    """Prices remainders on the logged touches; `horizon_ns` is the longest of the policies."""

    def __init__(self, reference: bytes, touches: NDArray[np.void]) -> None:
        self.units_per_one: dict[int, int] = {}
        self.fees: dict[tuple[int, int], tuple[int, int]] = {}
        self.horizon_ns = 0
        for kind, raw in iter_inputs(reference):
            if kind == InputType.INSTRUMENT:
                record = INSTRUMENT.unpack(raw)
                self.units_per_one[record.instrument] = record.units_per_one
            elif kind == InputType.POLICY:
                self.horizon_ns = max(self.horizon_ns, POLICY.unpack(raw).horizon_ns)
            elif kind == InputType.FEE:
                fee = FEE.unpack(raw)
                if fee.liquidity == Liquidity.TAKE:
                    self.fees[fee.instrument, fee.venue] = (fee.fixed_nanos, fee.rate_e9)
        self.books: dict[int, dict[int, NDArray[np.void]]] = {}
        for instrument in self.units_per_one:
            mine = touches[touches["instrument"] == instrument]
            venues = np.unique(mine["venue"])
            self.books[instrument] = {int(v): mine[mine["venue"] == v] for v in venues}

    def shortfall_bps(self, parent: Parent) -> float | None:
        """Shortfall of a parent; None without a benchmark or a price for what is left."""
        if not parent.mid_nanos or not parent.units:
            return None
        left = max(0, parent.units - parent.filled)
        swept = self._sweep(parent, left) if left else (0.0, 0.0)
        if swept is None:
            return None
        notional, fees = swept
        per_one = self.units_per_one[parent.instrument]
        worth = parent.units * parent.mid_nanos
        if parent.filled > parent.units:
            worth = parent.filled * parent.mid_nanos
        cost = parent.sign * (parent.notional + notional - worth)
        return (cost + (parent.fee_nanos + fees) * per_one) / worth * 1e4

    def _sweep(self, parent: Parent, left: int) -> tuple[float, float] | None:
        """(notional, fees in nanos) of `left` at the horizon; the last price goes on."""
        at_ns = parent.arrival_ns + self.horizon_ns
        offers = []
        for venue, quotes in self.books[parent.instrument].items():
            place = int(np.searchsorted(quotes["log_ns"], at_ns, "right")) - 1
            if place < 0:
                continue
            side = "ask" if parent.sign > 0 else "bid"
            nanos, units = int(quotes[f"{side}_nanos"][place]), int(quotes[f"{side}_units"][place])
            if units:
                offers.append(
                    (parent.sign * nanos + self._fee(parent, venue, nanos), nanos, units, venue)
                )
        if not offers:
            return None
        notional = fees = 0.0
        per_one = self.units_per_one[parent.instrument]
        ordered = sorted(offers)
        for at, (_, nanos, units, venue) in enumerate(ordered):
            take = left if at == len(ordered) - 1 else min(left, units)
            notional += float(nanos) * take
            fees += self._fee(parent, venue, nanos) * take / per_one
            left -= take
        return notional, fees

    def _fee(self, parent: Parent, venue: int, nanos: int) -> float:
        everywhere = self.fees.get((INSTRUMENT_NONE, venue), (0, 0))
        fixed, rate = self.fees.get((parent.instrument, venue), everywhere)
        return fixed + nanos * rate / E9

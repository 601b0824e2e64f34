"""Sizes in contracts of fixed value as sizes in units: contract value / last mid, floored."""

from __future__ import annotations

import numpy as np

from streams.sources.rows import Ints

WRAP = 2**64


def contract_units(contracts: Ints, value_nanos: int, doubled_mid: Ints) -> Ints:
    """floor(contracts * value / mid), exact; `contracts` in 1e-decimals like the units.

    A double gives the quotient within one; the remainder, exact modulo 2**64, corrects it.
    """
    doubled_value = 2 * value_nanos
    guess = np.floor(contracts.astype(float) * doubled_value / doubled_mid).astype(np.int64)
    with np.errstate(over="ignore"):
        product = contracts.astype(np.uint64) * np.uint64(doubled_value % WRAP)
        rest = (product - guess.astype(np.uint64) * doubled_mid.astype(np.uint64)).view(np.int64)
    return guess - (rest < 0) + (rest >= doubled_mid)

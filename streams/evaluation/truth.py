"""The one door to the truth of a synthetic market; a contract keeps all but the evaluation out."""

from __future__ import annotations

from streams.evaluation._arena import TrueMarket

__all__ = ["TrueMarket"]

"""Values of the quality tables as text; what is missing is "-" and never 0."""

from __future__ import annotations

from typing import Any

from projections.views.note import moment
from projections.views.reasons import duration
from schemas.units import NS_PER_MS

MISSING = "-"
DUST = 1e-5
LEAST_SAMPLES = 0.1


def number(value: float | None, digits: int = 2) -> str:
    """A number with thousands separators and so many decimals."""
    return MISSING if value is None else f"{value:,.{digits}f}"


def amount(value: float | None) -> str:
    """A number of any size with four digits that count; what old values left behind is 0."""
    if value is None:
        return MISSING
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) >= DUST else "0"


def error_amount(value: float | None) -> str:
    """A standard error: two digits that count are enough."""
    return f"{value:.2g}" if value is not None and DUST <= abs(value) < 10 else amount(value)


def percent(fraction: float | None, digits: int = 1) -> str:
    """A fraction in percent, with its sign."""
    return MISSING if fraction is None else f"{fraction:.{digits}%}"


def latency(ns: float | None) -> str:
    """A latency in the unit that people would use."""
    return MISSING if ns is None else duration(ns)


def milliseconds(ns: float | None) -> str:
    """A latency in ms."""
    if ns is None:
        return MISSING
    return number(ns / NS_PER_MS, 2 if abs(ns) >= NS_PER_MS else 3)


def estimate(value: str, error: str, n: float | None = None) -> str:
    """Value ± standard error (effective sample size); an unknown error is left out."""
    if value == MISSING:
        return MISSING
    text = value if error == MISSING else f"{value} ± {error}"
    return text if n is None else f"{text} ({samples(n)})"


def samples(n: float) -> str:
    """An effective sample size; old evidence fades until next to nothing is left."""
    if n < LEAST_SAMPLES:
        return f"<{LEAST_SAMPLES}"
    return f"{n:,.0f}" if n >= 100 else f"{n:.1f}"


def bps(part: dict[str, Any]) -> str:
    """An estimate in basis points."""
    return estimate(number(part["value"]), number(part["se"]), part["n"])


def share(part: dict[str, Any]) -> str:
    """An estimate of a fraction, in percent without the sign."""
    value, error = (None if x is None else 100 * x for x in (part["value"], part["se"]))
    return estimate(number(value, 1), number(error, 1), part["n"])


def in_ms(part: dict[str, Any]) -> str:
    """An estimate of a latency, in ms."""
    return estimate(milliseconds(part["value"]), milliseconds(part["se"]), part["n"])


def since(ns: int) -> str:
    """When a health began; 0 is the start of the log."""
    return second(ns) if ns else "start"


def second(ns: int) -> str:
    """A time of day with its date, to the second, without the year."""
    return moment(ns).partition(".")[0].partition("-")[2]

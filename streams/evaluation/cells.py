"""How figures are written in a table: a dash for what is missing, the reason for no interval."""

from __future__ import annotations


def number(value: float | None, places: int = 3) -> str:
    """A value or a dash."""
    return "-" if value is None else f"{value:.{places}f}"


def percent(value: float | None, places: int = 1) -> str:
    """A share in percent or a dash."""
    return "-" if value is None else f"{100 * value:.{places}f}"


def interval(value: list[float] | None, places: int = 3) -> str:
    """[low, high], or why there is none."""
    if value is None:
        return "too few blocks"
    return f"[{value[0]:.{places}f}, {value[1]:.{places}f}]"

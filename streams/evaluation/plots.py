"""Plots of an evaluation, where matplotlib is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def plot(result: dict[str, Any], out: Path) -> Path | None:
    """Writes `improvement.png` and returns its path, None without matplotlib."""
    try:
        import matplotlib as mpl
    except ImportError:
        return None
    mpl.use("agg")
    from matplotlib import pyplot as plt

    rows = result["improvement"]
    figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
    names = [row["baseline"] for row in rows]
    values = [row["bps"] for row in rows]
    bars = [row["bps_ci95"] or [row["bps"], row["bps"]] for row in rows]
    low = [value - bar[0] for value, bar in zip(values, bars, strict=True)]
    high = [bar[1] - value for value, bar in zip(values, bars, strict=True)]
    axes.barh(names, values, xerr=[low, high], capsize=3)
    axes.invert_yaxis()
    axes.set_xlabel("shortfall saved against the baseline, bps of arrival mid (95 %)")
    path = out / "improvement.png"
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path

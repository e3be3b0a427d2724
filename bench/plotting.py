"""Draw a result as a picture; matplotlib is imported only here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.figures import Figure, Result


def plot(result: Result, file: Path) -> None:
    """Write a PNG: a panel for each unit of the figures, and one for each series."""
    try:
        from matplotlib.figure import Figure as Picture
    except ImportError:
        raise SystemExit("--plot needs matplotlib: pip install matplotlib") from None
    units = list(dict.fromkeys(figure.unit for figure in result.figures))
    panels = len(units) + len(result.series)
    picture = Picture(figsize=(11, 1.2 + 2.6 * panels), layout="constrained")
    axes = picture.subplots(panels, squeeze=False)[:, 0]
    for unit, axis in zip(units, axes, strict=False):
        _bars(axis, [figure for figure in result.figures if figure.unit == unit], unit)
    for series, axis in zip(result.series, axes[len(units) :], strict=True):
        xs, ys = zip(*series.points, strict=True)
        axis.plot(xs, ys, marker="o")
        axis.set(title=series.name, xlabel=series.x, ylabel=series.y, ylim=(0, None))
        axis.grid(alpha=0.3)
    machine = ", ".join(f"{name} {fact}" for name, fact in result.machine.items())
    picture.suptitle(f"{result.benchmark}\n{machine}", fontsize=9, wrap=True)
    picture.savefig(file, format="png", dpi=110)


def _bars(axis: Any, figures: list[Figure], unit: str) -> None:
    places = range(len(figures))
    values = [figure.value for figure in figures]
    colours = ["tab:orange" if figure.met is False else "tab:blue" for figure in figures]
    low = [max(0.0, f.value - f.low) if f.low is not None else 0.0 for f in figures]
    high = [max(0.0, f.high - f.value) if f.high is not None else 0.0 for f in figures]
    axis.barh(places, values, color=colours, xerr=[low, high], height=0.6, ecolor="grey")
    for place, figure in enumerate(figures):
        if figure.goal is not None:
            axis.plot([figure.goal] * 2, [place - 0.4, place + 0.4], color="black", lw=2)
    axis.set_yticks(list(places), [figure.name for figure in figures], fontsize=8)
    axis.invert_yaxis()
    axis.set_xlabel(f"{unit}   (black: goal, orange: not met, grey: lowest to highest round)", fontsize=8)  # fmt: skip

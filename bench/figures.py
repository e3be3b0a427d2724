"""What a benchmark found: figures with their goals, and series to be drawn."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a benchmark is run.

    Args:
        rounds: 0 takes the benchmark's own number.
        scale: share of the usual amount.
        peers: other systems are installed and measured as well.
        engine: the database the gateway runs on.
    """

    rounds: int = 0
    scale: float = 1.0
    peers: bool = False
    engine: str = "sqlite"

    def amount(self, usual: int) -> int:
        """So much of something as the scale says, at least one."""
        return max(1, int(usual * self.scale))


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One number.

    Args:
        unit: ``x`` for a ratio within the run.
        goal: what is aimed at; `at_most` says from which side.
        low, high: the lowest and highest round.
    """

    name: str
    value: float
    unit: str = "x"
    goal: float | None = None
    at_most: bool = False
    low: float | None = None
    high: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    def written(self) -> str:
        """The figure as a line of a report."""
        line = f"{shown(self.value)} {self.unit}"
        if self.low is not None and self.high is not None:
            line += f" ({shown(self.low)} to {shown(self.high)})"
        if self.goal is not None:
            side = "at most" if self.at_most else "at least"
            line += f", goal {side} {shown(self.goal)}: {'met' if self.met else 'not met'}"
        return line


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Points to be drawn as a line, such as a rate by the number of processes."""

    name: str
    x: str
    y: str
    points: list[tuple[float, float]]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a run found, and on which machine."""

    benchmark: str
    machine: dict[str, str]
    figures: list[Figure]
    series: list[Series] = []


def median(name: str, rounds: Sequence[float], **more: object) -> Figure:
    """The median of some rounds, with the lowest and the highest."""
    fields = {"low": min(rounds), "high": max(rounds)} if len(rounds) > 1 else {}
    return msgspec.convert(
        {"name": name, "value": statistics.median(rounds), **fields, **more}, Figure
    )


def shown(value: float) -> str:
    """A number with three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def text_of(result: Result, before: Result | None = None) -> str:
    """A result for people, beside an earlier one if there is one."""
    lines = [result.benchmark, *(f"  {name}: {fact}" for name, fact in result.machine.items()), ""]
    earlier = {figure.name: figure for figure in before.figures} if before else {}
    for figure in result.figures:
        lines.append(f"  {figure.name:72} {figure.written()}")
        old = earlier.get(figure.name)
        if old is not None and old.value:
            change = figure.value / old.value
            lines.append(f"  {'':72} {change:.2f} of the earlier {shown(old.value)} {old.unit}")
    return "\n".join(lines)

"""What a proof measured, against the bars it has to meet, as text and as JSON."""

from __future__ import annotations

import operator
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec

from bench.machine import summary

_HOLDS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One figure and what it has to be.

    Args:
        must: ``= 0``, ``<= 5``, ``>= 1`` …; empty for a figure that is only told.
    """

    name: str
    figure: float
    must: str = ""

    @property
    def met(self) -> bool:
        """Whether the figure is what it has to be."""
        if not self.must:
            return True
        word, number = self.must.split()
        return _HOLDS[word](self.figure, float(number))


class Report(msgspec.Struct, kw_only=True):
    """The outcome of a proof.

    Args:
        asked: the options that it ran with, so that it can be run again.
        faults: what went wrong, in words.
        remarks: what else is to be told.
    """

    proof: str
    asked: dict[str, Any]
    bars: list[Bar] = []
    faults: list[str] = []
    remarks: list[str] = []
    seconds: float = 0.0
    machine: str = msgspec.field(default_factory=summary)

    def note(self, name: str, figure: float, must: str = "") -> None:
        """Add a figure."""
        self.bars.append(Bar(name=name, figure=round(figure, 3), must=must))

    @property
    def met(self) -> bool:
        """Whether every bar is met."""
        return not self.faults and all(bar.met for bar in self.bars)

    def text(self) -> str:
        """What people read."""
        asked = " ".join(f"{name}={value}" for name, value in self.asked.items())
        lines = [f"{self.proof} ({asked}), {self.seconds:.0f} s, {self.machine}"]
        for bar in self.bars:
            verdict = "    " if not bar.must else "ok  " if bar.met else "MISS"
            must = f"   (must be {bar.must})" if bar.must else ""
            lines.append(f"  {verdict} {bar.name:58} {bar.figure:>12,g}{must}")
        lines += [f"  FAULT {fault}" for fault in self.faults]
        lines += [f"  {remark}" for remark in self.remarks]
        return "\n".join(lines)

    def json(self) -> str:
        """What programs read."""
        told = msgspec.to_builtins(self) | {"met": self.met}
        return msgspec.json.format(msgspec.json.encode(told)).decode()


class Progress:
    """Says on standard error how far a proof has come, at most once in a while."""

    def __init__(self, every: float = 5.0) -> None:
        self._every, self._next = every, 0.0
        self._began = time.monotonic()

    def __call__(self, words: str) -> None:
        """Say it, unless something was said a moment ago."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._every
            sys.stderr.write(f"[{now - self._began:6.0f} s] {words}\n")
            sys.stderr.flush()

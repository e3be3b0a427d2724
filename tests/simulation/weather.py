"""When what is sick, and how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

WELL = "well"
STORE = "store"


class Spell(NamedTuple):
    """A time in which something is not well.

    Args:
        start, end: virtual seconds.
    """

    start: float
    end: float
    mode: str


@dataclass
class Weather:
    """The spells of everything by its name; what has none is well."""

    now: Callable[[], float]
    spells: dict[str, list[Spell]] = field(default_factory=dict)
    disturbed: dict[str, list[Spell]] = field(default_factory=dict)

    def add(self, name: str, start: float, end: float, mode: str) -> None:
        """Let something be sick for a time."""
        self.spells.setdefault(name, []).append(Spell(start, end, mode))

    def at(self, name: str) -> str:
        """How something is now."""
        now = self.now()
        for spell in self.spells.get(name, ()):
            if spell.start <= now < spell.end:
                return spell.mode
        return WELL

    def disturb(self, name: str, seconds: float) -> None:
        """Note a brief trouble that has after-effects, without making anything sick."""
        self.disturbed.setdefault(name, []).append(Spell(self.now(), self.now() + seconds, "brief"))

    def was_well(self, name: str, since: float, until: float) -> bool:
        """Whether something was well all the time from one moment to another."""
        return _clear(self.spells.get(name, ()), since, until)

    def undisturbed(self, name: str, since: float, until: float) -> bool:
        """Whether nothing brief had an effect between two moments."""
        return _clear(self.disturbed.get(name, ()), since, until)


def _clear(spells: Sequence[Spell], since: float, until: float) -> bool:
    return all(spell.end <= since or spell.start >= until for spell in spells)

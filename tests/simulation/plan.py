"""What a seed decides before anything runs: how busy the world is, and what goes wrong when."""

from __future__ import annotations

import random
from typing import Any

import msgspec

from tests.simulation.weather import STORE, Spell

HOUR = 3600.0
BACKENDS = ("ideal", "search", "blunt")
CHANNELS = ("mail", "chat", "sms")
TARGETS = (*(f"backend/{name}" for name in BACKENDS), *(f"channel/{name}" for name in CHANNELS))
SICK = ("slow", "lost", "refused", "5xx", "throttled", "black", "locked")
STORE_SICK = ("down", "full", "slow", "forgetful", "broken")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One world.

    Args:
        hours: virtual hours, at least 80: the last retry may come 26 hours after the last trouble.
        people: how many customers there are.
        messages: how many times each of them writes.
        answers: probability that an agent answers a message.
        poison: probability that a message cannot be worked on.
        lossy: probability that a request meets with trouble though its target is well.
        amnesia: probability that a commit is done, but its answer lost.
        kill: probability that a process is killed when a request leaves it.
        redelivered, forgotten: probabilities that a webhook comes again, that its answer gets lost.
        processes: how many there are; more than one divide the work by partitions.
        pauses: (when, for how long) some process stands still.
        idle: seconds after which a part looks though nothing woke it.
        steps: (when, seconds) by which the clock is set off.
        restarts: when the process is stopped in an orderly way.
        merges: when an agent merges two conversations.
    """

    hours: float
    people: int
    messages: int
    answers: float
    poison: float
    lossy: float
    amnesia: float
    kill: float
    redelivered: float
    forgotten: float
    idle: float
    processes: int = 1
    steps: tuple[tuple[float, float], ...] = ()
    restarts: tuple[float, ...] = ()
    merges: tuple[float, ...] = ()
    pauses: tuple[tuple[float, float], ...] = ()
    spells: dict[str, tuple[Spell, ...]] = {}

    @property
    def busy(self) -> float:
        """Until when people write and things go wrong, in seconds."""
        return self.hours * HOUR / 2


def plan(seed: int, hours: float = 80.0) -> Plan:
    """Draw a world; each kind of trouble is there in some worlds and absent in others."""
    dice = random.Random(f"{seed}/plan")
    busy = hours * HOUR / 2

    def moments(most: int) -> tuple[float, ...]:
        return tuple(sorted(dice.uniform(0, busy) for _ in range(dice.randint(0, most))))

    def some(value: Any) -> Any:
        return value if dice.random() < 0.5 else 0

    spells = {
        target: _spells(dice, busy, SICK, busy / 2) for target in TARGETS if dice.random() < 0.6
    }
    if dice.random() < 0.6:
        spells[STORE] = _spells(dice, busy, STORE_SICK, HOUR)
    processes = dice.choice((1, 1, 1, 2, 3))
    return Plan(
        hours=hours,
        people=dice.randint(2, 5),
        messages=dice.randint(4, 12),
        answers=dice.uniform(0.2, 0.8),
        poison=some(dice.uniform(0.02, 0.15)),
        lossy=some(dice.uniform(0.02, 0.25)),
        amnesia=some(dice.uniform(0.005, 0.05)),
        kill=some(dice.uniform(0.005, 0.05)),
        redelivered=some(dice.uniform(0.05, 0.5)),
        forgotten=some(dice.uniform(0.05, 0.3)),
        idle=dice.choice((7200.0, 14_400.0, 28_800.0)),
        steps=tuple(
            (moment, dice.choice((-7200, -60, 60, 7200))) for moment in some(moments(3)) or ()
        ),
        restarts=some(moments(3)) or (),
        processes=processes,
        pauses=tuple(
            (moment, dice.choice((60.0, 5400.0, 15_000.0))) for moment in some(moments(4)) or ()
        ),
        merges=some(moments(4)) or (),
        spells=spells,
    )


def _spells(
    dice: random.Random, busy: float, modes: tuple[str, ...], longest: float
) -> tuple[Spell, ...]:
    """A few sick times that do not overlap; most are short."""
    found: list[Spell] = []
    at = dice.uniform(0, busy / 2)
    for _ in range(dice.randint(1, 3)):
        length = min(longest, dice.lognormvariate(8.0, 1.6))
        if at + length > busy:
            break
        found.append(Spell(at, at + length, dice.choice(modes)))
        at += length + dice.uniform(60, busy / 3)
    return tuple(found)

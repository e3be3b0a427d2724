"""A backend takes requests for a day and answers none: who notices? ``python -m tests.simulation.blackhole``."""

from __future__ import annotations

import argparse
import asyncio
import statistics

import msgspec

from gateway.domain.draft import Draft, ThreadRef
from gateway.domain.message import Address
from tests.simulation.oracle import Said
from tests.simulation.plan import HOUR, Plan
from tests.simulation.weather import Spell
from tests.simulation.world import World

SICK, WELL = "backend/ideal", "backend/search"
BEGINS, LASTS, ENDS = 1 * HOUR, 24 * HOUR, 26 * HOUR


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What one world shows; seconds.

    Args:
        intake, well: 99th percentiles, of acknowledgements and at the backend that is well.
        backlog: messages that waited for the sick backend at its worst moment.
        probes: requests it got while it answered none.
        drained: seconds after its recovery until nothing waited any more.
        most: requests that it had to answer at once, at any time.
        first_minute: requests it got within a minute of its recovery's being noticed.
    """

    messages: int
    intake: float
    well: float
    backlog: int
    probes: int
    drained: float
    most: int
    first_minute: int


class Steady:
    """Somebody writes in chat rooms all the time, in some of them more than once."""

    def __init__(self, world: World, every: float) -> None:
        self._world, self._every = world, every
        self.waits: list[float] = []

    async def write(self) -> None:
        """Write until an hour after the trouble ends, each message once the last one is through."""
        number = 0
        while self._world.loop.time() < ENDS:
            await asyncio.sleep(self._world.dice.expovariate(1 / self._every))
            number += 1
            self._world.spawn(self._say(f"m{number}", f"room-{number - number % 3}"))

    async def _say(self, marker: str, room: str) -> None:
        draft = Draft(
            author=Address(scheme="chat", value="alice"), proof="asserted", language="en",
            text=f"{marker * 9} [{marker}]", thread=ThreadRef(native_id=room, admits_sender=True),
        )  # fmt: skip
        self._world.oracle.truth[marker] = Said(
            marker=marker, person="alice", places=(f"chat/{marker}",), lane=room, thread=room
        )
        began = self._world.loop.time()
        await self._world.crowd.send("chat", marker, room, draft)
        self.waits.append(self._world.loop.time() - began)


def live(*, sick: bool, every: float, seed: int = 1) -> Figures:
    """Let a world live, with a sick backend or without."""
    hole: tuple[Spell, ...] = (Spell(BEGINS, BEGINS + LASTS, "black"),)
    spells = {SICK: hole if sick else ()}
    calm = Plan(
        hours=40.0, people=0, messages=0, answers=0, poison=0, lossy=0, amnesia=0, kill=0,
        redelivered=0, forgotten=0, idle=2 * HOUR, spells=spells,
    )  # fmt: skip
    world = World(calm, seed=seed)
    steady = Steady(world, every)
    world.also.append(steady.write)
    world.run()
    return _figures(world, steady)


def _figures(world: World, steady: Steady) -> Figures:
    oracle, recovered = world.oracle, BEGINS + LASTS
    took = {
        target: {
            marker: (oracle.arrived[f"chat/{marker}"], at)
            for (where, marker), at in oracle.first.items()
            if where == target
        }
        for target in (SICK, WELL)
    }
    lateness = [at - stored for stored, at in took[WELL].values()]
    ends = [at for stored, at in took[SICK].values() if stored < recovered]
    asked = world.loads[SICK].began
    again = min((at for at in ends if at >= recovered), default=recovered)
    return Figures(
        messages=len(oracle.truth),
        intake=_p99(steady.waits),
        well=_p99(lateness),
        backlog=sum(1 for at in ends if at >= recovered),
        probes=sum(1 for at in asked if BEGINS <= at < recovered),
        drained=max(ends) - recovered,
        most=world.loads[SICK].most,
        first_minute=sum(1 for at in asked if again <= at < again + 60),
    )


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def table(quiet: Figures, sick: Figures) -> str:
    """Both worlds side by side."""
    rows = [
        ("messages", quiet.messages, sick.messages, ""),
        ("p99 of acknowledgements, ms", *_change(quiet.intake, sick.intake)),
        ("p99 at the other backend, ms", *_change(quiet.well, sick.well)),
        ("waiting when it recovers", quiet.backlog, sick.backlog, ""),
        ("requests it got meanwhile", quiet.probes, sick.probes, ""),
        ("drained after, s", "", f"{sick.drained:.0f}", ""),
        ("most requests at once", quiet.most, sick.most, "limit 4"),
        ("requests in the first minute", quiet.first_minute, sick.first_minute, ""),
    ]
    head = f"{'':32}{'well':>10}{'black hole':>12}"
    return "\n".join([head, *(f"{what:32}{a!s:>10}{b!s:>12}  {c}" for what, a, b, c in rows)])


def _change(before: float, after: float) -> tuple[str, str, str]:
    return f"{before * 1000:.1f}", f"{after * 1000:.1f}", f"{(after / before - 1) * 100:+.1f} %"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.blackhole", description=__doc__
    )
    parser.add_argument("--every", type=float, default=60.0, help="seconds between messages")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    quiet, sick = (live(sick=one, every=asked.every, seed=asked.seed) for one in (False, True))
    print(table(quiet, sick))

"""One world from its beginning to its end, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from tests.simulation.oracle import Broken
from tests.simulation.plan import plan
from tests.simulation.world import World


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a world.

    Args:
        digest: hash of everything that happened; the same seed gives the same.
        broken: what broke, the last lines of the trace, and how to see it again; empty if nothing.
        said: how many messages and answers there were.
        seconds: processor time it took.
    """

    seed: int
    digest: str
    broken: str = ""
    said: int = 0
    seconds: float = 0.0


def simulate(seed: int, hours: float = 80.0, show: Callable[[str], None] | None = None) -> Ended:
    """Let a world live to its end, or until a promise is broken.

    Args:
        show: is given every line of the trace.
    """
    began = time.process_time()
    world, broken = World(plan(seed, hours), seed=seed, show=show), ""
    try:
        world.run()
    except Broken as error:
        again = f"python -m tests.simulation --seed {seed} --hours {hours:g} --trace"
        broken = f"seed {seed}: {error}\nto see it again: {again}"
    return Ended(
        seed=seed, digest=world.trace.digest, broken=broken, said=len(world.oracle.truth),
        seconds=time.process_time() - began,
    )  # fmt: skip

"""What a message costs in processor time when many were stored before, over an empty store.

Each store has a gateway of its own; they take turns, and the first turn only warms them up.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from bench.figures import Figure, Options, Series, median
from bench.history import fill
from bench.process import Running, free_port, gateway, server
from bench.requests import said, send_all
from bench.setup import DELIVERED, MESSAGE, config_of

STORED = (0, 100_000, 1_000_000)
GOALS = {100_000: None, 1_000_000: 1.10}
MESSAGES, SENDERS = 1500, 500


class Turn(msgspec.Struct, frozen=True):
    """What a message cost in one turn: milliseconds of one processor, and of time."""

    processor: float
    wall: float


async def run(options: Options) -> tuple[list[Figure], list[Series]]:
    """Measure with each history; the scale says how long they are."""
    stored = [int(one * options.scale) for one in STORED]
    turns: list[list[Turn]] = [[] for _ in stored]
    async with AsyncExitStack() as stack:
        sink = await stack.enter_async_context(server("bench.sink_server"))
        gateways = []
        for one in stored:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            (folder / "data").mkdir()
            await fill(f"sqlite:///{folder}/data/gateway.db", folder / "data", "messages", one)
            web = free_port()
            config = config_of(web, sink)
            gateways.append(await stack.enter_async_context(gateway(folder, config, web)))
        for number in range((options.rounds or 4) + 1):
            for place, running in enumerate(gateways):
                turn = await _turn(running, place, number)
                if number:
                    turns[place].append(turn)
    return _figures(stored, turns)


async def _turn(one: Running, place: int, number: int) -> Turn:
    used, began = one.processor, time.perf_counter()
    first = number * MESSAGES
    bodies = (
        said(f"{place}-{first + n}", (first + n) % SENDERS, first + n) for n in range(MESSAGES)
    )
    await send_all(one.port, MESSAGE, bodies, 32)
    await one.reaches(DELIVERED, first + MESSAGES)
    return Turn(
        (one.processor - used) / MESSAGES * 1000, (time.perf_counter() - began) / MESSAGES * 1000
    )


def _figures(stored: list[int], turns: list[list[Turn]]) -> tuple[list[Figure], list[Series]]:
    figures = [
        median("empty store: processor time a message", [t.processor for t in turns[0]], unit="ms")
    ]
    for usual, many, theirs in list(zip(STORED, stored, turns, strict=True))[1:]:
        pairs = list(zip(theirs, turns[0], strict=True))
        name = f"{many:,} stored over none"
        figures += [
            median(f"{name}: processor time", [a.processor / b.processor for a, b in pairs],
                   goal=GOALS[usual] if many == usual else None, at_most=True),
            median(f"{name}: time", [a.wall / b.wall for a, b in pairs],
                   goal=1.5 if many == STORED[-1] else None, at_most=True),
        ]  # fmt: skip
    points = [
        (float(many), statistics.median(t.processor for t in theirs))
        for many, theirs in zip(stored, turns, strict=True)
    ]
    line = Series(name="cost and history", x="messages stored", y="ms of one processor", points=points)  # fmt: skip
    return figures, [line]

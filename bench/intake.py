"""Durable webhook intake over a bare aiohttp handler, at 64 and 256 connections.

Bursts of a second alternate between the two servers, and a ratio is a burst over the mean of its
two bare neighbours. Every acknowledged request is on disk. It is asked twice: with the work on what
was acknowledged held until the burst is over, and while one process does both. What was
acknowledged is worked on before the next burst, so that it takes nothing from the bare handler.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.figures import Figure, Options, Series, median
from bench.process import Running, server
from bench.requests import burst
from bench.setup import DONE, MESSAGE, hooked, post

GOALS = {"sqlite": {64: 0.60, 256: 0.80}, "postgresql": {64: 0.60}}
ROUNDS = 5
_HOLDING = f"""
[plugins.holding]
path = "{Path(__file__).with_name("holding.py")}"
"""


async def run(options: Options) -> tuple[list[Figure], list[Series]]:
    """Measure at each number of connections."""
    figures: list[Figure] = []
    rounds = options.rounds or options.amount(ROUNDS)
    async with (
        hooked(options.engine, more=_HOLDING) as gateway,
        server("bench.bare_server") as bare,
    ):
        for connections in (64, 256):
            goal = GOALS[options.engine].get(connections)
            for held in (True, False):
                figures += await _alternate(
                    gateway, bare, connections, rounds, held, goal if held else None
                )
    return figures, []


async def _alternate(
    gateway: Running, bare: int, connections: int, rounds: int, held: bool, goal: float | None
) -> list[Figure]:
    await _burst(gateway, connections, held)
    bares = [await burst(bare, b"/message", connections)]
    ratios, rates, processor = [], [], []
    for _ in range(rounds):
        rate, used = await _burst(gateway, connections, held)
        rates.append(rate)
        processor.append(used)
        bares.append(await burst(bare, b"/message", connections))
        ratios.append(rate / ((bares[-2] + bares[-1]) / 2))
    name = f"{connections} connections, {'work held' if held else 'while worked on'}:"
    spent = (
        "a burst, of one processor an acknowledgement"
        if held
        else "with the work, of one processor"
    )
    return [
        median(f"{name} durable acknowledgements over the bare handler", ratios, goal=goal),
        median(f"{name} acknowledged", rates, unit="a second"),
        median(f"{name} the bare handler", bares, unit="a second"),
        median(f"{name} {spent}", processor, unit="ms"),
    ]


async def _burst(gateway: Running, connections: int, held: bool) -> tuple[float, float]:
    """Send for a second, and wait until all of it is worked on.

    Returns:
        How much was acknowledged, and milliseconds of one processor for each: until the end of the
        burst if the work is held, else with the work.
    """
    before, used = await gateway.metric(DONE), gateway.processor
    if held:
        async with _held(gateway):
            rate = await burst(gateway.port, MESSAGE, connections)
            spent = gateway.processor - used
        await gateway.reaches(DONE, before + rate, pause=0.25)
    else:
        rate = await burst(gateway.port, MESSAGE, connections)
        await gateway.reaches(DONE, before + rate, pause=0.25)
        spent = gateway.processor - used
    return rate, spent / rate * 1000


@asynccontextmanager
async def _held(gateway: Running) -> AsyncGenerator[None]:
    await post(gateway.port, "plugins/holding/shut")
    yield
    await post(gateway.port, "plugins/holding/open")

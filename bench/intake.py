"""Durable webhook intake over a bare aiohttp handler, at 64 and 256 connections.

Bursts of a second alternate between the two servers, and a ratio is a burst over the mean of its
two bare neighbours. Every acknowledged request is on disk; what was acknowledged is worked on
before the next burst, so that it takes nothing from the bare handler.
"""

from __future__ import annotations

from bench.figures import Figure, Options, Series, median
from bench.process import Running, server
from bench.requests import burst
from bench.setup import DONE, MESSAGE, hooked

GOALS = {"sqlite": {64: 0.60, 256: 0.80}, "postgresql": {64: 0.60}}


async def run(options: Options) -> tuple[list[Figure], list[Series]]:
    """Measure at each number of connections."""
    figures: list[Figure] = []
    rounds = options.rounds or options.amount(8)
    async with hooked(options.engine) as gateway, server("bench.bare_server") as bare:
        for connections in (64, 256):
            figures += await _alternate(gateway, bare, connections, rounds, options.engine)
    return figures, []


async def _alternate(
    gateway: Running, bare: int, connections: int, rounds: int, engine: str
) -> list[Figure]:
    await _burst(gateway, connections)
    bares = [await burst(bare, b"/message", connections)]
    ratios, rates, processor = [], [], []
    for _ in range(rounds):
        used = gateway.processor
        rates.append(await _burst(gateway, connections))
        processor.append((gateway.processor - used) / rates[-1] * 1000)
        bares.append(await burst(bare, b"/message", connections))
        ratios.append(rates[-1] / ((bares[-2] + bares[-1]) / 2))
    name = f"{connections} connections:"
    goal = GOALS[engine].get(connections)
    return [
        median(f"{name} durable acknowledgements over the bare handler", ratios, goal=goal),
        median(f"{name} acknowledged", rates, unit="a second"),
        median(f"{name} the bare handler", bares, unit="a second"),
        median(f"{name} acknowledged and worked on, of one processor", processor, unit="ms"),
    ]


async def _burst(gateway: Running, connections: int) -> float:
    before = await gateway.metric(DONE)
    rate = await burst(gateway.port, MESSAGE, connections)
    await gateway.reaches(DONE, before + rate, pause=0.25)
    return rate

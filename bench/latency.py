"""From a webhook to the delivery at an instant backend, one message at a time."""

from __future__ import annotations

import asyncio
import statistics
import time

from bench.figures import Figure, Options, Series
from bench.process import server
from bench.requests import said, send_all
from bench.setup import MESSAGE, hooked, reached

MESSAGES, PAUSE = 400, 0.02


async def run(options: Options) -> tuple[list[Figure], list[Series]]:
    """Measure message after message, with a pause between them."""
    acknowledged, delivered = [], []
    messages = options.amount(MESSAGES) * (options.rounds or 1)
    async with server("bench.sink_server") as sink, hooked(options.engine, sink=sink) as gateway:
        for number in range(-20, messages):
            began = time.monotonic()
            await send_all(gateway.port, MESSAGE, iter([said(f"{number}", number + 50, number)]), 1)
            ended = time.monotonic()
            taken = await reached(sink, number + 21, pause=0.005)
            if number >= 0:  # the first ones warm everything up
                acknowledged.append((ended - began) * 1000)
                delivered.append((taken.newest - began) * 1000)
            await asyncio.sleep(PAUSE)
    figures = []
    for name, took, goal in (
        ("acknowledged", acknowledged, None),
        ("delivered", delivered, 25.0),
    ):
        cuts = statistics.quantiles(took, n=100)
        figures += [
            Figure(name=f"arrival to {name}, p50", value=cuts[49], unit="ms"),
            Figure(name=f"arrival to {name}, p99", value=cuts[98], unit="ms", goal=goal, at_most=True),
        ]  # fmt: skip
    return figures, []

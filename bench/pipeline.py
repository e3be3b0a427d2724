"""Everything, sustained: webhook messages acknowledged, worked on and delivered, over the bare handler.

A number of messages from 64 connections is followed until the last is delivered to an instant
backend; bursts against the bare handler stand before and after it.
"""

from __future__ import annotations

import itertools
import time

from bench.figures import Figure, Options, Series, median
from bench.process import server
from bench.requests import burst, said, send_all
from bench.setup import DELIVERED, MESSAGE, counts, hooked

CONNECTIONS, MESSAGES, SENDERS = 64, 4000, 1000
GOALS = {"sqlite": 0.25, "postgresql": None}


async def run(options: Options) -> tuple[list[Figure], list[Series]]:
    """Measure some rounds on one gateway, whose conversations go on from round to round."""
    ratios, rates, processor = [], [], []
    messages = options.amount(MESSAGES)
    async with (
        server("bench.sink_server") as sink,
        server("bench.bare_server") as bare,
        hooked(options.engine, sink=sink) as gateway,
    ):
        bares = [await burst(bare, b"/message", CONNECTIONS)]
        for number in range(options.rounds or 3):
            used, began = gateway.processor, time.perf_counter()
            bodies = (
                said(f"{number}-{n}", n % SENDERS, number * messages + n) for n in range(messages)
            )
            sent = await send_all(gateway.port, MESSAGE, bodies, CONNECTIONS)
            if sent != messages:
                raise RuntimeError(f"only {sent} of {messages} were acknowledged")
            await gateway.reaches(DELIVERED, (number + 1) * messages)
            rates.append(messages / (time.perf_counter() - began))
            processor.append((gateway.processor - used) / messages * 1000)
            bares.append(await burst(bare, b"/message", CONNECTIONS))
        taken = await counts(sink)
    pairs = itertools.pairwise(bares)
    ratios = [rate / ((a + b) / 2) for rate, (a, b) in zip(rates, pairs, strict=True)]
    return [
        median("acknowledged, worked on and delivered over the bare handler", ratios,
               goal=GOALS[options.engine]),
        median("acknowledged, worked on and delivered", rates, unit="a second"),
        median("the bare handler", bares, unit="a second"),
        median("processor time a message", processor, unit="ms"),
        Figure(name="deliveries out of order", value=taken.inversions, unit="messages", goal=0, at_most=True),
        Figure(name="deliveries doubled", value=taken.doubled, unit="messages", goal=0, at_most=True),
    ], []  # fmt: skip

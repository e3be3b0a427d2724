"""Draining the outbox over a plain aiohttp client that does the same from memory.

Deliveries of 300 conversations pile up while the backend is shut, and are timed from the moment
it opens; the client sends as many, with the same bodies, the same number under way at once and the
same order in each conversation.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

import aiohttp
import msgspec

from bench.figures import Figure, Options, Series, median
from bench.plugin import Poster, sent
from bench.process import server
from bench.requests import said, send_all
from bench.setup import DELIVERED, DONE, MESSAGE, counts, hooked, reached, switch

JOBS, CONVERSATIONS = 4000, 300
GOALS = {"sqlite": 0.85, "postgresql": 0.75}


async def run(options: Options) -> tuple[list[Figure], list[Series]]:
    """Measure rounds of the client and of the gateway in turns."""
    jobs, rounds = options.amount(JOBS), options.rounds or 3
    async with (
        server("bench.sink_server") as sink,
        server("bench.sink_server") as other,
        hooked(options.engine, sink=sink) as gateway,
    ):
        plain, ours, processor = [await _client(other, jobs, 0)], [], []
        for number in range(rounds):
            await switch(sink, "shut")
            bodies = (
                said(f"{number}-{n}", n % CONVERSATIONS, number * jobs + n) for n in range(jobs)
            )
            await send_all(gateway.port, MESSAGE, bodies, 64)
            await gateway.reaches(DONE, (number + 1) * jobs)
            used = gateway.processor
            began = await switch(sink, "open")
            ours.append(
                jobs / ((await reached(sink, (number + 1) * jobs, pause=0.1)).newest - began)
            )
            await gateway.reaches(DELIVERED, (number + 1) * jobs)
            processor.append((gateway.processor - used) / jobs * 1000)
            plain.append(await _client(other, jobs, number + 1))
        taken = await counts(sink)
    ratios = [
        rate / ((before + after) / 2)
        for rate, before, after in zip(ours, plain, plain[1:], strict=False)
    ]
    return [
        median("outbox over a plain client in memory", ratios, goal=GOALS[options.engine]),
        median("delivered", ours, unit="a second"),
        median("the plain client", plain, unit="a second"),
        median("processor time a delivery", processor, unit="ms"),
        Figure(name="deliveries out of order", value=taken.inversions, unit="messages", goal=0, at_most=True),
        Figure(name="deliveries doubled", value=taken.doubled, unit="messages", goal=0, at_most=True),
    ], []  # fmt: skip


async def _client(sink: int, jobs: int, number: int) -> float:
    """Send so many from memory; gives how many a second."""
    text = msgspec.json.decode(said("", 0, 0))["text"]
    lanes = [deque[bytes]() for _ in range(CONVERSATIONS)]
    for n in range(jobs):
        body = sent(
            f"gw-default-msg_{number}-{n}-forward-sink",
            f"conv_{n % CONVERSATIONS}",
            f"{n}{text[1:]}",
        )
        lanes[n % CONVERSATIONS].append(msgspec.json.encode(body))  # fmt: skip
    ready = deque(lanes)

    async def work(session: aiohttp.ClientSession) -> None:
        while ready:
            lane = ready.popleft()
            async with session.post(f"http://127.0.0.1:{sink}/", data=lane.popleft()) as response:
                await response.read()
            if lane:
                ready.append(lane)

    began = time.perf_counter()
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(work(session) for _ in range(Poster.capabilities.concurrency)))
    return jobs / (time.perf_counter() - began)

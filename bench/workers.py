"""1, 2 and 4 processes on PostgreSQL, with a backend that takes 100 ms to answer.

What is measured is the outbox: deliveries pile up while the backend is shut, and are timed from the
moment it opens. Each number of processes has a gateway on a database of its own; they take turns.
"""

from __future__ import annotations

import statistics

from bench.figures import Figure, Options, Series, median
from bench.process import server
from bench.requests import said, send_all
from bench.setup import MESSAGE, hooked, reached, switch

WORKERS = (1, 2, 4)
GOALS = {2: 1.9, 4: 3.5}
JOBS, CONVERSATIONS, DELAY = 2000, 500, 0.1
# What the store holds, so that whichever process answers speaks for all of them.
UNFINISHED = "gateway_deliveries{"


async def run(options: Options) -> tuple[list[Figure], list[Series]]:
    """Measure each number of processes, in some rounds."""
    rates: dict[int, list[float]] = {workers: [] for workers in WORKERS}
    inversions = doubled = 0
    for _ in range(options.rounds or 2):
        for workers in WORKERS:
            rate, wrong, twice = await _drain(workers, options.amount(JOBS))
            rates[workers].append(rate)
            inversions, doubled = inversions + wrong, doubled + twice
    figures = [median("1 process: delivered", rates[1], unit="a second")]
    for workers in WORKERS[1:]:
        ratios = [many / one for many, one in zip(rates[workers], rates[1], strict=True)]
        figures.append(median(f"{workers} processes over one", ratios, goal=GOALS[workers]))
    figures += [
        Figure(name="deliveries out of order", value=inversions, unit="messages", goal=0, at_most=True),
        Figure(name="deliveries doubled", value=doubled, unit="messages", goal=0, at_most=True),
    ]  # fmt: skip
    points = [(float(workers), statistics.median(rates[workers])) for workers in WORKERS]
    return figures, [Series(name="processes", x="processes", y="delivered a second", points=points)]


async def _drain(workers: int, jobs: int) -> tuple[float, int, int]:
    """Deliveries a second, and how many were out of order and doubled."""
    arguments = ("--workers", str(workers)) if workers > 1 else ()
    async with (
        server("bench.sink_server", DELAY) as sink,
        hooked("postgresql", *arguments, sink=sink) as gateway,
    ):
        await switch(sink, "shut")
        bodies = (said(str(n), n % CONVERSATIONS, n) for n in range(jobs))
        await send_all(gateway.port, MESSAGE, bodies, 32)
        await gateway.reaches(UNFINISHED, jobs, pause=0.5)
        began = await switch(sink, "open")
        taken = await reached(sink, jobs, pause=0.2)
        return jobs / (taken.newest - began), taken.inversions, taken.doubled

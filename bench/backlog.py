"""Many arrivals waiting: memory, the time to ready after a restart, the time to stop while at work."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from bench.figures import Figure, Options, Series
from bench.history import fill
from bench.process import free_port, gateway, server
from bench.setup import DONE, config_of

WAITING, LOOKS, BETWEEN = 1_000_000, 20, 1.0


async def run(options: Options) -> tuple[list[Figure], list[Series]]:
    """Fill a journal, start a gateway on it, watch it work for a while, and stop it."""
    waiting = options.amount(WAITING)
    points: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        await fill(f"sqlite:///{folder}/data/gateway.db", folder / "data", "arrivals", waiting)
        async with server("bench.sink_server") as sink:
            web = free_port()
            async with gateway(folder, config_of(web, sink), web) as running:
                used = running.processor
                for look in range(LOOKS):
                    points.append((look * BETWEEN, running.mebibytes))
                    await asyncio.sleep(BETWEEN)
                done = await running.metric(DONE)
                cost = (running.processor - used) / done * 1000 if done else 0.0
    name = f"{waiting:,} waiting"
    return [
        Figure(name=f"{name}: memory at most", value=max(y for _, y in points), unit="MiB",
               goal=300, at_most=True),
        Figure(name=f"{name}: start to ready", value=running.started, unit="s", goal=3, at_most=True),
        Figure(name=f"{name}: stop while at work", value=running.stopped, unit="s", goal=10, at_most=True),
        Figure(name=f"{name}: worked on meanwhile", value=done / (LOOKS * BETWEEN), unit="a second"),
        Figure(name=f"{name}: processor time a message", value=cost, unit="ms"),
    ], [Series(name="memory while the backlog is worked on", x="seconds", y="MiB", points=points)]  # fmt: skip

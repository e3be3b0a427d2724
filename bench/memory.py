"""Memory of a gateway: with nothing to do, after many messages, and after large mails."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from bench.figures import Figure, Options, Series
from bench.lmtp import send_all as send_mails
from bench.mail2ticket import CONFIG, DELIVERED
from bench.mails import mails
from bench.process import Running, free_port, gateway

SMALL, LARGE = 3000, 24
LARGE_SIZE = 5 * 1024 * 1024


async def run(options: Options) -> tuple[list[Figure], list[Series]]:
    """Measure after each step, with the worker process that reads large mail."""
    web, lmtp = free_port(), free_port()
    small, large = options.amount(SMALL), options.amount(LARGE)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        async with gateway(Path(folder), CONFIG.format(web=web, lmtp=lmtp), web) as running:
            await asyncio.sleep(1)
            figures.append(Figure(name="nothing to do", value=running.mebibytes, unit="MiB"))
            most = await _highest(running, lmtp, mails(small, 5 * 1024, 1), small)
            figures.append(
                Figure(name=f"during {small:,} mails of 5 KiB, highest", value=most, unit="MiB")
            )
            figures.append(Figure(name="after them", value=running.mebibytes, unit="MiB"))
            most = await _highest(running, lmtp, mails(large, LARGE_SIZE, 2), small + large)
            figures.append(
                Figure(name=f"during {large} mails of 5 MiB, highest", value=most, unit="MiB")
            )
            figures.append(Figure(name="after all", value=running.mebibytes, unit="MiB"))
    return figures, []


async def _highest(running: Running, lmtp: int, batch: list[bytes], done: int) -> float:
    async def deliver() -> None:
        await send_mails(lmtp, batch, connections=4)
        await running.reaches(DELIVERED, done, pause=0.25)

    delivering = asyncio.create_task(deliver())
    highest = 0.0
    while not delivering.done():
        highest = max(highest, running.mebibytes)
        await asyncio.sleep(0.05)
    await delivering
    return highest

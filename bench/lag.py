"""How long others wait while large mails come in: GET /livez during mails of 5 MiB over LMTP."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import aiohttp

from bench.figures import Figure, Options, Series
from bench.lmtp import send_all
from bench.mail2ticket import CONFIG, DELIVERED
from bench.mails import mails
from bench.process import Running, free_port, gateway

SIZE = 5 * 1024 * 1024
PAUSE = 0.005
QUIET_REQUESTS = 400


async def run(options: Options) -> tuple[list[Figure], list[Series]]:
    """Measure with nothing to do, and while mails come in by two connections and are parsed."""
    web, lmtp = free_port(), free_port()
    count = options.amount(16)
    quiet: list[float] = []
    busy: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        async with gateway(Path(folder), CONFIG.format(web=web, lmtp=lmtp), web) as running:
            for number in range(1, (options.rounds or 3) + 1):
                quiet += await _ask(web, lambda asked: asked >= QUIET_REQUESTS)
                sender = await _sender(lmtp, number, count)
                sending = asyncio.create_task(_send(sender, running, number * count))
                busy += await _ask(web, partial(_is_done, sending))
                await sending
    return [
        *_figures("nothing to do", quiet, None),
        *_figures("while mails of 5 MiB come in", busy, 10.0),
    ], []


def _is_done(sending: asyncio.Task[None], _asked: int) -> bool:
    return sending.done()


async def _sender(lmtp: int, number: int, count: int) -> asyncio.subprocess.Process:
    """Start a process that has the mails ready, so that its own work is not measured."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.lag", str(lmtp), str(number), str(count),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    if process.stdout is None or await process.stdout.readline() != b"ready\n":
        raise RuntimeError("the mails could not be made")
    return process


async def _send(sender: asyncio.subprocess.Process, running: Running, made: int) -> None:
    await sender.communicate(b"go\n")
    if sender.returncode:
        raise RuntimeError("the mails could not be sent")
    await running.reaches(DELIVERED, made, pause=0.25)


async def _ask(port: int, enough: Callable[[int], bool]) -> list[float]:
    took: list[float] = []
    async with aiohttp.ClientSession() as session:
        while not enough(len(took)):
            began = time.perf_counter()
            async with session.get(f"http://127.0.0.1:{port}/livez") as response:
                await response.read()
            took.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(PAUSE)
    return took


def _figures(name: str, took: list[float], goal: float | None) -> list[Figure]:
    cuts = statistics.quantiles(took, n=100)
    return [
        Figure(name=f"{name}: GET /livez, p50", value=cuts[49], unit="ms"),
        Figure(name=f"{name}: GET /livez, p99", value=cuts[98], unit="ms", goal=goal, at_most=True),
    ]


if __name__ == "__main__":
    _port, _number, _count = map(int, sys.argv[1:])
    _batch = mails(_count, SIZE, _number)
    print("ready", flush=True)
    sys.stdin.readline()
    asyncio.run(send_all(_port, _batch, connections=2))

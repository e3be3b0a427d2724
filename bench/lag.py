"""How long others wait while large mails come in: GET /livez during mails of 5 MiB over LMTP."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from bench.lmtp import send_all
from bench.mail2ticket import CONFIG, delivered
from bench.mails import mails
from bench.process import free_port, gateway

SIZE = 5 * 1024 * 1024
PAUSE = 0.005
QUIET_REQUESTS = 400


async def run(*, rounds: int, scale: float, peers: bool) -> dict[str, Any]:
    """Measure with nothing to do, and while mails come in by two connections and are parsed."""
    del peers
    web, lmtp = free_port(), free_port()
    count = int(16 * scale) or 1
    quiet: list[float] = []
    busy: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        async with gateway(Path(folder), CONFIG.format(web=web, lmtp=lmtp), web):
            for number in range(1, (rounds or 3) + 1):
                quiet += await _ask(web, lambda asked: asked >= QUIET_REQUESTS)
                sender = await _sender(lmtp, number, count)
                sending = asyncio.create_task(_send(sender, web, number * count))
                busy += await _ask(web, lambda _, sending=sending: sending.done())
                await sending
    return {
        "nothing to do: answer p50 and p99, ms": _shown(quiet),
        "while mails of 5 MiB come in: answer p50 and p99, ms": _shown(busy),
    }


async def _sender(lmtp: int, number: int, count: int) -> asyncio.subprocess.Process:
    """Start a process that has the mails ready, so that its own work is not measured."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.lag", str(lmtp), str(number), str(count),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    if process.stdout is None or await process.stdout.readline() != b"ready\n":
        raise RuntimeError("the mails could not be made")
    return process


async def _send(sender: asyncio.subprocess.Process, web: int, made: int) -> None:
    await sender.communicate(b"go\n")
    if sender.returncode:
        raise RuntimeError("the mails could not be sent")
    await delivered(web, made, pause=0.25)


async def _ask(port: int, enough: Any) -> list[float]:
    took: list[float] = []
    async with aiohttp.ClientSession() as session:
        while not enough(len(took)):
            began = time.perf_counter()
            async with session.get(f"http://127.0.0.1:{port}/livez") as response:
                await response.read()
            took.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(PAUSE)
    return took


def _shown(took: list[float]) -> str:
    cuts = statistics.quantiles(took, n=100)
    return f"{cuts[49]:.1f} and {cuts[98]:.1f} ({len(took)} requests)"


if __name__ == "__main__":
    _port, _number, _count = map(int, sys.argv[1:])
    _batch = mails(_count, SIZE, _number)
    print("ready", flush=True)
    sys.stdin.readline()
    asyncio.run(send_all(_port, _batch, connections=2))

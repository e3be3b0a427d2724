"""Mail by LMTP becomes a ticket in the desk: 2,000 plain mails of 5 KiB and 200 of 50 KiB.

Peers read the first mails of the same batch in the same round, and what only their start costs is
taken off. Processor time counts the gateway's whole process and is what other load on the machine
disturbs least.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from bench import peers as other
from bench.lmtp import send_all
from bench.mails import mails
from bench.process import free_port, gateway, processor_seconds

CONFIG = """
[gateway]
log_level = "warning"
[web]
listen = "127.0.0.1:{web}"
[plugins.email]
[plugins.desk]
[backends.desk]
type = "desk"
[channels.support]
type = "email"
address = "support@example.com"
[channels.support.lmtp]
port = {lmtp}
"""
CONNECTIONS = 16
PEER_MAILS = 61
SETTLE_SECONDS = 3.0  # the language models are read after the start


class Figures(NamedTuple):
    """What a number of mails took.

    Args:
        acknowledged, delivered: seconds until all of them were.
        processor: seconds of one processor that the gateway used.
    """

    mails: int
    acknowledged: float
    delivered: float
    processor: float


async def run(*, rounds: int, scale: float, peers: bool) -> dict[str, Any]:
    """Measure, and compare with peers on the same mails if they are asked for."""
    figures: dict[str, Any] = {}
    small, large = int(2000 * scale), int(200 * scale)
    for number in range(1, (rounds or 1) + 1):
        batch = mails(small, 5 * 1024, number)
        ours = await _measure(batch)
        figures |= _own(f"round {number}: plain mails of 5 KiB", ours)
        if peers:
            sample = batch[:PEER_MAILS]
            for name, took in (await asyncio.to_thread(other.measure, sample)).items():
                figures |= _over(f"round {number}: over {name}", ours, took)
        files = mails(large, 50 * 1024, 50 + number, html=True)
        figures |= _own(f"round {number}: mails of 50 KiB with a file", await _measure(files))
    return figures


def _own(name: str, took: Figures) -> dict[str, Any]:
    return {
        f"{name}, to tickets, a second": round(took.mails / took.delivered),
        f"{name}, acknowledged, a second": round(took.mails / took.acknowledged),
        f"{name}, ms of one processor": round(took.processor / took.mails * 1000, 2),
    }


def _over(name: str, ours: Figures, theirs: other.Figures) -> dict[str, Any]:
    rate, processor = theirs.seconds / theirs.mails, theirs.processor / theirs.mails
    return {
        f"{name}, tickets a second": (
            f"{rate * ours.mails / ours.delivered:.1f} x ({1 / rate:.1f} a second)"
        ),
        f"{name}, processor time a mail": (
            f"{processor * ours.mails / ours.processor:.1f} x ({processor * 1000:.1f} ms)"
        ),
    }


async def _measure(batch: list[bytes]) -> Figures:
    web, lmtp = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = CONFIG.format(web=web, lmtp=lmtp)
        async with gateway(Path(folder), config, web) as process:
            await asyncio.sleep(SETTLE_SECONDS)
            used, began = processor_seconds(process), time.perf_counter()
            await send_all(lmtp, batch, connections=CONNECTIONS)
            acknowledged = time.perf_counter() - began
            await delivered(web, len(batch))
            return Figures(
                mails=len(batch),
                acknowledged=acknowledged,
                delivered=time.perf_counter() - began,
                processor=processor_seconds(process) - used,
            )


async def delivered(port: int, count: int, *, pause: float = 0.05) -> None:
    """Wait until so many deliveries reached the desk."""
    wanted = 'gateway_delivery_seconds_count{target="backend/desk"}'
    async with aiohttp.ClientSession() as session, asyncio.timeout(300):
        while True:
            async with session.get(f"http://127.0.0.1:{port}/metrics") as response:
                text = await response.text()
            for line in text.splitlines():
                if line.startswith(wanted) and float(line.rpartition(" ")[2]) >= count:
                    return
            await asyncio.sleep(pause)

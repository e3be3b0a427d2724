"""Mail by LMTP becomes a ticket in the desk: 2,000 mails of 5 KiB and 200 of 50 KiB."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from bench import peers as other
from bench.lmtp import send_all
from bench.mails import mails
from bench.process import free_port, gateway

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


async def run(*, rounds: int, scale: float, peers: bool) -> dict[str, Any]:
    """Measure, and compare with peers on the same mails if they are asked for."""
    figures: dict[str, Any] = {}
    small, large = int(2000 * scale), int(200 * scale)
    for number in range(rounds or 1):
        rate5, ack5 = await _measure(small, 5 * 1024, 10 + number)
        rate50, ack50 = await _measure(large, 50 * 1024, 50 + number)
        figures[f"round {number + 1}: mails of 5 KiB to tickets, a second"] = round(rate5)
        figures[f"round {number + 1}: of these acknowledged, a second"] = round(ack5)
        figures[f"round {number + 1}: mails of 50 KiB to tickets, a second"] = round(rate50)
        figures[f"round {number + 1}: of these acknowledged, a second "] = round(ack50)
        if peers:
            sample = mails(100, 5 * 1024, 90 + number)
            for name, rate in (await asyncio.to_thread(other.measure, sample)).items():
                figures[f"round {number + 1}: over {name}, mails of 5 KiB"] = (
                    f"{rate5 / rate:.0f} x ({rate:.1f} a second)"
                )
    return figures


async def _measure(count: int, size: int, seed: int) -> tuple[float, float]:
    web, lmtp = free_port(), free_port()
    batch = mails(count, size, seed)
    with tempfile.TemporaryDirectory() as folder:
        config = CONFIG.format(web=web, lmtp=lmtp)
        async with gateway(Path(folder), config, web):
            began = time.perf_counter()
            await send_all(lmtp, batch, connections=CONNECTIONS)
            acked = time.perf_counter() - began
            await _delivered(web, count)
            took = time.perf_counter() - began
    return count / took, count / acked


async def _delivered(port: int, count: int) -> None:
    """Wait until so many deliveries reached the desk."""
    wanted = 'gateway_delivery_seconds_count{target="backend/desk"}'
    async with aiohttp.ClientSession() as session:
        for _ in range(12_000):
            async with session.get(f"http://127.0.0.1:{port}/metrics") as response:
                text = await response.text()
            for line in text.splitlines():
                if line.startswith(wanted) and float(line.rpartition(" ")[2]) >= count:
                    return
            await asyncio.sleep(0.02)
    raise TimeoutError("not every mail became a ticket")

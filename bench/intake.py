"""Durable webhook intake over a bare aiohttp handler.

Both servers are up at once; bursts of a second alternate between them, and a ratio is a burst over
the mean of its two bare neighbours. Every acknowledged request is on disk.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.process import free_port, gateway, ready

HERE = Path(__file__).parent
CONFIG = """
[gateway]
log_level = "error"
[web]
listen = "127.0.0.1:{web}"
[plugins.bench]
path = "{plugin}"
[channels.hook]
type = "bench"
"""
BODY = b'{"id": "%s", "from": "+1555%07d", "text": "' + b"x" * 960 + b'"}'
SECONDS = 1.0


async def run(*, rounds: int, scale: float, peers: bool) -> dict[str, Any]:
    """Measure at 64 and 256 connections."""
    del peers
    web, bare = free_port(), free_port()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        config = CONFIG.format(web=web, plugin=HERE / "hook_plugin.py")
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(HERE / "bare_server.py"), str(bare)
        )
        try:
            async with gateway(Path(folder), config, web):
                await ready(bare, "/")
                for connections in (64, 256):
                    figures |= await _alternate(web, bare, connections, rounds or int(8 * scale))
        finally:
            process.terminate()
            await process.wait()
    return figures


async def _alternate(web: int, bare: int, connections: int, rounds: int) -> dict[str, Any]:
    gateway_url, bare_url = (web, b"/in/hook/message"), (bare, b"/message")
    await burst(*gateway_url, connections)
    before = await burst(*bare_url, connections)
    ratios, rates, bares = [], [], [before]
    for _ in range(rounds):
        rate = await burst(*gateway_url, connections)
        after = await burst(*bare_url, connections)
        ratios.append(rate / ((before + after) / 2))
        rates.append(rate)
        bares.append(after)
        before = after
    name = f"{connections} connections"
    return {
        f"{name}: durable ack over the bare handler (median)": round(statistics.median(ratios), 2),
        f"{name}: lowest and highest ratio": f"{min(ratios):.2f} to {max(ratios):.2f}",
        f"{name}: acknowledged a second (median)": round(statistics.median(rates)),
        f"{name}: bare handler, requests a second (median)": round(statistics.median(bares)),
    }


async def burst(port: int, path: bytes, connections: int) -> float:
    """Requests a second over a second; only answers with status 200 count."""
    end = time.perf_counter() + SECONDS
    counts = await asyncio.gather(*(_client(port, path, n, end) for n in range(connections)))
    return sum(counts) / SECONDS


async def _client(port: int, path: bytes, number: int, end: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    done = 0
    try:
        while time.perf_counter() < end:
            body = BODY % (
                f"{number}-{time.perf_counter_ns()}".encode(),
                number * 1000 + done % 1000,
            )
            writer.write(
                b"POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (path, len(body), body)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            if length:
                await reader.readexactly(length)
            done += head.startswith(b"HTTP/1.1 200")
    finally:
        writer.close()
    return done

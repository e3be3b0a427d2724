"""A gateway in a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@asynccontextmanager
async def gateway(folder: Path, config: str, port: int) -> AsyncGenerator[int]:
    """Run a gateway around a block; gives its process id."""
    (folder / "gateway.toml").write_text(config)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "-c", str(folder / "gateway.toml"), "run",
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await ready(port)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(15):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def processor_seconds(process: int) -> float:
    """Seconds of one processor that a process with all its threads has used (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def ready(port: int, path: str = "/readyz") -> None:
    """Wait until a server answers."""
    async with aiohttp.ClientSession() as session:
        for _ in range(600):
            try:
                async with session.get(f"http://127.0.0.1:{port}{path}") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
    raise TimeoutError("the gateway did not become ready")

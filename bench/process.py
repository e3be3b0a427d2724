"""A gateway in a process of its own, and what it uses."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

STARTS_WITHIN, STOPS_WITHIN = 120.0, 30.0


class Running:
    """A gateway that runs.

    Args:
        started: seconds until it was ready.
    """

    def __init__(self, pid: int, port: int, started: float) -> None:
        self.pid, self.port, self.started = pid, port, started
        self.stopped = 0.0

    @property
    def processor(self) -> float:
        """Seconds of one processor that it has used, with all threads and child processes (Linux)."""
        return sum(map(processor_seconds, [self.pid, *_children(self.pid)]))

    @property
    def mebibytes(self) -> float:
        """Memory that it holds, with its child processes (Linux)."""
        return sum(map(_resident, [self.pid, *_children(self.pid)]))

    async def metric(self, name: str) -> float:
        """The sum of a metric's samples whose name and labels begin so."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}/metrics") as response,
        ):
            lines = (await response.text()).splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    async def reaches(
        self, name: str, least: float, *, pause: float = 0.05, seconds: float = 600
    ) -> None:
        """Wait until a metric has grown so far."""
        async with asyncio.timeout(seconds):
            while await self.metric(name) < least:  # noqa: ASYNC110 - another process's number
                await asyncio.sleep(pause)


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@asynccontextmanager
async def gateway(folder: Path, config: str, port: int, *arguments: str) -> AsyncGenerator[Running]:
    """Run a gateway around a block.

    Args:
        arguments: of ``gateway run``.
    """
    (folder / "gateway.toml").write_text(config)
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "-c", str(folder / "gateway.toml"), "run", *arguments,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    running = Running(process.pid, port, 0.0)
    try:
        await ready(port)
        running.started = time.perf_counter() - began
        yield running
    finally:
        began = time.perf_counter()
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOPS_WITHIN):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        running.stopped = time.perf_counter() - began


@asynccontextmanager
async def server(module: str, *arguments: object, path: str = "/") -> AsyncGenerator[int]:
    """Run one of the benchmarks' own servers around a block; gives its port."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, str(port), *map(str, arguments)
    )
    try:
        await ready(port, path)
        yield port
    finally:
        process.terminate()
        await process.wait()


def processor_seconds(process: int) -> float:
    """Seconds of one processor that a process with all its threads has used (Linux)."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _children(process: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *_children(child)]
    return found


def _resident(process: int) -> float:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


async def ready(port: int, path: str = "/readyz") -> None:
    """Wait until a server answers."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(STARTS_WITHIN):
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}{path}") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.02)

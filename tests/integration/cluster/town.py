"""Several real gateway processes on one real PostgreSQL, and customers who write to all of them."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    closing,
    contextmanager,
    suppress,
)
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.promises.configs import BASE, QUICK_RETRIES, mailbox, plugins, tickets
from tests.promises.process import HOST, GatewayProcess, Launcher, reserved_port
from tests.promises.ticket_system import TicketSystem, ticket_system

SECONDS = 60.0  # how long anything may take on a busy machine
WORKERS = 4  # at most


@dataclass(kw_only=True)
class Town:
    """The gateways, their store and their ticket system.

    Args:
        gateways: by name; each is a `gateway run` of its own over the same folder.
    """

    launcher: Launcher
    folder: Path
    url: str
    port: int
    lmtp: int
    probes: int
    tickets: TicketSystem
    gateways: dict[str, GatewayProcess] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def configure(self, more: str = "", *, lease: float = 1.0, probes: bool = True) -> None:
        """Write the config that all of them use.

        Args:
            probes: workers of one `gateway run` answer for themselves.
        """
        text = BASE + QUICK_RETRIES + plugins("email", "webhook") + mailbox()
        text += f'[store]\nurl = "{self.url}"\nlease_seconds = {lease}\n'
        text += tickets(self.tickets.url) + more
        if probes:
            text = text.replace("[web]\n", f'[web]\nprobes = "{HOST}:{self.probes}"\n')
        text = text.replace("{http}", str(self.port)).replace("{lmtp}", str(self.lmtp))
        (self.folder / "gateway.toml").write_text(text)

    def start(self, name: str, *options: str) -> GatewayProcess:
        """Start a process, without waiting for anything."""
        log = self.folder / f"{name}.log"
        pid = self.launcher.launch(argv=["run", *options], cwd=str(self.folder), log=str(log))
        found = GatewayProcess(
            launcher=self.launcher, folder=self.folder, port=self.port, lmtp=self.lmtp, pid=pid
        )
        self.gateways[name] = found
        return found

    def said(self, name: str, event: str) -> list[dict[str, Any]]:
        """Lines of an event in a process's log."""
        log = self.folder / f"{name}.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        found = []
        for line in lines:
            with suppress(ValueError):
                found.append(json.loads(line))
        return [one for one in found if one.get("event") == event]

    async def says(self, name: str, event: str, many: int = 1) -> None:
        """Wait until a process has told so often of an event."""
        await until(lambda: len(self.said(name, event)) >= many, why=lambda: self.tail(name))

    def takeovers(self, name: str) -> int:
        """How often a process took over everything, being the only one that lives."""
        return sum(said["of"] == 1 for said in self.said(name, "partitions.gained"))

    async def takes_over(self, name: str, before: int) -> None:
        """Wait until a process takes over once more."""
        await until(lambda: self.takeovers(name) > before, why=lambda: self.tail(name))

    async def ready(self, *names: str) -> None:
        """Wait until these are ready."""
        await until(
            lambda: all(self.said(name, "gateway.ready") for name in names),
            why=lambda: "\n".join(f"{name}: {self.tail(name)}" for name in names),
        )

    def tail(self, name: str) -> str:
        """The end of what a process said."""
        log = self.folder / f"{name}.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-25:]) if log.exists() else ""

    async def probe(self, worker: int, path: str) -> tuple[int, str]:
        """Ask one worker of `gateway run --workers`."""
        timeout = aiohttp.ClientTimeout(total=5)
        with suppress(OSError, aiohttp.ClientError, TimeoutError):
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"http://{HOST}:{self.probes + worker - 1}{path}") as response,
            ):
                return response.status, await response.text()
        return 0, ""

    async def shares(self, workers: int) -> list[int]:
        """How many partitions each worker holds; -1 for one that does not answer."""
        found = []
        for worker in range(1, workers + 1):
            _, text = await self.probe(worker, "/metrics")
            lines = [line for line in text.splitlines() if line.startswith("gateway_partitions ")]
            found.append(int(float(lines[0].split()[1])) if lines else -1)
        return found

    async def balanced(self, workers: int) -> None:
        """Wait until the work is divided fairly among so many workers."""
        fair = sorted(64 // workers + (n < 64 % workers) for n in range(workers))
        last: list[int] = []

        async def so() -> bool:
            nonlocal last
            last = await self.shares(workers)
            return sorted(last) == fair

        await until_async(so, why=lambda: str(last))

    async def stop(self) -> None:
        """Kill whatever runs still."""
        for gateway in self.gateways.values():
            if gateway.pid:
                with suppress(ProcessLookupError):
                    os.kill(gateway.pid, signal.SIGCONT)
                gateway.kill()


async def until(
    condition: Callable[[], Any], seconds: float = SECONDS, *, why: Callable[[], str] = str
) -> None:
    """Wait until something holds.

    Raises:
        AssertionError: it never did, with what `why` says.
    """

    async def so() -> bool:
        return bool(condition())

    await until_async(so, seconds, why=why)


async def until_async(
    condition: Callable[[], Any], seconds: float = SECONDS, *, why: Callable[[], str] = str
) -> None:
    """Wait until something that has to be asked holds."""
    end = asyncio.get_running_loop().time() + seconds
    while not await condition():
        if asyncio.get_running_loop().time() > end:
            raise AssertionError(f"not so within {seconds} s: {why()}")
        await asyncio.sleep(0.02)


@contextmanager
def reserved_ports(many: int) -> Iterator[int]:
    """Reserve loopback ports that follow one another; the first of them."""
    while True:
        with ExitStack() as stack:
            first = stack.enter_context(reserved_port())
            try:
                for port in range(first + 1, first + many):
                    keeper = stack.enter_context(closing(socket.socket()))
                    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    keeper.bind((HOST, port))
            except (OSError, OverflowError):
                continue
            yield first
            return


@asynccontextmanager
async def town(
    launcher: Launcher, folder: Path, url: str, *, more: str = "", lease: float = 1.0,
    pause: float = 0.0,
) -> AsyncIterator[Town]:  # fmt: skip
    """Set up everything but the gateways around a block.

    Args:
        more: further configuration.
        lease: seconds.
        pause: seconds the ticket system takes for each request.
    """
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(ticket_system(TicketSystem(pause=pause)))
        http, lmtp = (stack.enter_context(reserved_port()) for _ in range(2))
        probes = stack.enter_context(reserved_ports(WORKERS))
        made = Town(
            launcher=launcher, folder=folder, url=url, port=http, lmtp=lmtp, probes=probes,
            tickets=system,
        )  # fmt: skip
        made.configure(more, lease=lease)
        stack.push_async_callback(made.stop)
        yield made

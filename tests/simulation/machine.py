"""The machine that a simulated process runs on, in place of a real one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.config.settings import Settings
from gateway.contracts.channel import Parser
from gateway.contracts.services import Http, Log
from gateway.core.machine import Machine
from gateway.core.pace import Pace
from gateway.core.parsing import ParserPool
from gateway.domain.arrival import Arrival
from gateway.domain.draft import Parsed
from gateway.errors import StoreBroken, UnreadableArrival
from gateway.hooks.threads import HookThreads
from gateway.store.blobs import BlobStore
from gateway.store.operations import Store
from gateway.testing.clock import EPOCH
from gateway.testing.loopback import LoopbackHttp
from gateway.web.server import WebServer
from gateway.web.services import Services
from tests.simulation.store import SimStore

if TYPE_CHECKING:
    from tests.simulation.process import Process

KEY = b"the key of every simulated gateway"


class SimClock:
    """The time of day of one process: virtual time, and whatever it was set off by."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self.offset = now, 0.0

    def now(self) -> int:
        """Milliseconds since the Unix epoch."""
        return EPOCH + round((self._now() + self.offset) * 1000)


class TraceLog:
    """A log whose lines are part of the trace."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def info(self, event: str, **facts: Any) -> None:
        """Write a line, without what differs from run to run (tracebacks)."""
        facts.pop("exc_info", None)
        self._write(f"{event} {' '.join(f'{name}={value}' for name, value in facts.items())}")

    warning = error = info


class InlineThreads(HookThreads):
    """Synchronous hooks on the loop itself: nothing in a simulation hangs in one."""

    async def run(
        self, function: Callable[[], Any], deadline: float, returned: Callable[[], None]
    ) -> Any:
        await asyncio.sleep(0.001)
        return function()


class InlineParsers(ParserPool):
    """Parsing on the loop itself; a parser that raises `TimeoutError` is one that never ends."""

    def __init__(self, deadline: float) -> None:
        super().__init__(workers=0)
        self._patience = deadline

    async def parse(self, parser: Parser, arrival: Arrival) -> Sequence[Parsed]:
        try:
            return parser(arrival)
        except TimeoutError:
            await asyncio.sleep(self._patience)
            raise UnreadableArrival("parsing took too long and was stopped") from None


class SimMachine(Machine):
    """Everything a simulated process has of the world around it."""

    def __init__(self, settings: Settings, data: Path, process: Process) -> None:
        super().__init__(settings, data)
        world = process.world
        self._process, self._world = process, world
        self.clock = process.clock
        self.random = random.Random(f"{world.seed}/{process.name}").random
        alone = world.plan.processes == 1
        self.pace = Pace(
            idle=world.plan.idle if alone else 7200.0, left=1.0, store=14_400.0, missing=14_400.0,
            renew=14_400.0 if alone else 3600.0,
        )  # fmt: skip

    def log(self, part: str) -> Log:
        return TraceLog(lambda line: self._world.trace(self._process.name, line))

    def owner(self) -> str:
        return self._process.name

    def instance(self) -> str:
        return "simulated"

    def reply_keys(self) -> list[bytes]:
        return [KEY]

    def blobs(self, on_broken: Callable[[StoreBroken], None]) -> BlobStore:
        return self._world.blobs

    async def open_store(
        self, blobs: BlobStore, *, create: bool, on_broken: Callable[[StoreBroken], None] | None
    ) -> Store:
        self._process.store = SimStore(
            self._world.disk, self._world.weather, self._world.dice,
            amnesia=self._world.amnesia, after_effect=self.pace.idle + 900,
            who=self._process.name, blobs=blobs, clock=SimClock(self._world.loop.time), on_broken=on_broken,
        )  # fmt: skip
        return self._process.store

    def http(self) -> Http:
        return LoopbackHttp()

    def parsers(self) -> ParserPool:
        return InlineParsers(self.settings.pipeline.parse_seconds)

    def hook_threads(self) -> HookThreads:
        return InlineThreads()


class SimWeb(WebServer):
    """A server without a socket: requests come from within the world, by the connector's name."""

    def __init__(self, services: Services, process: Process) -> None:
        super().__init__(services)
        self._process = process

    async def start(self, host: str, port: int) -> int:
        self._process.doors = {name: route for name, _, route in self._services.routes}
        return 1

    async def stop(self) -> None:
        self._process.doors = {}

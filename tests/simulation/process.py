"""A gateway process that is started, stopped and killed."""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.app import Gateway
from gateway.contracts.web import Route, WebRequest, WebResponse
from gateway.core.assembly import assembled
from gateway.core.supervision import Supervisor
from gateway.errors import StoreError
from tests.simulation.loop import OWNER
from tests.simulation.machine import SimClock, SimMachine, SimWeb
from tests.simulation.store import SimStore

if TYPE_CHECKING:
    from tests.simulation.world import World

DATA = Path("nowhere")


def adopt(task: asyncio.Task[Any]) -> None:
    """Let a task belong to the process in which it was made."""
    process = OWNER.get()
    if isinstance(process, Process):
        process.tasks[task] = None
        task.add_done_callback(process.ended)


class Gone(Exception):
    """The process that was asked is not there, or was killed before it answered."""


@dataclass
class Load:
    """What a target was asked for: when each request began, and how many were under way at most."""

    began: list[float] = field(default_factory=list)
    under_way: int = 0
    most: int = 0

    def begin(self, now: float) -> None:
        """Note that a request begins."""
        self.began.append(now)
        self.under_way += 1
        self.most = max(self.most, self.under_way)


class Process:
    """One `gateway run`.

    It is killed by cutting it off from the world and cancelling all of its tasks: whatever they
    still do then reaches nothing and nobody.
    """

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.clock = SimClock(world.loop.time)
        self.store: SimStore | None = None
        self.doors: dict[str, Route] = {}
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.calls: Counter[tuple[str, str]] = Counter()
        self.gateway: Gateway | None = None
        self.dead = False
        self.ready_at: float | None = None
        self.ready: asyncio.Future[None] = world.loop.create_future()
        self._stop = asyncio.Event()
        self._context = contextvars.copy_context()
        self._context.run(OWNER.set, self)
        self.main = self._task(self._run())

    def _task(self, work: Any) -> asyncio.Task[Any]:
        return self._context.run(lambda: asyncio.ensure_future(work))

    def ended(self, task: asyncio.Task[Any]) -> None:
        """Forget a task; of a dead process nobody cares how it ended."""
        self.tasks.pop(task, None)
        if self.dead:
            _of_no_interest(task)

    async def _run(self) -> None:
        world = self.world
        try:
            async with assembled(
                world.assembly(self), folder=DATA, on_broken=self._broke,
                machine=lambda settings, data: SimMachine(settings, data, self),
            ) as parts:  # fmt: skip
                supervisor = Supervisor(
                    board=parts.board, log=parts.log, random=parts.random, on_broken=self._broke
                )
                broken: asyncio.Future[BaseException] = world.loop.create_future()
                self.gateway = Gateway(
                    parts, supervisor, broken, serve=lambda services: SimWeb(services, self)
                )
                broken.add_done_callback(lambda done: self._broke(done.result()))
                async with self.gateway.running():
                    self.ready_at = world.loop.time()
                    self.ready.set_result(None)
                    await self._stop.wait()
        except StoreError as error:
            world.trace(self.name, f"ends: {error}")
        finally:
            self.ready_at, self.doors, self.gateway = None, {}, None

    def _broke(self, error: BaseException) -> None:
        self.world.trace(self.name, f"broken: {error}")
        self.kill()

    async def stop(self) -> None:
        """End as SIGTERM has it end."""
        self._stop.set()
        await asyncio.wait([self.main])

    def kill(self) -> None:
        """End at once."""
        if self.dead:
            return
        self.world.trace(self.name, "killed")
        self.world.loop.thaw(self)
        self.dead, self.doors, self.ready_at = True, {}, None
        if self.store is not None:
            self.store.cut_off()
        for task in list(self.tasks):
            task.cancel()

    async def pause(self, seconds: float) -> None:
        """Stand still for a while, as SIGSTOP and SIGCONT have it."""
        self.world.trace(self.name, f"stopped for {seconds:.0f} s")
        self.world.loop.freeze(self)
        await asyncio.sleep(seconds)
        self.world.loop.thaw(self)
        self.world.trace(self.name, "goes on")

    async def buried(self) -> None:
        """Wait until nothing of it runs any more.

        Raises:
            AssertionError: something goes on although it is cancelled again and again.
        """
        for _ in range(30):
            if not self.tasks:
                return
            for task in list(self.tasks):
                task.cancel()
            await asyncio.sleep(1)
        raise AssertionError(f"{self.name} was killed, but these go on: {list(self.tasks)}")

    async def request(self, door: str, body: bytes) -> WebResponse:
        """Send a webhook to a connector.

        Raises:
            Gone: nobody answers.
        """
        route = self.doors.get(door)
        if route is None:
            raise Gone
        asked = WebRequest(
            method="POST", path=route.path, public_url=f"https://gateway.test/in/{door}",
            headers={}, body=body,
        )  # fmt: skip
        try:
            return await self.do(route.handler(asked))  # type: ignore[no-any-return]
        except StoreError:
            return WebResponse(status=503)

    async def do(self, work: Any) -> Any:
        """Do something within this process.

        Raises:
            Gone: the process was killed meanwhile.
        """
        doing = self._task(work)
        try:
            return await asyncio.shield(doing)
        except asyncio.CancelledError:
            if doing.cancelled():
                raise Gone from None
            doing.add_done_callback(_of_no_interest)  # nobody waits for the answer any more
            raise

    @contextmanager
    def calling(self, target: str, conversation: str) -> Iterator[None]:
        """Count what is under way at a target for a conversation; two at once break promise 3."""
        place, load = (target, conversation), self.world.loads[target]
        self.calls[place] += 1
        load.begin(self.world.loop.time())
        if self.calls[place] > 1 and not self.dead:
            self.world.broken("order", f"two deliveries of {conversation} at {target} at once")
        try:
            yield
        except BaseException:
            self.world.oracle.trouble(target, conversation)
            raise
        finally:
            self.calls[place] -= 1
            load.under_way -= 1


def _of_no_interest(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()

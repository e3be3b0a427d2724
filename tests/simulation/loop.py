"""An event loop on virtual time: no threads, no I/O, and an order of callbacks that the seed decides."""

from __future__ import annotations

import asyncio
import heapq
import random
import selectors
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from contextvars import ContextVar
from typing import Any, Never, TypeVar

T = TypeVar("T")
OWNER: ContextVar[object] = ContextVar("owner", default=None)


class Deadlock(Exception):
    """Nothing is scheduled any more, though somebody still waits."""


class _NoSelector(selectors.BaseSelector):
    """Watches nothing, and refuses to."""

    def register(self, fileobj: Any, events: int, data: Any = None) -> Never:
        raise AssertionError("nothing in a simulation does I/O of its own")

    def unregister(self, fileobj: Any) -> Never:
        raise AssertionError("nothing in a simulation does I/O of its own")

    def select(self, timeout: float | None = None) -> Never:
        raise AssertionError("nothing in a simulation waits for I/O")

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {}


class SimLoop(asyncio.SelectorEventLoop):
    """Runs what is ready in an order drawn from the seed, and never waits.

    What runs in a context belongs to its `OWNER`; what belongs to one that is frozen stands still
    until it is thawed, as a stopped process does.

    Args:
        seed: the same seed gives the same order, in every process.
        on_task: told of every task that is made.
    """

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _stopping: bool

    def __init__(
        self, seed: int, on_task: Callable[[asyncio.Task[Any]], None] = lambda _: None
    ) -> None:
        self._now, self._dice, self._on_task = 0.0, random.Random(f"{seed}/loop"), on_task
        self._frozen: dict[object, list[asyncio.Handle]] = {}
        super().__init__(_NoSelector())
        self.set_task_factory(self._spawn)  # type: ignore[arg-type]
        self.faults: list[str] = []
        self.set_exception_handler(lambda _, context: self.faults.append(_told(context)))

    def time(self) -> float:
        """Seconds since the simulation began."""
        return self._now

    def freeze(self, owner: object) -> None:
        """Let nothing of an owner run."""
        self._frozen.setdefault(owner, [])

    def thaw(self, owner: object) -> None:
        """Let an owner go on where it stood."""
        self._ready.extend(self._frozen.pop(owner, ()))

    def run_in_executor(  # type: ignore[override]
        self, _executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Run a function at a later moment, on the loop itself: there are no threads."""
        future: asyncio.Future[T] = self.create_future()

        def run() -> None:
            if future.cancelled():
                return
            try:
                future.set_result(func(*args))
            except Exception as error:
                future.set_exception(error)

        self.call_later(self._dice.uniform(0.0001, 0.01), run)
        return future

    def _spawn(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], **options: Any
    ) -> asyncio.Task[T]:
        task = asyncio.Task(work, loop=loop, **options)
        self._on_task(task)
        return task

    def _run_once(self) -> None:
        """Run all that is ready; if nothing is, go to the next moment at which something will be."""
        self._take_due()
        if not self._ready:
            if self._stopping:
                return
            if not self._scheduled:
                raise Deadlock("nothing is scheduled any more, though somebody still waits")
            self._now = max(self._now, self._scheduled[0].when())
            self._take_due()
        ready = [handle for handle in self._ready if self._runs(handle)]
        self._ready.clear()
        self._dice.shuffle(ready)
        for handle in ready:
            if not handle.cancelled():
                handle._run()

    def _take_due(self) -> None:
        scheduled = self._scheduled
        while scheduled and (scheduled[0].cancelled() or scheduled[0].when() <= self._now):
            handle = heapq.heappop(scheduled)
            handle._scheduled = False  # type: ignore[attr-defined]
            if not handle.cancelled():
                self._ready.append(handle)

    def _runs(self, handle: asyncio.Handle) -> bool:
        """Whether it may run now; what is frozen is kept for later."""
        if not self._frozen:
            return True
        kept = self._frozen.get(handle._context.get(OWNER))  # type: ignore[attr-defined]
        if kept is None:
            return True
        kept.append(handle)
        return False

    def _make_self_pipe(self) -> None:
        """Make none: there are no threads and no signals that could wake the loop."""
        self._internal_fds = 0

    def _close_self_pipe(self) -> None:
        """Close none."""

    def _write_to_self(self) -> None:
        """Wake nobody."""


def _told(context: Mapping[str, Any]) -> str:
    error = context.get("exception")
    return f"{context['message']}: {error!r}" if error else str(context["message"])

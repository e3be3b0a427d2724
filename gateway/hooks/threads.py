"""Threads for synchronous hooks, which no deadline can stop."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any

Job = Callable[[], None]


class Hanging(TimeoutError):
    """A synchronous function ran past its deadline and goes on in an abandoned thread."""


class _Worker:
    """One thread; a daemon, so that a function that never returns cannot hold up the exit."""

    def __init__(self, number: int) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=f"hook-{number}", daemon=True).start()

    def give(self, job: Job | None) -> None:
        self._jobs.put(job)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


class HookThreads:
    """Run synchronous functions under a deadline that starts when they start.

    Args:
        limit: functions that run at once; abandoned ones do not count.
    """

    def __init__(self, limit: int = 8) -> None:
        self._places = asyncio.Semaphore(limit)
        self._idle: list[_Worker] = []
        self._made = 0
        self._closed = False
        self.abandoned = 0

    async def run(
        self, function: Callable[[], Any], deadline: float, returned: Callable[[], None]
    ) -> Any:
        """Run a function in a thread and wait for its result.

        Args:
            function: takes nothing; what it raises is raised here.
            deadline: seconds.
            returned: called on the event loop if the function was abandoned and ends after all.

        Raises:
            Hanging: it did not end in time, and its thread was abandoned.
        """
        async with self._places:
            worker = self._idle.pop() if self._idle else self._make()
            result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            worker.give(self._job(function, result))
            try:
                done, _ = await asyncio.wait([result], timeout=deadline)
            except asyncio.CancelledError:
                self._abandon(worker, result, lambda: None)
                raise
            if not done:
                self._abandon(worker, result, returned)
                raise Hanging(f"still running after {deadline:g} s")
            if self._closed:
                worker.give(None)
            else:
                self._idle.append(worker)
            return result.result()

    def close(self) -> None:
        """Let idle threads end; busy ones end with what they do."""
        self._closed = True
        while self._idle:
            self._idle.pop().give(None)

    def _make(self) -> _Worker:
        self._made += 1
        return _Worker(self._made)

    def _job(self, function: Callable[[], Any], result: asyncio.Future[Any]) -> Job:
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()

        def settle(value: Any, error: BaseException | None) -> None:
            if result.cancelled():
                return
            if error is None:
                result.set_result(value)
            else:
                result.set_exception(error)

        def work() -> None:
            value, error = None, None
            try:
                value = context.run(function)
            except BaseException as raised:  # a thread must not die of what a plugin raises
                error = _raisable(raised)
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, value, error)

        return work

    def _abandon(
        self, worker: _Worker, result: asyncio.Future[Any], returned: Callable[[], None]
    ) -> None:
        self.abandoned += 1
        worker.give(None)

        def ended(late: asyncio.Future[Any]) -> None:
            if not late.cancelled():
                late.exception()  # looked at, so that asyncio does not complain of it
            self.abandoned -= 1
            returned()

        result.add_done_callback(ended)


def _raisable(error: BaseException) -> BaseException:
    """What a future can carry: it refuses StopIteration, and SystemExit would end the gateway."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    replaced = RuntimeError(f"raised {type(error).__name__}: {error}")
    replaced.__cause__ = error
    return replaced

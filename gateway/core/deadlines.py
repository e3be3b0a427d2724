"""Deadlines of many short waits, all equally long, with one timer: one for each costs more than most waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from types import TracebackType
from typing import Self


class Deadlines:
    """Gives up what is not ended in time.

    Args:
        seconds: that each may take.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._numbers = count()
        # They end in the order in which they began.
        self._running: dict[int, tuple[float, Callable[[], None]]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, give_up: Callable[[], None]) -> int:
        """Begin one; gives its number.

        Args:
            give_up: called once the time is over, unless it was ended.
        """
        loop = asyncio.get_running_loop()
        number, ends = next(self._numbers), loop.time() + self.seconds
        self._running[number] = ends, give_up
        if self._timer is None:
            self._timer = loop.call_at(ends, self._look)
        return number

    def end(self, number: int) -> bool:
        """End one; False if it was given up before."""
        return self._running.pop(number, None) is not None

    def limit(self) -> Limit:
        """Cancel the block of a ``with`` statement that takes longer, as `asyncio.timeout` does."""
        return Limit(self)

    def _look(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._running:
            number, (ends, give_up) = next(iter(self._running.items()))
            if ends > loop.time():
                self._timer = loop.call_at(ends, self._look)
                return
            del self._running[number]
            give_up()


class Limit:
    """Raises `TimeoutError` instead of the cancellation with which it cut off a block.

    Args:
        expired: whether it did.
    """

    __slots__ = ("_cancelling", "_deadlines", "_number", "_task", "expired")

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self.expired = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can be cut off")
        self._task, self._cancelling = task, task.cancelling()
        self._number = self._deadlines.begin(self._give_up)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._deadlines.end(self._number)
        if not self.expired:
            return
        others = self._task.uncancel() > self._cancelling  # somebody else cancelled it as well
        if kind is asyncio.CancelledError and not others:
            raise TimeoutError from error

    def _give_up(self) -> None:
        self.expired = True
        self._task.cancel()

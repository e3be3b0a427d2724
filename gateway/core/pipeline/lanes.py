"""Lanes: what came from one sender is worked on in order, and lanes do not wait for one another."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """Runs one task per lane that has work, with a bound on items in flight.

    Args:
        work: does one item; it handles its own errors.
        size: weight of an item in bytes.
        most_items, most_bytes: bounds on what is held in memory at once.
        most_in_lane: of these in one lane, so that a stuck one leaves room for the others.
    """

    def __init__(
        self,
        work: Callable[[T], Awaitable[None]],
        *,
        size: Callable[[T], int],
        most_items: int = 256,
        most_bytes: int = 64 << 20,
        most_in_lane: int = 128,
    ) -> None:
        self._work, self._size = work, size
        self._most_in_lane = most_in_lane
        self._most_items, self._most_bytes = most_items, most_bytes
        self._queues: dict[str, deque[T]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._room.set()
        self.items = 0
        self.bytes = 0

    @property
    def room(self) -> tuple[int, int]:
        """How many items and bytes may still be taken."""
        return self._most_items - self.items, self._most_bytes - self.bytes

    async def wait_for_room(self) -> None:
        """Wait until at least one item may be taken."""
        await self._room.wait()

    def full(self, lane: str) -> bool:
        """Whether a lane takes no more for now."""
        return len(self._queues.get(lane, ())) >= self._most_in_lane

    def put(self, lane: str, item: T) -> None:
        """Add an item to the end of its lane."""
        self.items += 1
        self.bytes += self._size(item)
        self._mark()
        queue = self._queues.get(lane)
        if queue is not None:
            queue.append(item)
            return
        self._queues[lane] = deque([item])
        task = asyncio.create_task(self._run(lane), name=f"lane {lane[:40]}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, lane: str) -> None:
        queue = self._queues[lane]
        try:
            while queue:
                item = queue[0]
                try:
                    await self._work(item)
                finally:
                    queue.popleft()
                    self.items -= 1
                    self.bytes -= self._size(item)
                    self._mark()
        finally:
            for item in queue:
                self.items -= 1
                self.bytes -= self._size(item)
            self._queues.pop(lane, None)
            self._mark()

    def _mark(self) -> None:
        if self.items < self._most_items and self.bytes < self._most_bytes:
            self._room.set()
        else:
            self._room.clear()

    async def drain(self, seconds: float) -> None:
        """Give what is under way so long to finish, then stop it; it runs again after a restart."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

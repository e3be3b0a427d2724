"""Group commit of units of work on PostgreSQL: what came during a commit shares the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice

from gateway.domain.changes import Changes, Conflict
from gateway.errors import StoreError
from gateway.store.faults import store_error

IN_FLIGHT, MOST = 2, 128

Answers = list[Conflict | None]
Waiting = tuple[Sequence[Changes], asyncio.Future[Answers]]


class GroupCommits:
    """Commit units of work with at most two transactions under way.

    Args:
        write: commits units of work in one transaction, and answers each.
    """

    def __init__(self, write: Callable[[Sequence[Changes]], Awaitable[Answers]]) -> None:
        self._write = write
        self._waiting: deque[Waiting] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    async def commit(self, changes: Sequence[Changes]) -> Answers:
        """Commit units of work, together with those of whoever commits at the same time."""
        future: asyncio.Future[Answers] = asyncio.get_running_loop().create_future()
        self._waiting.append((changes, future))
        if len(self._tasks) < IN_FLIGHT:
            self._tasks.add(asyncio.create_task(self._work(), name="store-commit"))
        return await future

    async def stop(self) -> None:
        """Finish what is queued."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._commit(self._next())
        finally:
            # At once: who was answered may commit again before the loop knows that this is done.
            self._tasks.discard(asyncio.current_task())

    def _next(self) -> list[Waiting]:
        """Take who shares the next transaction; whoever moves records has one of their own."""
        batch = [self._waiting.popleft()]
        units = len(batch[0][0])
        while not _moves(batch[0]) and self._waiting and not _moves(self._waiting[0]):
            units += len(self._waiting[0][0])
            if units > MOST:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _commit(self, batch: list[Waiting]) -> None:
        try:
            answers = iter(await self._write([one for changes, _ in batch for one in changes]))
        except Exception as error:
            everybodys = isinstance(error, StoreError) or store_error(error) is not None
            if len(batch) == 1 or everybodys:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                return
            for one in batch:  # one of them is at fault; the others must not suffer
                await self._commit([one])
            return
        for changes, future in batch:
            own = list(islice(answers, len(changes)))
            if not future.done():  # who asked went away; it is committed all the same
                future.set_result(own)


def _moves(waiting: Waiting) -> bool:
    return any(changes.moved for changes in waiting[0])

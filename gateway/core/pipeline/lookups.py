"""Coalesced look-ups: questions that come up while one batch is answered share the next."""

from __future__ import annotations

import asyncio

from gateway.domain.known import Known, Question
from gateway.store.operations import Store

LARGEST = 128


class LookUps:
    """Answers questions in batches, one batch under way at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[tuple[Question, asyncio.Future[Known]]] = []
        self._running: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Known:
        """Answer one question."""
        future: asyncio.Future[Known] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run(), name="look-ups")
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:LARGEST], self._waiting[LARGEST:]
                await self._answer(batch)
        finally:
            self._running = None

    async def _answer(self, batch: list[tuple[Question, asyncio.Future[Known]]]) -> None:
        try:
            answers = await self._store.look_up([question for question, _ in batch])
        except Exception as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), known in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(known)

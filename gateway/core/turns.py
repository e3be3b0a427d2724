"""Turns: when senders have to wait for their acknowledgement, what can wait is done a little at a time.

Acknowledging and working on what was acknowledged share one event loop and one writer. Without
this, a burst is acknowledged only as quickly as it is worked on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from gateway.contracts.services import Clock
from gateway.core.deadlines import Deadlines


class Turns:
    """Who goes first: senders, but never alone, and nobody has to wait for long.

    Args:
        few: arrivals that are begun with while senders have to wait, until one is done or `hold`
            has passed: what takes longer waits for others and takes nothing from the senders.
        patience: milliseconds after which an arrival is worked on whoever waits.
        prompt: seconds within which an acknowledgement is quick enough.
        lull: seconds after a slow one for which others are expected to be slow.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        few: int = 2,
        patience: int = 5_000,
        prompt: float = 0.01,
        lull: float = 0.05,
        hold: float = 0.1,
    ) -> None:
        self._clock, self._few, self._patience = clock, few, patience
        self._prompt, self._lull, self._holds = prompt, lull, Deadlines(hold)
        self._begun = 0
        self._calm_at = 0.0
        self._later: asyncio.TimerHandle | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()

    def waited(self, since: float) -> None:
        """Note that a sender has waited until now.

        Args:
            since: a moment by the event loop's clock.
        """
        now = asyncio.get_running_loop().time()
        if now - since > self._prompt:
            self._calm_at = now + self._lull

    @asynccontextmanager
    async def work(self, since: int) -> AsyncGenerator[None]:
        """Wait for the turn of an arrival that is worked on during a block.

        Args:
            since: milliseconds since the Unix epoch when it was received.
        """
        loop = asyncio.get_running_loop()
        if self._begun >= self._few and loop.time() < self._calm_at:
            left = since + self._patience - self._clock.now()
            if left > 0:
                # A clock that was put back must not make anything wait for longer.
                await self._turn(min(left, self._patience) / 1000)
        self._begun += 1
        held = self._holds.begin(self._leave)
        try:
            yield
        finally:
            if self._holds.end(held):
                self._leave()

    async def _turn(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        if self._later is None:
            self._later = loop.call_at(self._calm_at, self._calm)
        try:
            async with asyncio.timeout(seconds):
                await turn
        except TimeoutError:
            pass
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)

    def _leave(self) -> None:
        self._begun -= 1
        if self._begun < self._few:
            self._call(1)

    def _calm(self) -> None:
        """Call everybody once no sender has had to wait for a while."""
        self._later = None
        loop = asyncio.get_running_loop()
        if loop.time() >= self._calm_at:
            self._call(len(self._waiting))
        elif self._waiting:
            self._later = loop.call_at(self._calm_at, self._calm)

    def _call(self, most: int) -> None:
        """Call those whose turn it is, in the order in which they came."""
        while self._waiting and most > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                most -= 1

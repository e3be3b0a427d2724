"""Turns: only a little work is on the event loop at a time, and less while senders have to wait.

Acknowledging and working on what was acknowledged share one event loop and one writer. Without
this, a burst is acknowledged only as quickly as it is worked on, and with a backlog everything that
needs the event loop several times, an acknowledgement or a delivery, waits for all of the work each time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import NamedTuple

from gateway.contracts.services import Clock
from gateway.core.deadlines import Deadlines


class Turn:
    """The turn of one arrival, until its block is left, or has taken for too long."""

    def __init__(self, turns: Turns, holds: Deadlines) -> None:
        self._turns, self._holds = turns, holds
        self._held = holds.begin(turns.leave)

    def rests(self) -> None:
        """Let others begin unless senders wait: what follows takes next to no time on the event loop."""
        if self._turns.calm:
            self.over()

    def over(self) -> None:
        """Let others begin."""
        if self._holds.end(self._held):
            self._turns.leave()


class _Waiting(NamedTuple):
    turn: asyncio.Future[None]
    until: float  # when it has waited for long enough


class Turns:
    """Who goes first: senders, but never alone, and nobody has to wait for them for long.

    Args:
        most: arrivals that are begun with, until one is done or `hold` has passed: what takes
            longer waits for others and takes nothing from anybody.
        few: the same while senders have to wait.
        some: the same for those who have waited for senders for long.
        patience: milliseconds after which an arrival has waited for long.
        prompt: seconds within which an acknowledgement is quick enough.
        lull: seconds after a slow one for which others are expected to be slow.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        most: int = 32,
        few: int = 2,
        some: int = 6,
        patience: int = 5_000,
        prompt: float = 0.01,
        lull: float = 0.05,
        hold: float = 0.1,
    ) -> None:
        self._clock, self._patience = clock, patience
        self._most, self._few, self._some = most, few, some
        self._prompt, self._lull, self._holds = prompt, lull, Deadlines(hold)
        self._begun = 0
        self._calm_at = 0.0
        self._again: asyncio.TimerHandle | None = None
        self._waiting: deque[_Waiting] = deque()

    def waited(self, since: float) -> None:
        """Note that a sender has waited until now.

        Args:
            since: a moment by the event loop's clock.
        """
        now = asyncio.get_running_loop().time()
        if now - since > self._prompt:
            self._calm_at = now + self._lull

    @property
    def calm(self) -> bool:
        """Whether no sender has had to wait just now."""
        return asyncio.get_running_loop().time() >= self._calm_at

    @asynccontextmanager
    async def work(self, since: int) -> AsyncGenerator[Turn]:
        """Wait for the turn of an arrival that is worked on during a block.

        Args:
            since: milliseconds since the Unix epoch when it was received.
        """
        loop = asyncio.get_running_loop()
        # A clock that was put back must not make anything wait for longer.
        left = min(since + self._patience - self._clock.now(), self._patience)
        await self._turn(_Waiting(loop.create_future(), loop.time() + left / 1000))
        turn = Turn(self, self._holds)
        try:
            yield turn
        finally:
            turn.over()

    async def _turn(self, one: _Waiting) -> None:
        self._waiting.append(one)
        self._call()
        try:
            await one.turn
        except asyncio.CancelledError:
            if not one.turn.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        """Count one fewer that is worked on, and call the next."""
        self._begun -= 1
        self._call()

    def _call(self) -> None:
        """Call those whose turn it is, in the order in which they came."""
        while self._waiting:
            first = self._waiting[0]
            if not first.turn.cancelled():
                if self._begun >= self._room(first):
                    break
                self._begun += 1
                first.turn.set_result(None)
            self._waiting.popleft()
        if self._waiting and self._again is None and not self.calm:
            loop, until = asyncio.get_running_loop(), self._waiting[0].until
            patient = loop.time() < until
            moment = min(self._calm_at, until) if patient else self._calm_at
            self._again = loop.call_at(moment, self._look_again)

    def _room(self, one: _Waiting) -> int:
        if self.calm:
            return self._most
        return self._few if asyncio.get_running_loop().time() < one.until else self._some

    def _look_again(self) -> None:
        self._again = None
        self._call()

"""Places at a target: so many are sent at once, and some more are claimed, so that nobody waits for the disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager

from gateway.core.deadlines import Deadlines

PATIENCE = 1.0
# What ends while a claim is made: so many are being read, so many wait, so many are being settled.
AHEAD = 3


class NoPlace(Exception):
    """Nothing was sent, and nothing is to be sent now."""


class Places:
    """As many as a target takes at once.

    Args:
        ahead: what is claimed may wait for a place. If the process dies it is taken for possibly
            sent: no harm where it may be looked up or sent again.
        left: called when a place was left.
        patience: seconds until what waits for a place goes without.
    """

    def __init__(
        self, many: int, *, ahead: bool, left: Callable[[], None], patience: float
    ) -> None:
        self._many, self._ahead, self._left = many, ahead, left
        self._free, self._patience = asyncio.Semaphore(many), Deadlines(patience)
        self._ended, self._began, self._took = 0, 0.0, 0.0

    @property
    def claimable(self) -> int:
        """How many may be claimed and not settled: the quicker they end, the more for each place."""
        if not self._ahead or not self._took:
            return self._many
        since = asyncio.get_running_loop().time() - self._began
        ahead = AHEAD * self._ended * self._took / max(since, self._took)
        return self._many + min(round(ahead), AHEAD * self._many)

    @contextmanager
    def claiming(self) -> Generator[None]:
        """Time a claim, and count anew how many end while it is made and after it."""
        loop = asyncio.get_running_loop()
        self._ended, self._began = 0, loop.time()
        yield
        self._took = loop.time() - self._began

    @asynccontextmanager
    async def one(self) -> AsyncGenerator[None]:
        """Hold a place; raises `NoPlace` if none comes free soon."""
        try:
            with self._patience.limit():
                await self._free.acquire()
        except TimeoutError:
            raise NoPlace from None
        try:
            yield
        finally:
            self._free.release()
            self._ended += 1
            self._left()

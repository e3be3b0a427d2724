"""Pacing: as many texts a second from each number as carriers let through, and no burst."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Bucket:
    """A token bucket that is asked when the next one may go; pure but for what it remembers.

    Args:
        rate: tokens a second.
        size: most tokens that gather while nothing is sent.
    """

    def __init__(self, rate: float, size: float, now: float) -> None:
        self._rate, self._size = rate, max(1.0, size)
        self._tokens, self._at = self._size, now

    def take(self, now: float) -> float:
        """Take one token; how many seconds to wait until it is there."""
        gathered = self._tokens + max(0.0, now - self._at) * self._rate
        self._tokens, self._at = min(self._size, gathered) - 1.0, max(now, self._at)
        return max(0.0, -self._tokens / self._rate)


class Pace:
    """Makes those who send wait for their number's turn, in the order in which they ask.

    Args:
        now: a clock in seconds that never goes back.
        sleep: waits.
    """

    def __init__(
        self,
        now: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._now, self._sleep = now, sleep
        self._buckets: dict[str, Bucket] = {}

    async def turn(self, sender: str, per_second: float) -> None:
        """Wait until this number may send; at once where there is no limit."""
        if per_second <= 0:
            return
        now = self._now or asyncio.get_running_loop().time
        bucket = self._buckets.get(sender)
        if bucket is None:
            bucket = self._buckets[sender] = Bucket(per_second, per_second, now())
        wait = bucket.take(now())
        if wait > 0:
            await self._sleep(wait)

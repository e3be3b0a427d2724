"""Pacing: as many texts a second from each number as carriers let through, and no burst."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

from gateway import Deferred


class Bucket:
    """A token bucket that is asked when the next one may go; pure but for what it remembers.

    Args:
        rate: tokens a second.
        size: most tokens that gather while nothing is sent.
    """

    def __init__(self, rate: float, size: float, now: float) -> None:
        self._rate, self._size = rate, max(1.0, size)
        self._tokens, self._at = self._size, now

    def take(self, now: float, most: float = math.inf, tokens: int = 1) -> float:
        """Take tokens; how many seconds to wait until the first is there.

        Args:
            most: none is taken that is further away than so many seconds.
            tokens: how many; the next one waits for all of them.
        """
        gathered = self._tokens + max(0.0, now - self._at) * self._rate
        self._tokens, self._at = min(self._size, gathered), max(now, self._at)
        wait = max(0.0, (1.0 - self._tokens) / self._rate)
        if wait <= most:
            self._tokens -= tokens
        return wait


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

    def now(self) -> float:
        """The moment by which turns are told, in seconds."""
        return self._now() if self._now else asyncio.get_running_loop().time()

    async def turn(
        self, sender: str, per_second: float, *, until: float = math.inf, segments: int = 1
    ) -> None:
        """Wait until this number may send; at once where there is no limit.

        Args:
            segments: what it will send; carriers count segments, not texts.
            until: the moment after which it is not waited for any more.

        Raises:
            Deferred: its turn comes later than that, or that moment has passed.
        """
        now = self.now()
        wait = 0.0
        if per_second > 0:
            bucket = self._buckets.get(sender)
            if bucket is None:
                bucket = self._buckets[sender] = Bucket(per_second, per_second, now)
            wait = bucket.take(now, until - now, max(1, segments))
        if now + wait > until:
            raise Deferred(
                f"{sender} has more to send than {per_second:g} a second allow; the rest follows",
                code="paced", retry_after=wait,
            )  # fmt: skip
        if wait > 0:
            await self._sleep(wait)

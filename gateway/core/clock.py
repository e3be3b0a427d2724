"""The time of day as a port, so that the core runs on a simulated one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

FOLLOWS = 10  # one part in so many
FINE = 250_000  # nanoseconds within which it tells the same again, for it is asked all the time


class SystemClock:
    """The machine's own clock."""

    def now(self) -> int:
        """Milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000


class SteadyClock:
    """A time of day that no setting of the machine's clock moves, so that schedules stay what they were.

    It begins with the machine's time and goes on by the clock that nobody sets. Where the two are
    apart it runs a tenth faster or slower, never back, until they agree: a clock that is set forwards
    by an hour brings no hour's retries at once, and one that is set back holds none up.

    Args:
        wall: the machine's time of day in nanoseconds.
        steady: nanoseconds of a clock that only goes on.
    """

    def __init__(
        self,
        wall: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall, self._steady = wall, steady
        self._lock = threading.Lock()
        self._seen, self._now = steady(), wall()
        self.wall = SystemClock()

    def now(self) -> int:
        """Milliseconds since the Unix epoch."""
        if 0 <= self._steady() - self._seen < FINE:
            return self._now // 1_000_000
        with self._lock:
            seen = self._steady()
            passed, self._seen = seen - self._seen, seen
            apart = self._wall() - (self._now + passed)
            most = passed // FOLLOWS
            self._now += passed + max(-most, min(most, apart))
            return self._now // 1_000_000

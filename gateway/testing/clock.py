"""A clock that moves only when it is told to."""

from __future__ import annotations

EPOCH = 1_780_000_000_000


class FakeClock:
    """The time of day in a test.

    Args:
        now: milliseconds since the Unix epoch.
    """

    def __init__(self, now: int = EPOCH) -> None:
        self.moment = now

    def now(self) -> int:
        """Milliseconds since the Unix epoch."""
        return self.moment

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.moment += round(seconds * 1000)

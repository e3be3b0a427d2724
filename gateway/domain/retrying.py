"""When to try again: schedule, jitter, Retry-After, and a circuit breaker a target."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

SCHEDULE: tuple[float, ...] = (
    0, 5, 30, 120, 600, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400,
)  # fmt: skip


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """When a failed delivery is tried again.

    Args:
        schedule: seconds between attempts; after the last one the delivery is a dead letter.
        jitter: share by which a wait is stretched or shortened, 0 to 1.
        floor, cap: seconds between which a target's Retry-After is taken.
    """

    schedule: tuple[float, ...] = SCHEDULE
    jitter: float = 0.1
    floor: float = 1.0
    cap: float = 86_400.0

    def wait(
        self, attempts: int, retry_after: float | None, random: Callable[[], float]
    ) -> float | None:
        """Seconds until the next attempt, None if there is none.

        Args:
            attempts: how many were made, this failed one included (1 or more).
            retry_after: what the target asked for.
            random: gives numbers from 0 to 1.
        """
        if attempts >= len(self.schedule):
            return None
        pause = self.schedule[attempts] * (1 + self.jitter * (2 * random() - 1))
        if retry_after is not None:
            pause = max(pause, min(max(retry_after, self.floor), self.cap))
        return pause


class BreakerState(msgspec.Struct, frozen=True, kw_only=True):
    """What a circuit breaker remembers of its target.

    Args:
        failures: how many in a row.
        open_until: milliseconds since the Unix epoch until which nothing is sent.
        probing: one probe is under way after the pause.
    """

    failures: int = 0
    open_until: int = 0
    probing: bool = False


class BreakerPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """When a target is left alone.

    Args:
        threshold: failures in a row that open the breaker.
        pause, longest: seconds; the pause doubles with each failed probe.
        cap: seconds up to which a target is left alone because it asked for it.
    """

    threshold: int = 5
    pause: float = 5.0
    longest: float = 300.0
    cap: float = 86_400.0

    def failed(
        self, state: BreakerState, now: int, retry_after: float | None = None
    ) -> BreakerState:
        """The state after a failure that is the target's and not the delivery's."""
        failures = state.failures + 1
        until = state.open_until
        if failures >= self.threshold:
            doubled = self.pause * 2 ** min(failures - self.threshold, 16)
            until = now + int(min(doubled, self.longest) * 1000)
        if retry_after is not None and retry_after > 0:
            until = max(until, now + int(min(retry_after, self.cap) * 1000))
        return BreakerState(failures=failures, open_until=until)

    def allows(self, state: BreakerState, now: int) -> int | None:
        """How many sends may be under way: None any number, 1 a probe, 0 none."""
        if now < state.open_until:
            return 0
        if state.failures >= self.threshold:
            return 0 if state.probing else 1
        return None


def closed_again() -> BreakerState:
    """The state after a success."""
    return BreakerState()

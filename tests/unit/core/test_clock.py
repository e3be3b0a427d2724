"""The clock of schedules does not follow a machine whose clock is set, but comes to agree with it."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.clock import SteadyClock
from gateway.core.health import HealthBoard
from gateway.core.logs import log_for
from gateway.core.watching import watch_clock
from gateway.testing.clock import FakeClock

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
BEGIN = 1_800_000_000 * SECOND


class Times:
    """A machine's two clocks."""

    def __init__(self) -> None:
        self.wall, self.steady = BEGIN, 0

    def go(self, nanoseconds: int) -> None:
        """Let time pass on both."""
        self.wall += nanoseconds
        self.steady += nanoseconds


def made() -> tuple[Times, SteadyClock]:
    """A machine, and a clock on it."""
    times = Times()
    return times, SteadyClock(lambda: times.wall, lambda: times.steady)


def test_it_goes_with_the_machine() -> None:
    """While nobody sets anything both tell the same."""
    times, clock = made()
    for _ in range(100):
        times.go(SECOND // 7)
        assert times.wall // 1_000_000 == clock.now()


@pytest.mark.parametrize("step", [HOUR, -HOUR, 8766 * HOUR, -8766 * HOUR])
def test_a_step_is_not_followed_at_once(step: int) -> None:
    """In the minute after it a minute passes, give or take six seconds, and never backwards."""
    times, clock = made()
    before = clock.now()
    times.wall += step
    seen = [before]
    for _ in range(600):
        times.go(SECOND // 10)
        seen.append(clock.now())
    assert seen == sorted(seen)
    assert 54_000 <= seen[-1] - before <= 66_000


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_a_step_is_followed_in_the_end(step: int) -> None:
    """Ten hours after an hour's step both agree again, and go on together."""
    times, clock = made()
    times.wall += step
    for _ in range(10 * 3600 + 1):
        times.go(SECOND)
        clock.now()
    assert times.wall // 1_000_000 == clock.now()


async def test_a_step_is_told_of() -> None:
    """Readiness names the clock once it is a minute off."""
    wall, steady = FakeClock(), FakeClock()
    board = HealthBoard(steady, log_for("test"))
    wall.advance(3600)
    task = asyncio.create_task(watch_clock(steady, wall, board))
    await asyncio.sleep(0)
    task.cancel()
    assert ("degraded", "clock_set") == (board.parts["clock"].state, board.parts["clock"].code)
    assert "+3600 seconds" in board.parts["clock"].reason

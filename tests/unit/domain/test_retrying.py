"""When a delivery is tried again, and when its whole target is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.retrying import (
    SCHEDULE,
    BreakerPolicy,
    BreakerState,
    RetryPolicy,
    closed_again,
)

NOW = 1_780_000_000_000


def test_default_schedule_ends_after_three_days() -> None:
    """Eleven retries over some 75 hours, then none."""
    policy = RetryPolicy()
    waits = [policy.wait(attempt, None, lambda: 0.5) for attempt in range(1, len(SCHEDULE) + 1)]
    assert [*SCHEDULE[1:], None] == waits
    assert 74 <= sum(SCHEDULE) / 3600 <= 84


@given(st.integers(min_value=1, max_value=11), st.floats(min_value=0, max_value=1))
def test_jitter_stays_within_its_share(attempt: int, chance: float) -> None:
    """A wait is stretched or shortened by a tenth at the most."""
    wait = RetryPolicy().wait(attempt, None, lambda: chance)
    assert wait is not None
    assert 0.9 * SCHEDULE[attempt] - 1e-6 <= wait <= 1.1 * SCHEDULE[attempt] + 1e-6


@pytest.mark.parametrize(
    ("asked", "wait"),
    [(None, 5), (0, 5), (0.2, 5), (-7, 5), (60, 60), (3600, 3600), (10**9, 86_400),
     (float("inf"), 86_400), (float("nan"), 5)],
)  # fmt: skip
def test_retry_after_has_a_floor_and_a_cap(asked: float | None, wait: float) -> None:
    """A target's wish is honoured up to a day, and never shortens our own schedule."""
    assert wait == RetryPolicy(jitter=0).wait(1, asked, lambda: 0.5)
    assert 1.0 == RetryPolicy(schedule=(0, 0), jitter=0).wait(1, 0.1, lambda: 0.5)


def test_breaker_opens_doubles_and_closes() -> None:
    """After five failures in a row the target rests; each failed probe doubles the rest."""
    policy, state, rests = BreakerPolicy(), BreakerState(), []
    for failure in range(14):
        state = policy.failed(state, NOW)
        rests.append((state.open_until - NOW) / 1000 if state.open_until else 0)
        assert (failure >= 4) == (policy.allows(state, NOW) == 0)
    assert [0, 0, 0, 0, 5, 10, 20, 40, 80, 160, 300, 300, 300, 300] == rests
    assert 1 == policy.allows(state, state.open_until)
    assert None is policy.allows(closed_again(), NOW)


def test_probe_under_way_lets_nothing_else_through() -> None:
    """While a probe is out, nothing else is sent."""
    probing = BreakerState(failures=5, open_until=NOW, probing=True)
    assert 0 == BreakerPolicy().allows(probing, NOW)


@pytest.mark.parametrize(
    ("asked", "rest"),
    [(None, 0), (0, 0), (float("nan"), 0), (90, 90), (7200, 7200), (10**9, 86_400)],
)
def test_target_that_asks_for_a_pause_gets_it(asked: float | None, rest: float) -> None:
    """One answer with Retry-After is enough to leave the whole target alone that long."""
    state = BreakerPolicy().failed(BreakerState(), NOW, asked)
    assert rest == max(0, state.open_until - NOW) / 1000


def test_shorter_pause_does_not_end_a_longer_one() -> None:
    """A pause that stands is not shortened by a later answer."""
    state = BreakerPolicy().failed(BreakerState(), NOW, 600)
    assert state.open_until == BreakerPolicy().failed(state, NOW + 1000, 5).open_until

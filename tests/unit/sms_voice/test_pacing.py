"""Turns: no number is quicker than it may be, and waiting for one's turn is no unknown outcome."""

from __future__ import annotations

import pytest

from gateway import Deferred
from gateway_sms_voice.pacing import Bucket, Pace


def test_tokens_gather_while_nothing_is_sent() -> None:
    """After a pause a second's worth goes at once, and no more; then one at a time."""
    bucket = Bucket(2.0, 2.0, 0.0)
    assert [0.0, 0.0, 0.5, 1.0] == [bucket.take(0.0) for _ in range(4)]
    assert [0.0, 0.0, 0.5] == [bucket.take(100.0) for _ in range(3)]


def test_segments_count() -> None:
    """A text of three segments makes the next one wait for three."""
    bucket = Bucket(1.0, 1.0, 0.0)
    assert [0.0, 3.0, 4.0] == [bucket.take(0.0, tokens=n) for n in (3, 1, 1)]


def test_turn_that_is_too_far_away_is_not_taken() -> None:
    """Who does not want to wait so long takes nobody's place."""
    bucket = Bucket(1.0, 1.0, 0.0)
    assert [0.0, 1.0] == [bucket.take(0.0) for _ in range(2)]
    assert [2.0, 2.0] == [bucket.take(0.0, most=1.5) for _ in range(2)]
    assert 2.0 == bucket.take(0.0, most=2.0)


async def test_nobody_waits_longer_than_until() -> None:
    """A turn after that moment is told as one that comes later, with how long; so is any part that
    is begun after it, at whatever pace.
    """
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    pace = Pace(lambda: 100.0, sleep)
    for _ in range(3):
        await pace.turn("+1", 0.1, until=120.0)
    assert [10.0, 20.0] == waits
    with pytest.raises(Deferred) as later:
        await pace.turn("+1", 0.1, until=120.0)
    assert ("paced", 30.0) == (later.value.reason_code, later.value.retry_after)
    await pace.turn("+2", 0.1, until=120.0)
    await pace.turn("+1", 0.0, until=120.0)
    with pytest.raises(Deferred):
        await pace.turn("+1", 0.0, until=99.0)

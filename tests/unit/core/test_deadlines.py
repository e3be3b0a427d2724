"""Many waits, each ended in its time by one timer."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.deadlines import Deadlines

LONG = 60.0


async def test_what_is_not_ended_is_given_up_in_order() -> None:
    """Whoever began first is given up first, and what was ended in time never."""
    deadlines, given_up, done = Deadlines(0.01), [], asyncio.Event()
    deadlines.begin(lambda: given_up.append("first"))
    ended = deadlines.begin(lambda: given_up.append("ended"))
    deadlines.begin(done.set)
    deadlines.end(ended)
    await asyncio.wait_for(done.wait(), LONG)
    assert ["first"] == given_up


async def test_a_later_one_has_its_own_time() -> None:
    """The timer of the first does not end what began after it."""
    loop, deadlines = asyncio.get_running_loop(), Deadlines(0.05)
    deadlines.begin(lambda: None)
    await asyncio.sleep(0.02)
    began, done = loop.time(), loop.create_future()
    deadlines.begin(lambda: done.set_result(loop.time()))
    assert await asyncio.wait_for(done, LONG) - began >= deadlines.seconds


async def test_a_block_that_takes_too_long_is_cut_off() -> None:
    """The block ends with a timeout, and its task goes on as if nobody had cancelled it."""
    limit = Deadlines(0.01).limit()
    with pytest.raises(TimeoutError), limit:
        await asyncio.sleep(LONG)
    task = asyncio.current_task()
    assert limit.expired
    assert task is not None
    assert 0 == task.cancelling()


async def test_a_block_that_is_quick_is_left_alone() -> None:
    """Nothing happens to it, nor to what its task does afterwards."""
    limit = Deadlines(0.01).limit()
    with limit:
        pass
    await asyncio.sleep(0.03)
    assert not limit.expired


async def test_a_cancellation_by_others_is_no_timeout() -> None:
    """Who cancels a task gets its cancellation, though it had a deadline as well."""

    async def work() -> None:
        with Deadlines(LONG).limit():
            await asyncio.sleep(LONG)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

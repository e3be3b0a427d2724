"""The virtual-time loop: time passes at once, the seed decides the order, and nothing waits unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.simulation.loop import Deadlock, SimLoop


def run(seed: int, work: Coroutine[Any, Any, Any]) -> Any:
    """Run something on a loop of its own."""
    loop = SimLoop(seed)
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


async def order(tasks: int = 8) -> list[int]:
    """The order in which tasks that are ready together ran."""
    seen: list[int] = []

    async def note(number: int) -> None:
        seen.append(number)

    await asyncio.gather(*(note(number) for number in range(tasks)))
    return seen


def test_time_passes_at_once() -> None:
    """Eighty hours of sleep end at exactly the moment they should."""

    async def sleep() -> float:
        await asyncio.sleep(80 * 3600)
        return asyncio.get_running_loop().time()

    assert 80 * 3600 == pytest.approx(run(1, sleep()))


def test_seed_decides_the_order() -> None:
    """The same seed runs what is ready in the same order; others find other orders."""
    assert run(7, order()) == run(7, order())
    assert len({tuple(run(seed, order())) for seed in range(20)}) > 15


def test_waiting_for_nothing_is_found() -> None:
    """Where a real loop would wait for ever, this one says so."""

    async def wait() -> None:
        await asyncio.Event().wait()

    loop = SimLoop(1)
    task = loop.create_task(wait())
    with pytest.raises(Deadlock):
        loop.run_until_complete(task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()


def test_threads_are_none() -> None:
    """What would run in a thread runs on the loop a moment later, its error with it."""

    async def away() -> int:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)
        return await asyncio.to_thread(lambda: 6 * 7)

    assert 42 == run(1, away())


def test_sockets_are_none() -> None:
    """Nothing can do I/O that the simulation would not see."""

    async def listen() -> None:
        asyncio.get_running_loop().add_reader(0, lambda: None)

    with pytest.raises(AssertionError, match="I/O"):
        run(1, listen())

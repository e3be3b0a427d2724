"""Whose turn it is on the event loop: senders first, but never alone and never for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from gateway.core.turns import Turns
from gateway.testing.clock import FakeClock
from tests.unit.core.workshop import until as eventually

LONG = 3600.0


class Workplace:
    """Arrivals that are worked on until they are told to be done."""

    def __init__(self, turns: Turns, clock: FakeClock) -> None:
        self.turns, self.clock = turns, clock
        self.begun: list[int] = []
        self.ends = [asyncio.Event() for _ in range(6)]
        self.left = asyncio.Event()
        self.left.set()

    async def work(self, number: int, since: int) -> None:
        """Work on one arrival."""
        async with self.turns.work(since) as turn:
            self.begun.append(number)
            await self.ends[number].wait()
            turn.rests()
            await self.left.wait()


@asynccontextmanager
async def workplace(*, age: int = 0, slow: bool = True, **settings: float) -> AsyncGenerator[Workplace]:  # fmt: skip
    """Six arrivals that came at once, after a sender that had to wait or one that had not."""
    clock = FakeClock()
    turns = Turns(clock, few=2, prompt=-1 if slow else LONG, **settings)  # type: ignore[arg-type]
    turns.waited(asyncio.get_running_loop().time())
    place = Workplace(turns, clock)
    tasks = [asyncio.create_task(place.work(n, clock.now() - age)) for n in range(6)]
    await settled()
    yield place
    for end in place.ends:
        end.set()
    async with asyncio.timeout(10):
        await asyncio.gather(*tasks)
    assert sorted(place.begun) == list(range(6))


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""

    async def look() -> bool:
        return true()

    await eventually(look)


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_nobody_waits_while_acknowledgements_are_prompt() -> None:
    """Work is held back only where it costs somebody time."""
    async with workplace(slow=False) as place:
        assert [0, 1, 2, 3, 4, 5] == place.begun


async def test_few_are_begun_while_senders_wait() -> None:
    """The next one begins when one is done, in the order in which they came."""
    async with workplace(lull=0.5, hold=LONG) as place:
        assert [0, 1] == place.begun
        place.ends[1].set()
        await settled()
        assert [0, 1, 2] == place.begun
        place.ends[0].set()
        place.ends[2].set()
        await settled()
        assert [0, 1, 2, 3, 4] == place.begun


async def test_all_begin_once_no_sender_waits() -> None:
    """The end of a burst is the end of holding back, though nothing was done meanwhile."""
    async with workplace(lull=0.02, hold=LONG) as place:
        await until(lambda: len(place.begun) == 6)


async def test_senders_that_come_again_and_again_keep_their_turn_but_not_for_ever() -> None:
    """However many senders there are, what has waited for long enough is begun."""
    async with workplace(lull=0.05, hold=LONG, patience=300) as place:
        assert [0, 1] == place.begun
        async with asyncio.timeout(10):
            while len(place.begun) < 6:
                await asyncio.sleep(0.01)
                place.turns.waited(asyncio.get_running_loop().time())


@pytest.mark.parametrize(("age", "slow"), [(5_000, True), (0, False)])
async def test_even_a_backlog_is_worked_on_a_little_at_a_time(age: int, slow: bool) -> None:
    """What is old waits for no sender, and still there are never more than so many at once."""
    async with workplace(age=age, slow=slow, most=4, some=4, lull=LONG, hold=LONG) as place:
        assert [0, 1, 2, 3] == place.begun
        place.ends[2].set()
        await settled()
        assert [0, 1, 2, 3, 4] == place.begun


async def test_what_only_waits_for_its_commit_makes_no_room_while_senders_wait() -> None:
    """The next one begins when the block is left."""
    async with workplace(lull=LONG, hold=LONG) as place:
        place.left.clear()
        place.ends[0].set()
        await settled()
        assert [0, 1] == place.begun
        place.left.set()
        await settled()
        assert [0, 1, 2] == place.begun


async def test_what_only_waits_for_its_commit_makes_room() -> None:
    """A turn is over before the block is; leaving that gives no second one away."""
    async with workplace(slow=False, most=2, hold=LONG) as place:
        place.left.clear()
        place.ends[0].set()
        await settled()
        assert [0, 1, 2] == place.begun
        place.left.set()
        await settled()
        assert [0, 1, 2] == place.begun


async def test_what_takes_long_makes_room() -> None:
    """One that waits for a plugin or a parser takes nothing from senders, so others begin beside it."""
    async with workplace(lull=0.5, hold=0.01) as place:
        await until(lambda: len(place.begun) == 4)


async def test_a_wait_that_is_given_up_leaves_no_trace() -> None:
    """Whoever is cancelled while waiting takes no turn from the others."""
    turns = Turns(FakeClock(), few=1, prompt=-1, lull=LONG, hold=LONG)
    turns.waited(asyncio.get_running_loop().time())
    place = Workplace(turns, FakeClock())
    first, second, third = (asyncio.create_task(place.work(n, place.clock.now())) for n in range(3))
    await settled()
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    place.ends[0].set()
    place.ends[2].set()
    async with asyncio.timeout(10):
        await asyncio.gather(first, third)
    assert [0, 2] == place.begun

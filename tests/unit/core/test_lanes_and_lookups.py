"""Lanes keep order and do not wait for one another; look-ups share their trips to the store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from gateway.core.gathering import LARGEST, Gathered
from gateway.core.pipeline.lanes import Lanes
from gateway.domain.draft import ThreadRef
from gateway.domain.known import Known, Question
from gateway.errors import StoreUnavailable
from tests.unit.core.workshop import Workshop, letter, until


async def test_lanes_keep_order_and_pass_one_another() -> None:
    """A lane that waits holds up nobody but what stands behind it."""
    gate, done = asyncio.Event(), []

    async def work(item: tuple[str, int]) -> None:
        if item == ("slow", 0):
            await gate.wait()
        await asyncio.sleep(0)
        done.append(item)

    lanes: Lanes[tuple[str, int]] = Lanes(work, size=lambda _: 1)
    for number in range(3):
        lanes.put("slow", ("slow", number))
        lanes.put("fast", ("fast", number))

    async def passed() -> bool:
        return len(done) == 3

    await until(passed)
    assert [("fast", n) for n in range(3)] == done
    gate.set()
    await lanes.drain(5)
    assert [("slow", n) for n in range(3)] == done[3:]
    assert (0, 0) == (lanes.items, lanes.bytes)


async def test_lanes_bound_what_they_hold() -> None:
    """By number and by weight: when full, whoever feeds them waits until something is done."""
    gate = asyncio.Event()

    async def work(_: int) -> None:
        await gate.wait()

    lanes: Lanes[int] = Lanes(work, size=lambda item: item, most_items=3, most_bytes=100)
    lanes.put("a", 10)
    assert (2, 90) == lanes.room
    lanes.put("b", 90)
    waiting = asyncio.ensure_future(lanes.wait_for_room())
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.set()
    async with asyncio.timeout(5):
        await waiting
    await lanes.drain(5)
    assert (3, 100) == lanes.room


async def test_draining_gives_up_on_what_hangs() -> None:
    """What does not end in time is cancelled, and nothing is left on the books."""
    stopped = []

    async def work(item: int) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.append(item)
            raise

    lanes: Lanes[int] = Lanes(work, size=lambda _: 1)
    for item in range(3):
        lanes.put("one lane", item)
    await asyncio.sleep(0)
    await lanes.drain(0.01)
    assert [0] == stopped
    assert (0, 0) == (lanes.items, lanes.bytes)


class Answering:
    """The look-ups of a store, counting its trips."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.gate = asyncio.Event()
        self.fails = False

    async def look_up(self, questions: Sequence[Question]) -> list[Known]:
        self.batches.append(len(questions))
        await self.gate.wait()
        if self.fails:
            raise StoreUnavailable("away")
        return [Known(conversations={}, claimed={q.tenant.encode(): 1}) for q in questions]


def questions(count: int) -> list[Question]:
    """Questions that can be told apart."""
    return [Question(tenant=str(number)) for number in range(count)]


async def test_questions_share_a_trip_and_get_their_own_answers() -> None:
    """What is asked while one batch is answered shares the next, bounded in size."""
    store: Any = Answering()
    look_ups: Gathered[Question, Known] = Gathered(store.look_up)
    asked = [asyncio.ensure_future(look_ups.ask(question)) for question in questions(300)]
    await asyncio.sleep(0)
    store.gate.set()
    answers = await asyncio.gather(*asked)
    assert [{str(n).encode(): 1} for n in range(300)] == [answer.claimed for answer in answers]
    assert [LARGEST, LARGEST, 300 - 2 * LARGEST] == store.batches


async def test_failed_trip_fails_its_questions_only() -> None:
    """An error reaches everybody of its batch; the next question asks anew."""
    store: Any = Answering()
    look_ups: Gathered[Question, Known] = Gathered(store.look_up)
    store.fails = True
    store.gate.set()
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await look_ups.ask(Question(tenant="x"))
    store.fails = False
    assert {b"x": 1} == (await look_ups.ask(Question(tenant="x"))).claimed


async def test_who_goes_away_does_not_disturb_the_others() -> None:
    """A cancelled question leaves the answers of its batch alone."""
    store: Any = Answering()
    look_ups: Gathered[Question, Known] = Gathered(store.look_up)
    first, second = (asyncio.ensure_future(look_ups.ask(q)) for q in questions(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    store.gate.set()
    assert {b"1": 1} == (await second).claimed
    assert first.cancelled()


async def test_what_was_said_before_is_read_only_if_nothing_else_tells(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much somebody wrote in a thread, what they go on with there costs no reading of it."""
    asked: list[bool] = []
    look_up = shop.pipeline._look_ups._gathered._answer

    async def noted(questions: Sequence[Question]) -> Sequence[Known]:
        asked.extend(question.recent_of is not None for question in questions)
        return await look_up(questions)

    monkeypatch.setattr(shop.pipeline._look_ups._gathered, "_answer", noted)
    thread = ThreadRef(native_id="the thread", admits_sender=True)
    for n in range(3):
        await shop.take(letter(text=f"the printer is on fire, part {n}", thread=thread))
    assert [False] * 3 == asked
    await shop.take(letter(text="the printer is on fire, part 2"))
    assert [False] * 4 + [True] == asked
    assert [None, None, None, "repeats"] == [
        one.repeat_of and "repeats" for one in await shop.messages()
    ]

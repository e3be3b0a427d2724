"""Back-pressure and fairness: too much of one tenant closes its door, and no other's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from gateway.core.health import HealthBoard
from gateway.core.high_water import HighWater
from gateway.domain.arrival import NewArrival
from gateway.domain.counts import Counts
from gateway.domain.draft import Draft
from gateway.errors import Overloaded, StoreUnavailable
from gateway.testing.clock import FakeClock
from tests.unit.core.workshop import ListLog, Workshop, letter, until, workshop


def mark(shop: Workshop, most: int) -> tuple[HighWater, HealthBoard, ListLog]:
    """A mark over the workshop's store."""
    log = ListLog()
    board = HealthBoard(shop.clock, log)
    return HighWater(store=shop.store, board=board, log=log, mark=most), board, log


async def test_a_tenant_over_the_mark_is_asked_to_come_back(database: Path) -> None:
    """Above the mark nothing of its customers is stored or acknowledged; others and agents go on."""
    async with workshop(database, pipeline=False) as shop:
        water, board, _ = mark(shop, 10)
        for number in range(11):
            await shop.hand_in(letter(), key=str(number))
        door, other = shop.door(), shop.door(tenant="acme")
        agents = shop.door("tickets", kind="backend")
        for one in (door, other, agents):
            one._admit = water.admit
        water.judge(await shop.store.counts())
        with pytest.raises(Overloaded, match="over 10 messages wait to be worked on already"):
            await door.accept([new("one too many")])
        assert 11 == (await shop.store.counts()).arrivals_waiting
        await other.accept([new("another tenant's")])
        await agents.accept([new("an agent's")])
        assert [] == await door.accept([], state=[("cursor", 1)])
        sick = board.sick["intake"]
        assert ("degraded", "high_water") == (sick.state, sick.code)
        assert "default wait to be worked on (intake.high_water)" in sick.reason


def test_it_opens_again_once_a_tenth_is_done() -> None:
    """Between nine tenths and the mark the door stays as it was, so that it does not flutter."""
    clock = FakeClock()
    board = HealthBoard(clock, ListLog())
    water = HighWater(store=None, board=board, log=ListLog(), mark=100)  # type: ignore[arg-type]
    for waiting, closed in ((100, False), (101, True), (91, True), (90, False), (95, False)):
        water.judge(Counts(customers_waiting={"default": waiting, "acme": 1}))
        assert closed == ("intake" in board.sick)
        water.admit("acme")
        if closed:
            with pytest.raises(Overloaded):
                water.admit("default")
        else:
            water.admit("default")


async def test_a_store_that_does_not_answer_closes_nothing(shop: Workshop) -> None:
    """Counting that fails is logged; what was decided last stands."""

    class Silent:
        async def counts(self) -> Counts:
            raise StoreUnavailable("gone")

    water, board, log = mark(shop, 1)
    water._store = Silent()  # type: ignore[assignment]
    counting = asyncio.create_task(water.run())
    await until(lambda: logged(log))
    counting.cancel()
    water.admit("default")
    assert {} == board.sick


async def logged(log: ListLog) -> bool:
    """Whether the count that failed was logged, and nothing else."""
    return [("intake.counting", {"error": "gone"})] == log.lines


class Slow:
    """A plugin that takes a while over the burst's messages, and notes who was worked on."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.go = asyncio.Event()

    async def normalise_message(self, draft: Draft) -> Draft:
        await self.go.wait()
        self.seen.append(draft.text.split()[0])
        return draft


async def test_a_burst_of_one_tenant_holds_up_no_other(database: Path) -> None:
    """Behind hundreds of another tenant's senders, a customer and an agent are served among the first."""
    slow = Slow()
    async with workshop(database, plugins=(slow,), pipeline=False) as shop:
        for number in range(600):
            await shop.hand_in(letter(f"p{number}", "burst"), key=str(number), lane=str(number))
        await shop.hand_in(letter("zoe", "other tenant's"), key="late", tenant="acme", lane="zoe")
        await shop.hand_in(letter("kim", "agent's"), key="r", source="tickets", kind="backend")
        shop.run(shop.pipeline.run())
        slow.go.set()
        await shop.quiet()
    assert 602 == len(slow.seen)
    assert max(slow.seen.index("other"), slow.seen.index("agent's")) < 256


def new(text: str) -> NewArrival:
    """An arrival as a channel hands it in."""
    return NewArrival(key=text, body=msgspec.json.encode([letter(text=text)]))

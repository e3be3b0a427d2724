"""Deliveries that are claimed before there is a place for them at their target."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.core.outbox.places import AHEAD, Places
from gateway.domain.delivery import Delivery
from gateway.domain.retrying import BreakerPolicy
from gateway.errors import Unreachable
from tests.unit.core.deliveries import BACKEND
from tests.unit.core.workshop import Step, Workshop, letter, until, workshop

MANY, CLAIMED = 9, 4
ONE_PLACE: dict[str, Any] = {"backend": {"concurrency": 1}}


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have three more claimed than are sent, however quick the machine is."""
    monkeypatch.setattr(Places, "claimable", CLAIMED)


async def full(shop: Workshop, step: Step) -> None:
    """Have many people's deliveries sent; the first takes this step, and others wait behind it."""
    shop.tickets.script.then(step, stores=True)
    for n in range(MANY):
        await shop.hand_in(letter(f"p{n}", text=f"help {n}"), lane=str(n))
    await shop.quiet()
    shop.send_to(BACKEND)

    async def waiting() -> bool:
        return shop.tickets.script.running == 1 and len(await states(shop, "leased")) == CLAIMED

    await until(waiting)


async def states(shop: Workshop, state: str) -> Sequence[Delivery]:
    """The deliveries that are in a state."""
    return [one for one in await shop.deliveries(BACKEND) if one.state == state]


@pytest.mark.usefixtures("ahead")
async def test_no_more_are_sent_at_once_than_the_target_takes(database: Path) -> None:
    """While one is sent others are claimed already, and they wait for its place."""
    gate = asyncio.Event()
    async with workshop(database, **ONE_PLACE) as shop:
        await full(shop, gate.wait)
        gate.set()
        await shop.settled(BACKEND, "delivered", MANY)
        assert 1 == shop.tickets.script.most_running
        assert MANY == len(shop.tickets.entries)


@pytest.mark.usefixtures("ahead")
async def test_what_gets_no_place_is_given_back_as_it_was(database: Path) -> None:
    """Behind a target that hangs nothing is held: it can be looked at, cancelled, and sent by others."""
    gate = asyncio.Event()
    async with workshop(database, patience=0.05, **ONE_PLACE) as shop:
        await full(shop, gate.wait)

        async def given_back() -> bool:
            return len(await states(shop, "leased")) == 1

        await until(given_back)
        queued = await states(shop, "queued")
        assert {(0, (), 0)} == {(one.attempts, one.history, one.lease) for one in queued}
        assert 1 == shop.tickets.script.running
        gate.set()
        await shop.settled(BACKEND, "delivered", MANY)
        assert MANY == len(shop.tickets.entries)


@pytest.mark.usefixtures("ahead")
async def test_what_waits_is_not_sent_to_a_target_that_fell_ill(database: Path) -> None:
    """Once the breaker opens, what was claimed before is left alone with the rest."""
    gate = asyncio.Event()

    async def falls_ill() -> None:
        await gate.wait()
        raise Unreachable("down")

    ill = BreakerPolicy(threshold=1, pause=60)
    async with workshop(database, breaker=ill, **ONE_PLACE) as shop:
        await full(shop, falls_ill)
        calls = shop.tickets.script.calls
        gate.set()

        async def left_alone() -> bool:
            return not await states(shop, "leased")

        await until(left_alone)
        assert calls == shop.tickets.script.calls
        await shop.later(61)
        await shop.settled(BACKEND, "delivered", MANY)


@pytest.mark.usefixtures("ahead")
async def test_killed_with_some_claimed_ahead(database: Path) -> None:
    """They are taken for possibly sent, looked up by the next gateway, and each is sent once."""
    async with workshop(database, **ONE_PLACE) as killed:
        await full(killed, asyncio.Event().wait)
        shelf, clock = killed.tickets.tickets, killed.clock
    async with workshop(database, clock=clock, node=2) as fresh:
        fresh.tickets.tickets = shelf
        await fresh.store.recover_deliveries(now=clock.now())
        assert 1 < len(await states(fresh, "unknown"))
        fresh.send_to(BACKEND)
        await fresh.settled(BACKEND, "delivered", MANY)
        assert MANY == len(fresh.tickets.entries)
        assert 1 < fresh.tickets.search.calls


async def test_what_must_not_be_sent_twice_is_not_claimed_ahead(database: Path) -> None:
    """A kill leaves only what was under way for a person to look at, not what would have come next."""
    never: dict[str, Any] = {"backend": {"concurrency": 1, "repeat": "never"}}
    async with workshop(database, **never) as shop:
        leased = []

        async def look() -> None:
            leased.append(len(await states(shop, "leased")))

        shop.tickets.script.then(*[look] * MANY, stores=True)
        for n in range(MANY):
            await shop.hand_in(letter(f"p{n}"), lane=str(n))
        await shop.quiet()
        shop.send_to(BACKEND)
        await shop.settled(BACKEND, "delivered", MANY)
        assert [1] * MANY == leased


async def test_the_quicker_they_end_the_more_are_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many wait for a place as end while a few claims are made: none where one takes seconds."""
    now = 100.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    left: list[None] = []
    places = Places(4, ahead=True, left=lambda: left.append(None), patience=1)
    assert 4 == places.claimable
    with places.claiming():
        now += 0.01
        for _ in range(2):
            async with places.one():
                pass
    assert 4 + AHEAD * 2 == places.claimable
    now += 0.01
    assert 4 + AHEAD == places.claimable
    now += 10
    assert 4 == places.claimable
    assert 2 == len(left)

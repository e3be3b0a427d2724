"""Deliveries over the real store: order, retries, breakers and dead letters."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.domain.delivery import PARKED
from gateway.domain.retrying import BreakerPolicy, RetryPolicy
from gateway.errors import (
    AuthenticationFailed,
    Refused,
    Rejected,
    TargetBroken,
    Throttled,
    Unreachable,
)
from tests.unit.core.deliveries import BACKEND, reaches, says, tried
from tests.unit.core.workshop import Workshop, letter, until, workshop


async def test_first_opens_a_ticket_and_the_rest_are_entries(office: Workshop) -> None:
    """A conversation is one ticket, with its messages as entries in their order."""
    for n in range(5):
        await says(office, f"part {n}")
    await office.settled(BACKEND, "delivered", 5)
    assert [f"part {n}" for n in range(5)] == [e.text for e in office.tickets.tickets["1"]]
    assert {"1"} == set(office.tickets.tickets)


async def test_order_holds_within_a_conversation_and_others_pass(office: Workshop) -> None:
    """While one conversation's head waits for a retry, its rest waits and other people's go on."""
    office.tickets.script.then(Unreachable("the ticket system is away"))
    await says(office, "first")
    await tried(office, 1)
    await says(office, "second")
    await says(office, "hello", author="bob")
    await office.settled(BACKEND, "delivered", 1)
    assert ["hello"] == [entry.text for entry in office.tickets.entries]
    await office.later(5)
    await office.settled(BACKEND, "delivered", 3)
    assert ["hello", "first", "second"] == [entry.text for entry in office.tickets.entries]


async def test_conversations_are_sent_side_by_side_up_to_the_limit(database: Path) -> None:
    """As many requests are under way at once as the target can take, and no more."""
    gate = asyncio.Event()
    async with workshop(database, backend={"concurrency": 3}) as shop:
        shop.tickets.script.then(*[gate.wait] * 8)
        for n in range(8):
            await shop.hand_in(letter(f"p{n}"), lane=str(n))
        await shop.quiet()
        shop.send_to(BACKEND)

        async def full() -> bool:
            return shop.tickets.script.running == 3

        await until(full)
        gate.set()
        await shop.settled(BACKEND, "delivered", 8)
        assert 3 == shop.tickets.script.most_running


async def test_retry_schedule_ends_in_a_dead_letter(office: Workshop) -> None:
    """A failing delivery is tried at the scheduled moments and then rests as a visible dead letter."""
    office.tickets.script.then(*[TargetBroken("no")] * 4)
    await says(office, "help")
    waits = []
    for attempt, pause in enumerate((5, 30, 120), 1):
        delivery = await tried(office, attempt)
        waits.append((delivery.next_at - office.clock.now()) // 1000)
        assert "queued" == delivery.state
        await office.later(pause)
    dead = await reaches(office, "dead")
    assert [5, 30, 120] == waits
    assert ("target_broken", 4, PARKED) == (dead.last_code, dead.attempts, dead.next_at)
    kinds = [event.kind for changes in office.committed for event in changes.events]
    assert 1 == kinds.count("delivery.dead")


async def test_replayed_dead_letter_is_sent_and_its_line_goes_on(office: Workshop) -> None:
    """A rejected head holds its line; replayed after a fix, everything leaves in order."""
    office.tickets.script.then(Rejected("the queue does not exist"))
    await says(office, "first")
    dead = await reaches(office, "dead")
    await says(office, "second")
    assert 1 == office.tickets.script.calls
    await office.operator.settle_delivery(None, dead.id, "replay", "ada")
    await office.settled(BACKEND, "delivered", 2)
    assert ["first", "second"] == [entry.text for entry in office.tickets.entries]


async def test_discarded_dead_letter_lets_the_next_pass(office: Workshop) -> None:
    """Discarding a head that cannot be sent frees its line."""
    office.tickets.script.then(Rejected("too long"))
    await says(office, "first")
    dead = await reaches(office, "dead")
    await says(office, "second")
    await office.operator.settle_delivery(None, dead.id, "discard", "ada")
    await office.settled(BACKEND, "delivered", 1)
    assert ["second"] == [entry.text for entry in office.tickets.entries]
    with pytest.raises(Refused, match="only dead and unknown"):
        await office.operator.settle_delivery(None, dead.id, "replay", "ada")


async def test_skipping_target_passes_a_dead_head(database: Path) -> None:
    """Where the target says so, what comes behind a dead letter leaves without it."""
    async with workshop(database, backend={"stuck_head": "skip"}) as shop:
        shop.send_to(BACKEND)
        shop.tickets.script.then(Rejected("no"))
        await says(shop, "first")
        await reaches(shop, "dead")
        await says(shop, "second")
        await shop.settled(BACKEND, "delivered", 1)
        assert ["second"] == [entry.text for entry in shop.tickets.entries]


async def test_retry_after_is_honoured_for_the_whole_target(office: Workshop) -> None:
    """A target that asks for ten minutes gets them, from every conversation."""
    office.tickets.script.then(Throttled("slow down", retry_after=600))
    await says(office, "first")
    delivery = await tried(office, 1)
    assert 600_000 == delivery.next_at - office.clock.now()
    await says(office, "hello", author="bob")
    await office.later(599)
    assert 1 == office.tickets.script.calls
    await office.later(1.1)
    await office.settled(BACKEND, "delivered", 2)
    assert 3 == office.tickets.script.calls


async def test_breaker_lets_one_probe_through(database: Path) -> None:
    """A target that failed again and again is left alone, then asked by one request alone."""
    breaker = BreakerPolicy(threshold=3, pause=60, longest=600)
    retry = RetryPolicy(schedule=(0, 1, 1, 1, 1, 1, 1, 1, 1), jitter=0)
    async with workshop(database, breaker=breaker, retry=retry) as shop:
        script = shop.tickets.script
        script.then(*[Unreachable("down")] * 4)
        for n in range(3):
            await shop.hand_in(letter(f"p{n}"), lane=str(n))
        await shop.quiet()
        shop.send_to(BACKEND)

        async def failed() -> bool:
            return BACKEND in shop.health and script.running == 0

        await until(failed)
        assert (3, "unreachable") == (script.calls, shop.health[BACKEND].code)
        await shop.later(59)
        assert 3 == script.calls
        await shop.later(2)

        async def probed() -> bool:
            return script.calls == 4 and script.running == 0

        await until(probed)
        await shop.later(60)  # the probe failed: the pause has doubled
        assert 4 == script.calls
        script.most_running = 0
        gate = asyncio.Event()
        script.then(gate.wait)
        await shop.later(61)

        async def asked() -> bool:
            return script.calls == 5

        await until(asked)
        assert 1 == script.most_running
        gate.set()
        await shop.settled(BACKEND, "delivered", 3)
        assert shop.health[BACKEND].well


async def test_wrong_password_uses_up_no_attempts(office: Workshop) -> None:
    """Credentials that expired are the operator's to renew: deliveries wait however long it takes."""
    office.tickets.script.then(*[AuthenticationFailed("the password was refused")] * 10)
    await says(office, "help")
    for attempt in range(1, 11):
        delivery = await tried(office, attempt)
        assert ("queued", 0) == (delivery.state, delivery.attempts)
        assert "authentication_failed" == office.health[BACKEND].code
        await office.later(301)
    await office.settled(BACKEND, "delivered", 1)

"""Deliveries of which nobody knows the outcome, since an answer or a process was lost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from gateway.domain.delivery import PARKED
from gateway.errors import (
    OutcomeUnknown,
    Rejected,
    TargetBroken,
    Unreachable,
)
from tests.unit.core.deliveries import BACKEND, answered, reaches, says, tried
from tests.unit.core.workshop import Workshop, letter, until, workshop


async def test_unknown_outcome_that_happened_is_found(office: Workshop) -> None:
    """A ticket whose answer was lost is found by search, and not opened twice."""
    office.tickets.script.then(OutcomeUnknown("the answer was lost"), stores=True)
    await says(office, "help")
    await reaches(office, "unknown")
    await office.later(5)
    [done] = await office.settled(BACKEND, "delivered", 1)
    assert 1 == len(office.tickets.entries)
    assert ["unknown", "found"] == [attempt.outcome for attempt in done.history]
    view = await office.store.conversation(None, done.conversation)
    assert ["1"] == [ticket.external_id for ticket in view.tickets]


async def test_unknown_outcome_that_did_not_happen_is_sent_again(office: Workshop) -> None:
    """What the search does not find is sent again."""
    office.tickets.script.then(OutcomeUnknown("the answer was lost"))
    await says(office, "help")
    await reaches(office, "unknown")
    await office.later(5)
    await office.settled(BACKEND, "delivered", 1)
    assert (1, 1) == (office.tickets.search.calls, len(office.tickets.entries))


async def test_unknown_stays_unknown_while_the_search_fails(office: Workshop) -> None:
    """A search that fails settles nothing: the next attempt searches again and does not just send."""
    office.tickets.script.then(OutcomeUnknown("the answer was lost"), stores=True)
    office.tickets.search.then(Unreachable("away"), TargetBroken("broken"))
    await says(office, "help")
    for attempt, pause in enumerate((5, 30, 120), 1):
        assert "unknown" == (await tried(office, attempt)).state
        await office.later(pause)
    await office.settled(BACKEND, "delivered", 1)
    assert 1 == len(office.tickets.entries)


async def test_unknown_entry_is_looked_up_in_its_ticket(office: Workshop) -> None:
    """What may have been added to a ticket is looked for there."""
    await says(office, "first")
    await office.settled(BACKEND, "delivered", 1)
    office.tickets.script.then(OutcomeUnknown("lost"), stores=True)
    await says(office, "second")

    async def unknown() -> bool:
        return (await office.deliveries(BACKEND))[1].state == "unknown"

    await until(unknown)
    await office.later(5)
    await office.settled(BACKEND, "delivered", 2)
    assert ["first", "second"] == [entry.text for entry in office.tickets.entries]


async def test_timeout_counts_as_unknown(database: Path) -> None:
    """A target that takes the request and never answers leaves an unknown outcome behind."""
    async with workshop(database, deadline=0.5) as shop:
        shop.send_to(BACKEND)
        shop.tickets.script.then(asyncio.Event().wait, stores=True)
        await says(shop, "help")
        delivery = await reaches(shop, "unknown")
        assert "timeout" == delivery.last_code
        await shop.later(5)
        await shop.settled(BACKEND, "delivered", 1)
        assert 1 == len(shop.tickets.entries)


async def test_hanging_target_beside_a_healthy_one(database: Path) -> None:
    """A ticket system that never answers does not hold up another one."""
    from gateway.domain.routing import Rule

    rule = Rule(backends=("tickets", "other"))
    async with workshop(database, rules=(rule,), deadline=60) as shop:
        shop.tickets.script.then(*[asyncio.Event().wait] * 4)
        shop.send_to(BACKEND)
        shop.send_to("backend/other")
        for n in range(6):
            await shop.take(letter(f"p{n}"), lane=str(n))
        await shop.settled("backend/other", "delivered", 6)
        assert 4 == shop.tickets.script.running
        assert 6 == len(shop.backends["other"].tickets)


async def test_send_that_must_not_be_repeated_is_parked(database: Path) -> None:
    """Where a second copy would reach a person, an unknown outcome waits for somebody to look."""
    async with workshop(database, channel={"repeat": "never"}) as shop:
        shop.post.script.then(OutcomeUnknown("lost"), stores=True)
        shop.send_to("channel/post")
        await says(shop, "help")
        await answered(shop)
        parked = await reaches(shop, "unknown", "channel/post")
        assert PARKED == parked.next_at
        await shop.later(86_400)
        assert 1 == len(shop.post.sent)
        kinds = [event.kind for changes in shop.committed for event in changes.events]
        assert "delivery.unknown" in kinds
        await shop.operator.settle_delivery(None, parked.id, "discard", "ada")
        assert "cancelled" == (await shop.delivery("channel/post")).state


async def test_agent_is_told_of_an_answer_that_is_given_up(office: Workshop) -> None:
    """What the channel refuses for good is noted in the conversation and its ticket, and is work
    again for whoever answered.
    """
    office.post.script.then(Rejected("they want no more texts", code="opted_out"))
    office.send_to("channel/post")
    await says(office, "help")
    await answered(office)
    await reaches(office, "dead", "channel/post")
    note = (await office.messages())[-1]
    assert ("internal", "activity", "The answer could not be sent: they want no more texts") == (
        note.direction, note.kind, note.text,
    )  # fmt: skip
    [conversation] = await office.conversations()
    assert "open" == conversation.state
    assert note.id in [one.message for one in await office.deliveries(BACKEND)]


async def test_tolerable_send_is_repeated_with_the_same_key(office: Workshop) -> None:
    """A mail whose outcome is unknown goes out again under the same key."""
    office.post.script.then(OutcomeUnknown("lost"), stores=True)
    office.send_to("channel/post")
    await says(office, "help")
    await answered(office)
    await reaches(office, "unknown", "channel/post")
    await office.later(5)
    await office.settled("channel/post", "delivered", 1)
    first, second = office.post.sent
    assert (first.key, first.made_at) == (second.key, second.made_at)
    assert 0 == office.post.lookups


async def test_killed_between_send_and_record(database: Path) -> None:
    """A gateway killed after a ticket was opened, before it knew: the next one finds the ticket."""
    async with workshop(database) as killed:
        killed.send_to(BACKEND)
        killed.tickets.script.then(asyncio.Event().wait, stores=True)
        await says(killed, "help")

        async def under_way() -> bool:
            return killed.tickets.script.running == 1

        await until(under_way)
        shelf, clock = killed.tickets.tickets, killed.clock
        assert "leased" == (await killed.delivery(BACKEND)).state
    async with workshop(database, clock=clock, node=2) as fresh:
        fresh.tickets.tickets = shelf
        assert 1 == await fresh.store.recover_deliveries(now=clock.now())
        fresh.send_to(BACKEND)
        [done] = await fresh.settled(BACKEND, "delivered", 1)
        assert ["found"] == [attempt.outcome for attempt in done.history]
        assert 1 == len(fresh.tickets.entries)


async def test_killed_while_sending_what_must_not_be_repeated(database: Path) -> None:
    """After a kill in the middle of such a send, the next gateway parks it and shows why."""
    never: dict[str, Any] = {"channel": {"repeat": "never"}}
    async with workshop(database, **never) as killed:
        await says(killed, "help")
        await answered(killed)
        killed.post.script.then(asyncio.Event().wait, stores=True)
        killed.send_to("channel/post")

        async def under_way() -> bool:
            return killed.post.script.running == 1

        await until(under_way)
    async with workshop(database, node=2, **never) as fresh:
        await fresh.store.recover_deliveries(now=fresh.clock.now())
        fresh.send_to("channel/post")
        parked = await tried(fresh, 1, "channel/post")
        assert ("unknown", "interrupted", 0) == (
            parked.state,
            parked.last_code,
            len(fresh.post.sent),
        )


async def test_dead_process_is_noticed_by_one_that_lives(database: Path) -> None:
    """What a killed process had leased comes back to the next one, which knows nothing of it."""
    async with workshop(database) as killed:
        killed.tickets.script.then(asyncio.Event().wait)
        await says(killed, "help")
        killed.send_to(BACKEND)
        await reaches(killed, "leased")
        clock = killed.clock
    async with workshop(database, clock=clock, node=2) as living:
        living.send_to(BACKEND)
        await living.settled(BACKEND, "delivered", 1)


async def test_paused_process_writes_nothing_after_its_lease(database: Path) -> None:
    """A process that was paused past its lease cannot overwrite what the next owner settled."""
    gate = asyncio.Event()
    async with workshop(database, deadline=600) as paused:
        paused.tickets.script.then(gate.wait)
        await says(paused, "help")
        paused.send_to(BACKEND)
        await reaches(paused, "leased")
        paused.clock.advance(10_000)
        async with workshop(database, clock=paused.clock, node=2, pipeline=False) as other:
            other.send_to(BACKEND)
            [done] = await other.settled(BACKEND, "delivered", 1)
            gate.set()

            async def noticed() -> bool:
                return "delivery.lease_lost" in [event for event, _ in paused.log.lines]

            await until(noticed)
            assert done == await paused.delivery(BACKEND)

"""What agents say in a ticket before the gateway knows its number waits for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.core.pipeline.openings import Openings
from gateway.domain.draft import AgentReply, TicketChange
from gateway.errors import OutcomeUnknown
from tests.unit.core.deliveries import BACKEND, says, tried
from tests.unit.core.workshop import Workshop, until, workshop


def agent(text: str, entry: str, ticket: str = "1") -> AgentReply:
    """What an agent writes in a ticket."""
    return AgentReply(ticket=ticket, entry=entry, audience="customer", author="Bob", text=text)


async def hears(shop: Workshop, *said: AgentReply | TicketChange) -> None:
    """Hand in what a ticket system tells of one ticket."""
    for one in said:
        await shop.hand_in(one, source="tickets", kind="backend", lane="1")


async def asked(shop: Workshop, count: int) -> None:
    """Wait until so many arrivals wait for their ticket."""

    async def there() -> bool:
        return len(shop.pipeline._openings._waiting) == count

    await until(there)


async def said(shop: Workshop) -> list[str]:
    """The conversation as it reads."""
    return [message.text for message in await shop.messages()]


async def test_an_answer_may_be_faster_than_the_answer_that_names_the_ticket(
    database: Path,
) -> None:
    """A rule of the ticket system answers while the request that opens the ticket is under way."""
    async with workshop(database) as shop:
        opened = asyncio.Event()

        async def wait() -> None:
            await opened.wait()

        shop.tickets.script.then(wait)
        shop.send_to(BACKEND)
        await says(shop, "help")
        await hears(shop, agent("Try water", "7"))
        await asked(shop, 1)
        opened.set()
        await shop.quiet()
        assert ["help", "Try water"] == await said(shop)
        assert [] == await shop.quarantine()
        await asked(shop, 0)


async def test_what_is_said_while_the_outcome_is_unknown_keeps_its_order(database: Path) -> None:
    """Answers, and what became of the ticket, wait until the ticket was found."""
    async with workshop(database) as shop:
        shop.tickets.script.then(OutcomeUnknown("lost"), stores=True)
        shop.send_to(BACKEND)
        await says(shop, "help")
        await tried(shop, 1)
        solved = TicketChange(ticket="1", state="resolved", native_state="resolved")
        await hears(shop, agent("Try water", "7"), agent("Or sand", "8"), solved)
        await asked(shop, 1)
        await shop.later(30)
        await shop.quiet()
        assert ["help", "Try water", "Or sand"] == await said(shop)
        assert ["resolved"] == [one.state for one in await shop.conversations()]
        assert [] == await shop.quarantine()


async def test_what_nothing_under_way_can_have_opened_is_put_aside(database: Path) -> None:
    """A forward that waits for a person, or another ticket system's, is no reason to wait."""
    async with workshop(database) as shop:
        shop.tickets.capabilities = shop.tickets.capabilities.__class__(repeat="never")  # type: ignore[misc]
        shop.tickets.script.then(OutcomeUnknown("lost"))
        shop.send_to(BACKEND)
        await says(shop, "help")
        await tried(shop, 1)
        await hears(shop, agent("Try water", "7"))
        await shop.quiet()
        assert ["unknown_ticket"] == [one.reason.code for one in await shop.quarantine()]


async def test_only_so_many_wait(database: Path) -> None:
    """Who comes when too many wait is put aside, and a replay takes it in."""
    async with workshop(database) as shop:
        shop.pipeline._openings = Openings(shop.store, most=1)
        shop.tickets.script.then(OutcomeUnknown("lost"), stores=True)
        shop.send_to(BACKEND)
        await says(shop, "help")
        await tried(shop, 1)
        await hears(shop, agent("Try water", "7"))
        await asked(shop, 1)
        second = await shop.hand_in(
            agent("Or sand", "8"), source="tickets", kind="backend", lane="2"
        )

        async def aside() -> bool:
            return [one.arrival.id for one in await shop.quarantine()] == [second]

        await until(aside)
        await shop.later(30)
        await shop.quiet()
        await shop.operator.replay_arrival(None, second, release=False, who="ada")
        await shop.quiet()
        assert ["help", "Try water", "Or sand"] == await said(shop)


async def test_who_waits_does_not_hold_up_the_end(database: Path) -> None:
    """The gateway stops at once, and takes the answer in after the restart."""
    async with workshop(database, pipeline=False) as shop:
        running = asyncio.create_task(shop.pipeline.run())
        shop.tickets.script.then(OutcomeUnknown("lost"), stores=True)
        shop.send_to(BACKEND)
        await says(shop, "help")
        await tried(shop, 1)
        await hears(shop, agent("Try water", "7"))
        await asked(shop, 1)
        running.cancel()
        async with asyncio.timeout(5):
            await asyncio.wait([running])
        assert 1 == (await shop.store.counts()).arrivals_waiting

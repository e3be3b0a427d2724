"""The whole way on real servers: a customer's mail becomes a ticket, the answer comes back."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from gateway.store.operations import Cursor
from gateway.testing import RunningGateway, running_gateway
from tests.faults.proxy import Fault
from tests.integration.forgetful import start_forgetful
from tests.integration.mail_world import (
    MailWorld,
    conversations,
    delivered,
    email_config,
    messages,
    said,
    text_of,
    tickets,
)
from tests.integration.ticket_systems import DeskSystem, RtSystem, TicketSystem
from tests.servers.dovecot import Dovecot
from tests.servers.fixtures import ProxyMaker
from tests.servers.postfix import Postfix
from tests.servers.rt import RequestTracker

TEXT = "Mein Drucker brennt — 日本語 ✓\nWas soll ich tun?"
PHOTO = bytes(range(256)) * 40
FILES = (("Foto ü.png", "image/png", PHOTO), ("log.txt", "text/plain", b"line 1\nline 2\n"))
Start = Callable[..., AbstractAsyncContextManager[RunningGateway]]


@pytest.fixture
def world(postfix: Postfix, dovecot: Dovecot, mail_domain: str) -> MailWorld:
    """Mail servers with domains of this test's own."""
    gateway_domain = f"gw{mail_domain}"
    return MailWorld(
        postfix=postfix, dovecot=dovecot, gateway_domain=gateway_domain, customers=mail_domain
    )


@pytest.fixture
def start(world: MailWorld, tmp_path: Path) -> Start:
    """Run a gateway with a ticket system, and lead its mail to it."""

    @asynccontextmanager
    async def run(system: TicketSystem, more: str = "") -> AsyncIterator[RunningGateway]:
        config = email_config(world.gateway_domain, world.postfix) + system.config + more
        async with running_gateway(tmp_path, config) as running:
            channel = running.gateway.parts.channels["support"]
            await running.until(lambda: channel.listening_on)  # type: ignore[attr-defined]
            world.route_to(running)
            yield running

    return run


@pytest.fixture(params=["rt", "desk"])
def system(request: pytest.FixtureRequest) -> TicketSystem:
    """Each ticket system in turn."""
    if request.param == "desk":
        return DeskSystem()
    return RtSystem(rt=request.getfixturevalue("rt"))


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> str:
    """Config for each database in turn."""
    if request.param == "sqlite":
        return ""
    return f'[store]\nurl = "{request.getfixturevalue("postgres_url")}"\n'


@pytest.fixture
def subject() -> str:
    """A subject that no other test uses."""
    return f"Drucker brennt {uuid.uuid4().hex[:12]}"


async def ticket_of(
    running: RunningGateway, system: TicketSystem, subject: str, seconds: float = 20
) -> int:
    """Wait until a mail has its ticket, and see that the ticket system has that one only."""
    [number] = await running.until(lambda: tickets(running, subject), seconds)
    assert [number] == await system.tickets(running, subject)
    return number


async def heard(running: RunningGateway, system: TicketSystem, number: int, text: str) -> list[str]:
    """Wait until a customer's words were delivered, see them in a ticket, and return all of it."""
    await running.until(lambda: delivered(running, text), 20)
    entries = await system.entries(running, number)
    assert 1 == sum(text in one for one in entries), entries
    return entries


async def test_whole_way(
    world: MailWorld, start: Start, system: TicketSystem, store: str, subject: str
) -> None:
    """A mail is a ticket within seconds, its answer reaches the customer in the same thread, and
    the customer's answer the same ticket; a stranger who names the ticket stays outside.
    """
    async with start(system, store) as running:
        assert (await running.gateway.parts.backends["tickets"].probe()).well
        first = await world.write("ann", TEXT, subject=subject, files=FILES)
        [number] = await running.until(lambda: tickets(running, subject), 20)
        assert [number] == await system.tickets(running, subject)
        assert [TEXT] == [one.strip() for one in await system.entries(running, number)]
        assert [(name, content) for name, _, content in FILES] == await system.files(
            running, number
        )

        await system.note(running, number, "Only for us: she has called before")
        await system.answer(running, number, "Bitte löschen Sie ihn — mit Wasser ✓")
        [answer] = await world.received("ann")
        assert "Bitte löschen Sie ihn — mit Wasser ✓" == text_of(answer).strip()
        assert f"Re: {subject}" == answer["Subject"]
        assert first == answer["In-Reply-To"]
        assert first in answer["References"]
        assert [b"(1 2)"] == await world.threads("ann")

        await world.write("ann", "Danke, es ist aus. Aber er riecht.", answers=answer)
        entries = await heard(running, system, number, "Danke, es ist aus.")
        assert [number] == await system.tickets(running, subject)

        strange = f"Any news on [example.org #{number}]? {subject}"
        began = time.monotonic()
        await world.write("eve", "What did Ann write?", subject=strange)
        await running.until(lambda: tickets(running, strange), 20)
        took = time.monotonic() - began
        other = await ticket_of(running, system, strange)
        assert number != other
        assert entries == await system.entries(running, number)

        assert 2 == len(await conversations(running))
        assert "internal Only for us: she has called before" in await said(running)
        assert 1 == len(await world.received("ann"))
        assert [] == await running.store.quarantine(None, Cursor())
    assert took < 5


async def test_rt_down_for_a_while(
    rt: RequestTracker, world: MailWorld, start: Start, fault_proxy: ProxyMaker, subject: str
) -> None:
    """While RT is away mail is taken all the same, the gateway says so, and delivers afterwards."""
    proxy = await fault_proxy(rt.port)
    system = RtSystem(rt=rt, port=proxy.port)
    async with start(system) as running:
        await proxy.set_fault(Fault.REFUSE)
        await world.write("ann", TEXT, subject=subject)
        await running.until(lambda: conversations(running), 10)
        sick = await running.until(lambda: running.gateway.parts.board.sick, 10)
        assert any("backend/tickets" in part or "poll/tickets" in part for part in sick)
        assert [] == await system.tickets(running, subject)
        await proxy.set_fault(Fault.NONE)
        number = await ticket_of(running, system, subject)
        assert [TEXT] == await rt.entries(number, "Create")


async def test_lost_replies_double_nothing(
    rt: RequestTracker, world: MailWorld, start: Start, subject: str
) -> None:
    """RT stores the ticket, then the entry, and its answer is lost each time: one of each."""
    async with (
        start_forgetful(rt.port) as front,
        start(system := RtSystem(rt=rt, port=front.port)) as running,
    ):
        front.forgets = True
        await world.write("ben", TEXT, subject=subject)
        number = await ticket_of(running, system, subject)
        assert ["/REST/2.0/ticket"] == front.lost
        await rt.correspond_as_agent(number, "Tell us more")
        [answer] = await world.received("ben")

        await world.write("ben", "Here is more", answers=answer)
        await heard(running, system, number, "Here is more")
        assert ["/REST/2.0/ticket", f"/REST/2.0/ticket/{number}/correspond"] == front.lost
        assert [number] == await system.tickets(running, subject)


async def test_statuses_of_a_ticket(
    rt: RequestTracker, world: MailWorld, start: Start, subject: str
) -> None:
    """A resolved ticket resolves the conversation and is opened again by the customer's answer;
    a rejected one is closed for good, so that the next answer opens another.
    """
    system = RtSystem(rt=rt)
    async with start(system) as running:
        await world.write("ann", TEXT, subject=subject)
        number = await ticket_of(running, system, subject)
        await rt.correspond_as_agent(number, "Done?")
        [answer] = await world.received("ann")

        async def state() -> str:
            return (await conversations(running))[0].state

        async def is_resolved() -> bool:
            return await state() == "resolved"

        assert "waiting" == await state()
        await rt.call("PUT", f"ticket/{number}", json={"Status": "resolved"})
        await running.until(is_resolved, 10)

        await world.write("ann", "No, it is not!", answers=answer)
        await heard(running, system, number, "No, it is not!")
        assert "open" == (await rt.ticket(number))["Status"]
        assert "open" == await state()

        await rt.call("PUT", f"ticket/{number}", json={"Status": "rejected"})

        async def is_closed() -> bool:
            return await state() == "closed"

        await running.until(is_closed, 10)
        await world.write("ann", "Are you there?", answers=answer)

        async def two() -> bool:
            return 2 == len(await rt.tickets(f"Subject LIKE '{subject}'"))

        await running.until(two, 20)
        assert 1 == len([one for one in await rt.entries(number) if "No, it is not" in one])


async def test_customer_in_rt_itself(
    rt: RequestTracker, world: MailWorld, start: Start, subject: str
) -> None:
    """What a requestor writes in RT itself is noted, and not sent back to the customer."""
    system = RtSystem(rt=rt)
    async with start(system) as running:
        await world.write("ann", TEXT, subject=subject)
        number = await ticket_of(running, system, subject)
        requestors = [f"ann@{world.customers}", "agent@example.org"]
        await rt.call("PUT", f"ticket/{number}", json={"Requestor": requestors})
        await rt.correspond_as_agent(number, "I ask for myself")
        noted = "internal [The customer wrote this in Request Tracker itself.]\n\nI ask for myself"

        async def is_noted() -> bool:
            return noted in await said(running)

        await running.until(is_noted, 10)


async def test_merged_into_a_foreign_ticket(
    rt: RequestTracker, world: MailWorld, start: Start, subject: str
) -> None:
    """An agent who merges the ticket into one of RT's own still reaches the customer."""
    system = RtSystem(rt=rt)
    async with start(system) as running:
        await world.write("ann", TEXT, subject=subject)
        number = await ticket_of(running, system, subject)
        made = await rt.call(
            "POST", "ticket", json={"Queue": rt.queue, "Subject": "Outage", "Content": "known"}
        )
        foreign = int(made["id"])
        await rt.correspond_as_agent(foreign, "Nobody of the gateway's listens here")
        await rt.call("PUT", f"ticket/{number}", json={"MergeInto": str(foreign)})
        await rt.correspond_as_agent(foreign, "We are on it")
        [answer] = await world.received("ann")
        assert "We are on it" == text_of(answer).strip()
        await world.write("ann", "Thank you very much", answers=answer)
        await heard(running, system, foreign, "Thank you very much")
        [conversation] = await conversations(running)
        assert ["in", "out", "in"] == [
            message.direction for message in await messages(running, conversation.id)
        ]


async def test_rich_answer_with_a_file(
    rt: RequestTracker, world: MailWorld, start: Start, subject: str
) -> None:
    """An answer from RT's rich editor arrives with its text, its markup and its file."""
    system = RtSystem(rt=rt)
    async with start(system) as running:
        await world.write("ann", TEXT, subject=subject)
        number = await ticket_of(running, system, subject)
        await rt.correspond_as_agent(
            number,
            "<p>Grüße &amp; <b>Dank</b></p><ul><li>eins</li></ul>",
            content_type="text/html",
            attachments=(("plan.pdf", "application/pdf", b"%PDF \xfc\xff"),),
        )
        [answer] = await world.received("ann")
        assert "Grüße & Dank\n\n- eins" == text_of(answer).strip().replace("\r", "")
        html = answer.get_body(("html",))
        assert html is not None
        assert "<b>Dank</b>" in html.get_content()
        [file] = list(answer.iter_attachments())
        assert ("plan.pdf", b"%PDF \xfc\xff") == (file.get_filename(), file.get_content())
        assert "Agnes Agent" in str(answer["From"])

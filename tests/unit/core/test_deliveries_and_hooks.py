"""Deliveries whose hooks hold them, whose tickets were closed, and whose answers go to whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.domain.answers import Hold, Refuse
from gateway.domain.conversation import Conversation
from gateway.domain.draft import AgentReply, TicketChange
from gateway.domain.message import Message
from gateway.domain.outgoing import Forward, Reply
from gateway.errors import (
    OutcomeUnknown,
    Rejected,
    Unreachable,
)
from gateway.hooks.specs import Audience
from tests.unit.core.deliveries import BACKEND, answered, reaches, says, tried
from tests.unit.core.workshop import Workshop, letter, until, workshop


class Censor:
    """Holds back or refuses what goes to the ticket system."""

    def __init__(self, word: Hold | Refuse) -> None:
        self.word, self.asked = word, 0

    async def prepare_forward(
        self, forward: Forward, backend: str
    ) -> Forward | Hold | Refuse | None:
        self.asked += 1
        return self.word


async def test_held_delivery_stays_released_over_retries(database: Path) -> None:
    """What a person let go is sent, also when the first try after that fails."""
    censor = Censor(Hold(reason="it looks like a password"))
    async with workshop(database, plugins=(censor,)) as shop:
        shop.send_to(BACKEND)
        await says(shop, "help")
        held = await reaches(shop, "dead")
        assert ("held", 0) == (held.last_code, len(shop.tickets.entries))
        assert "it looks like a password" in held.last_error
        shop.tickets.script.then(Unreachable("away"))
        await shop.operator.settle_delivery(None, held.id, "replay", "ada")
        await tried(shop, 3)
        await shop.later(5)
        await shop.settled(BACKEND, "delivered", 1)
        assert ["help"] == [entry.text for entry in shop.tickets.entries]


async def test_replaying_what_was_never_held_releases_nothing(database: Path) -> None:
    """A dead letter of another reason still has to pass the plugins when it is replayed."""
    censor = Censor(Refuse(reason="no card numbers"))
    async with workshop(database, plugins=(censor,)) as shop:
        shop.send_to(BACKEND)
        censor.word = None  # type: ignore[assignment]
        shop.tickets.script.then(Rejected("no"))
        await says(shop, "help")
        dead = await reaches(shop, "dead")
        censor.word = Refuse(reason="no card numbers")
        await shop.operator.settle_delivery(None, dead.id, "replay", "ada")

        async def refused() -> bool:
            return (await shop.delivery(BACKEND)).last_code == "refused"

        await until(refused)
        assert [] == shop.tickets.entries


class Moody:
    """A CLOSED hook that fails for a while."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    async def redact_message(
        self, message: Message, audience: Audience
    ) -> Message | Hold | Refuse | None:
        if audience == "forward" and self.failures:
            self.failures -= 1
            raise RuntimeError("the scanner is away")
        return None


async def test_closed_hook_that_fails_makes_the_delivery_wait(database: Path) -> None:
    """Nothing leaves past a CLOSED hook that fails; it leaves once the hook works again."""
    async with workshop(database, plugins=(Moody(1),)) as shop:
        shop.send_to(BACKEND)
        await says(shop, "help")
        waiting = await tried(shop, 1)
        assert ("queued", "hook_failed", 0) == (
            waiting.state, waiting.last_code, len(shop.tickets.entries),
        )  # fmt: skip
        assert BACKEND not in shop.health
        await shop.later(5)
        await shop.settled(BACKEND, "delivered", 1)


async def test_closed_ticket_is_followed_up(office: Workshop) -> None:
    """When a backend has closed a ticket for good, the message opens the next one."""
    await says(office, "first")
    await office.settled(BACKEND, "delivered", 1)
    office.tickets.script.then(Rejected("closed", code="ticket_closed"))
    await says(office, "second")
    await office.settled(BACKEND, "delivered", 2)
    [conversation] = await office.conversations()
    view = await office.store.conversation(None, conversation.id)
    assert [("1", "closed"), ("2", "open")] == [(t.external_id, t.state) for t in view.tickets]


@pytest.mark.parametrize("repeat", ["lookup", "idempotent"])
async def test_entry_made_before_its_ticket_was_closed_is_found(
    database: Path, repeat: str
) -> None:
    """What got through unseen before its ticket was closed is not sent again into a follow-up."""
    async with workshop(database, backend={"repeat": repeat}) as shop:
        shop.send_to(BACKEND)
        await says(shop, "first")
        await shop.settled(BACKEND, "delivered", 1)
        shop.tickets.script.then(OutcomeUnknown("the answer got lost"), stores=True)
        await says(shop, "second")
        await shop.settled(BACKEND, "unknown", 1)
        closed = TicketChange(ticket="1", state="closed", native_state="closed")
        await shop.take(closed, source="tickets", kind="backend")
        await shop.later(5)
        await shop.settled(BACKEND, "delivered", 2)
        assert {"1": 2} == {n: len(entries) for n, entries in shop.tickets.tickets.items()}


async def test_old_ticket_reopened_beside_its_follow_up(office: Workshop) -> None:
    """A closed ticket that an agent reopens beside its follow-up harms nothing."""
    await test_closed_ticket_is_followed_up(office)
    change = TicketChange(ticket="1", state="open", native_state="open")
    await office.take(change, source="tickets", kind="backend")
    [conversation] = await office.conversations()
    view = await office.store.conversation(None, conversation.id)
    assert [("1", "closed"), ("2", "open")] == [(t.external_id, t.state) for t in view.tickets]
    assert [] == await office.quarantine()


async def test_ticket_of_another_conversation_does_not_send_twice(office: Workshop) -> None:
    """A backend that answers with a ticket we know from elsewhere is not asked for ever."""
    await says(office, "first")
    await office.settled(BACKEND, "delivered", 1)

    async def same(forward: Forward) -> Any:
        from gateway.domain.outgoing import TicketRef

        office.tickets.script.calls += 1
        return TicketRef(external_id="1")

    office.tickets.open_ticket = same  # type: ignore[method-assign]
    await says(office, "hello", author="bob")
    await office.settled(BACKEND, "delivered", 2)
    assert 2 == office.tickets.script.calls
    assert "delivery.unlinked" in [event for event, _ in office.log.lines]


async def test_conversation_subject_is_redacted_with_the_message(database: Path) -> None:
    """A card number in the conversation's subject does not travel with a later note."""
    from gateway.config.policies import RedactionSettings
    from gateway.core.policies import CorePolicies

    policies = CorePolicies(RedactionSettings(), {})
    async with workshop(database, plugins=(policies,)) as shop:
        shop.send_to(BACKEND)
        await shop.take(letter(subject="My card 4111 1111 1111 1111"))
        [conversation] = await shop.conversations()
        await shop.operator.reply(None, conversation.id, text="hm", internal=True, author="Bob")
        await shop.settled(BACKEND, "delivered", 2)
        assert ["My card [card …1111]"] * 2 == [entry.subject for entry in shop.tickets.entries]


class Guest:
    """Looks at replies before they leave."""

    def __init__(self) -> None:
        self.seen: list[Reply] = []

    async def prepare_reply(
        self, reply: Reply, conversation: Conversation
    ) -> Reply | Hold | Refuse | None:
        self.seen.append(reply)
        return None


async def test_requester_gets_the_answer_although_somebody_else_wrote_last(database: Path) -> None:
    """Who asked stays among the receivers when a person in Cc writes in the same thread."""
    from gateway.domain.draft import DraftParticipant, ThreadRef
    from tests.unit.core.workshop import address

    thread = ThreadRef(native_id="<a@x>")
    guest = Guest()
    async with workshop(database, plugins=(guest,)) as shop:
        shop.send_to("channel/post")
        brought = (DraftParticipant(address=address("bob")),)
        await shop.take(letter(thread=thread, participants=brought, external_ids=("<a@x>",)))
        await shop.take(
            letter("bob", text="Me too, by the way", thread=thread, references=("<a@x>",))
        )
        await answered(shop)
        await shop.settled("channel/post", "delivered", 1)
        [reply] = guest.seen
        assert ["bob@example.net", "ann@example.net"] == [p.address.value for p in reply.recipients]
        assert "" == reply.automatic


async def test_agents_reply_goes_out_and_not_back_to_its_ticket(office: Workshop) -> None:
    """What an agent wrote in the ticket reaches the customer, and is not echoed into the ticket."""
    office.send_to("channel/post")
    await says(office, "help")
    await office.settled(BACKEND, "delivered", 1)
    reply = AgentReply(ticket="1", entry="7", audience="customer", author="Bob", text="Try water")
    await office.take(reply, source="tickets", kind="backend", key="7")
    await office.take(reply, source="tickets", kind="backend", key="7")
    await office.settled("channel/post", "delivered", 1)
    assert ["Try water"] == [one.text for one in office.post.sent]
    assert ["help"] == [entry.text for entry in office.tickets.entries]
    [conversation] = await office.conversations()
    assert "waiting" == conversation.state

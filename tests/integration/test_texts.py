"""Texts by a provider's double: from a customer's phone to a ticket and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway_sms_voice.testing import TwilioDouble, twilio_double
from tests.integration.phone_world import OURS, a_number, phone_world
from tests.integration.ticket_systems import DeskSystem, RtSystem, TicketSystem

pytestmark = pytest.mark.integration


@pytest.fixture
async def double() -> AsyncIterator[TwilioDouble]:
    """A provider."""
    async with twilio_double(numbers=(OURS,)) as double:
        yield double


@pytest.fixture(params=["desk", "rt"])
def system(request: pytest.FixtureRequest) -> TicketSystem:
    """Each ticket system in turn."""
    if request.param == "desk":
        return DeskSystem()
    return RtSystem(rt=request.getfixturevalue("rt"))


async def test_whole_way(tmp_path: Path, double: TwilioDouble, system: TicketSystem) -> None:
    """A text is a ticket, the agent's answer goes out as a text with its receipts, and the
    customer's next text is in the same ticket; a stranger's is not.
    """
    ann, eve = a_number(), a_number()
    async with phone_world(tmp_path, double, system.config) as world:
        running = world.running
        await double.text("Der Drucker brennt 🔥", sender=ann)
        assert [(200, b"<Response/>", "text/xml")] == [
            (one.status, one.body, one.content_type) for one in double.webhooks.answers
        ]
        subject = f"Text message from {ann}"
        [number] = await running.until(lambda: system.tickets(running, subject), 20)
        [entry] = await system.entries(running, number)
        assert "Der Drucker brennt 🔥" in entry

        await system.answer(running, number, "Bitte mit Wasser löschen ✓")
        assert ["Bitte mit Wasser löschen ✓"] == await world.until_sent()
        [sent] = double.sent
        assert (OURS, ann) == (sent.sender, sent.to)
        await world.until_reply("delivered", "accepted")
        await double.progress(sent, "sent", "delivered", "sent")
        reply = await world.until_reply("delivered", "delivered")
        assert (sent.sid,) == reply.external_ids

        await double.text("Danke, er ist aus", sender=ann)
        await double.text("What did they say?", sender=eve)
        await running.until(lambda: system.tickets(running, f"Text message from {eve}"), 20)

        async def said() -> str:
            found = " ".join(await system.entries(running, number))
            return found if "Danke, er ist aus" in found else ""

        assert "What did they say?" not in await running.until(said, 20)
        assert [number] == await system.tickets(running, subject)


async def test_five_at_once(tmp_path: Path, double: TwilioDouble) -> None:
    """The same webhook five times at once makes one message and one ticket; each is acknowledged."""
    async with phone_world(tmp_path, double, DeskSystem.config) as world:
        message = await double.text("Hello", sender=a_number(), calls=False)
        await asyncio.gather(*(double.webhooks.message(message) for _ in range(5)))
        assert [200] * 5 == [one.status for one in double.webhooks.answers]
        await double.text("A second one", sender=message.sender)
        said = await world.until_messages(2)
        assert ["Hello", "A second one"] == [one.text for one in said]
        assert 1 == len(await world.conversations())

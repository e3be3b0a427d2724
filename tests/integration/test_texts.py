"""Texts by a provider's double: from a customer's phone to a ticket and back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.store.operations import Cursor
from gateway.testing import running_gateway
from gateway_sms_voice.testing import TwilioDouble, twilio_double
from tests.integration.phone_world import (
    OURS,
    PUBLIC,
    PhoneWorld,
    a_number,
    phone_config,
    phone_world,
)
from tests.integration.ticket_systems import DeskSystem, RtSystem, TicketSystem
from tests.promises.process import API_TOKEN, GatewayProcess, Launcher, reserved_port

pytestmark = pytest.mark.integration
WRONG_ACCOUNT = f'account_sid = "AC{"9" * 32}"\napi_key = "SK9"\napi_secret = "its secret"'


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


async def test_a_picture_is_in_its_ticket(tmp_path: Path, double: TwilioDouble) -> None:
    """A picture is fetched after the acknowledgement, and the ticket has one entry with it in."""
    async with phone_world(tmp_path, double, DeskSystem.config) as world:
        ann, desk = a_number(), DeskSystem()
        await double.text("See", sender=ann, media=(("image/jpeg", b"\xff\xd8\xff picture"),))
        running, subject = world.running, f"Text message from {ann}"
        [number] = await running.until(lambda: desk.tickets(running, subject), 20)
        assert ["See"] == await desk.entries(running, number)
        assert [("image-1.jpg", b"\xff\xd8\xff picture")] == await desk.files(running, number)
        [said] = await world.everything()
        assert (1, False, 2) == (said.revision, said.quiet, len(said.arrivals))


async def test_media_do_not_lead_inside(tmp_path: Path, double: TwilioDouble) -> None:
    """A medium that redirects into our own network is not followed there; the words come through."""
    async with phone_world(tmp_path, double, DeskSystem.config) as world:
        message = await double.text(
            "See", sender=a_number(), media=(("image/jpeg", b"x"),), calls=False
        )
        message.media[0].leads_to = f"{world.running.url}/readyz"
        await double.webhooks.message(message)
        [said] = await world.until_messages(1)

        async def told() -> bool:
            [said] = await world.everything()
            return said.revision == 1

        await world.running.until(told, 20)
        [said] = await world.everything()
        assert [("image-1.jpg", "pending", 0)] == [
            (one.name, one.state, one.size) for one in said.attachments
        ]
        assert "See" == said.text


async def test_webhooks_lost_for_an_hour(tmp_path: Path, double: TwilioDouble) -> None:
    """What the provider could not hand over while we were away is taken in, each once and in order,
    also when it calls for some of it later.
    """
    ann = a_number()
    async with phone_world(tmp_path, double, DeskSystem.config) as world:
        await double.text("before", sender=ann)
        await world.until_messages(1)
    lately = datetime.now(UTC) - timedelta(seconds=30)
    missed = [
        await double.text(f"missed {n}", sender=ann, calls=False, at=lately + timedelta(seconds=n))
        for n in range(3)
    ]
    async with phone_world(tmp_path, double, DeskSystem.config) as world:
        said = await world.until_messages(4)
        await double.webhooks.message(missed[1])
        await double.text("after", sender=ann)
        said = await world.until_messages(5)
        assert ["before", "missed 0", "missed 1", "missed 2", "after"] == [one.text for one in said]
        assert 1 == len(await world.conversations())


async def test_stop_is_no_ticket_and_is_kept(tmp_path: Path, double: TwilioDouble) -> None:
    """STOP opens no ticket, and an agent's answer after it stays with a reason that is shown."""
    ann, desk = a_number(), DeskSystem()
    async with phone_world(tmp_path, double, desk.config) as world:
        running, subject = world.running, f"Text message from {ann}"
        await double.text("Where is my order?", sender=ann)
        [number] = await running.until(lambda: desk.tickets(running, subject), 20)
        await double.text("STOP", sender=ann)
        await desk.answer(running, number, "It is on its way")
        reply = await world.until_reply("dead")
        assert ("opted_out", []) == (reply.last_code, double.sent)
        assert f"{ann} opted out of texts from {OURS} (by text)" in reply.last_error
        await double.text("START", sender=ann)
        await desk.answer(running, number, "It is on its way")
        assert ["It is on its way"] == await world.until_sent()
        assert ["Where is my order?"] == [
            one.text for one in await world.everything() if one.direction == "in"
        ]
        arrivals = await running.store.arrivals(
            None, source="phone", since=0, until=1 << 60, page=Cursor()
        )
        asked = [
            decision.reason
            for arrival in arrivals
            for decision in await running.store.decisions(None, arrival=arrival.arrival.id)
        ]
        assert 2 == sum("wants" in one for one in asked)


async def test_receipts_before_the_answer(tmp_path: Path, double: TwilioDouble) -> None:
    """A receipt that is quicker than the answer to our request counts, and does not go back."""
    ann, desk = a_number(), DeskSystem()
    async with phone_world(tmp_path, double, desk.config) as world:
        running, subject = world.running, f"Text message from {ann}"
        await double.text("Hello", sender=ann)
        [number] = await running.until(lambda: desk.tickets(running, subject), 20)
        double.hold_replies()
        await desk.answer(running, number, "Hello yourself")
        await world.until_sent()
        await double.progress(double.sent[0], "delivered")
        await world.until_reply("leased", "delivered")
        double.release_replies()
        await world.until_reply("delivered", "delivered")
        await double.progress(double.sent[0], "sent")
        reply = await world.until_reply("delivered", "delivered")
        assert (double.sent[0].sid,) == reply.external_ids


async def test_throttling_only_delays(tmp_path: Path, double: TwilioDouble) -> None:
    """Refused for haste, a text goes out a little later, once."""
    ann, desk = a_number(), DeskSystem()
    async with phone_world(tmp_path, double, desk.config) as world:
        running, subject = world.running, f"Text message from {ann}"
        await double.text("Hello", sender=ann)
        [number] = await running.until(lambda: desk.tickets(running, subject), 20)
        double.refuse(2, status=429, code=20429)
        await desk.answer(running, number, "Hello yourself")
        reply = await world.until_reply("delivered")
        assert ["Hello yourself"] == await world.until_sent()
        assert ["twilio_20429", "twilio_20429", ""] == [one.code for one in reply.history]


@pytest.mark.parametrize("parts", [1, 3])
async def test_killed_while_sending(tmp_path: Path, double: TwilioDouble, parts: int) -> None:
    """Killed after the provider took a text and before that was noted, the gateway looks it up
    when it is back: no text goes out twice, and those that had not gone do.
    """
    ann = a_number()
    text = " ".join(f"word{n}" for n in range(1 if parts == 1 else 500))
    config = phone_config(double) + DeskSystem.config + API
    launcher = await asyncio.to_thread(Launcher)
    try:
        with reserved_port() as port:
            process = GatewayProcess(launcher=launcher, folder=tmp_path, port=port, lmtp=port)
            (tmp_path / "gateway.toml").write_text(config.replace("{http}", str(port)))
            double.account.hook(f"{PUBLIC}/in/phone/messages")
            double.webhooks.behind = (PUBLIC, process.url)
            await process.start(cold=True)
            await double.text("Hello", sender=ann)
            conversation = await first_conversation(process)
            double.hold_replies()
            await process.post(f"/api/v1/conversations/{conversation}/replies", {"text": text})
            async with asyncio.timeout(30):
                while not double.sent:  # noqa: ASYNC110  # the double tells nobody
                    await asyncio.sleep(0.02)
            process.kill()
            double.release_replies()
            await process.start(cold=True)
            settled = await settled_reply(process)
            assert [one.sid for one in double.sent] == settled["external_ids"]
            assert parts == len(double.sent)
            await process.stop()
    finally:
        await asyncio.to_thread(launcher.close)


API = f"""
[web]
listen = "127.0.0.1:{{http}}"
[api.tokens.tests]
token = "{API_TOKEN}"
scopes = ["admin"]
tenants = ["*"]
"""


async def first_conversation(process: GatewayProcess) -> str:
    """Wait for a conversation; its id."""
    async with asyncio.timeout(30):
        while True:
            _, found = await process.get("/api/v1/conversations")
            if found["items"]:
                return str(found["items"][0]["id"])
            await asyncio.sleep(0.05)


async def settled_reply(process: GatewayProcess) -> Any:
    """Wait until the reply was delivered, as the API shows it."""
    async with asyncio.timeout(60):
        while True:
            _, found = await process.get("/api/v1/deliveries?target=channel/phone")
            if found["items"] and found["items"][0]["state"] == "delivered":
                return found["items"][0]
            await asyncio.sleep(0.05)


async def test_whatsapp_goes_on_when_the_number_is_hidden(
    tmp_path: Path, double: TwilioDouble
) -> None:
    """Somebody who is known by number and id is in the same ticket by the id alone, and is written
    to there; after 24 hours the refusal says what WhatsApp wants.
    """
    ours, scoped = f"whatsapp:{OURS}", "DE.13491208655302741918"
    ann, desk = a_number(), DeskSystem()
    more = f'numbers = ["{ours}"]'
    config = phone_config(double).replace(f'numbers = ["{OURS}"]', more) + desk.config
    double.account.hook(f"{PUBLIC}/in/phone/messages")
    async with running_gateway(tmp_path, config) as running:
        double.webhooks.behind = (PUBLIC, running.url)
        world = PhoneWorld(running=running, double=double)
        both = {"ProfileName": "Ann", "ExternalUserId": scoped}
        await double.text("Hi", sender=f"whatsapp:{ann}", to=ours, extra=both)
        subject = f"WhatsApp message from Ann ({ann})"
        [number] = await running.until(lambda: desk.tickets(running, subject), 20)
        await double.text("Still me", sender=f"whatsapp:{scoped}", to=ours, extra=both)
        said = await world.until_messages(2)
        assert 1 == len({one.conversation for one in said})
        await desk.answer(running, number, "Hello Ann")
        await world.until_sent()
        assert (ours, f"whatsapp:{scoped}") == (double.sent[0].sender, double.sent[0].to)
        await world.until_reply("delivered")

        view = await running.store.conversation(None, said[0].conversation)
        [thread] = view.threads
        assert thread.window_until == said[1].received_at + 24 * 3_600_000


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("", ""), "webhook_unverified"),
        (('auth_token = "', 'auth_token = "not '), "wrong_key"),
        ((f'account_sid = "{"AC" + "0" * 31 + "1"}"', WRONG_ACCOUNT), "wrong_account"),
        ((PUBLIC, "https://another.example"), "webhook_elsewhere"),
        ((f'numbers = ["{OURS}"]', 'numbers = ["+15005550001"]'), "unknown_number"),
    ],
)
async def test_check_probe(
    tmp_path: Path, double: TwilioDouble, change: tuple[str, str], said: str
) -> None:
    """`gateway check --probe` tells apart what is wrong, in a code and a sentence."""
    double.account.hook(f"{PUBLIC}/in/phone/messages")
    double.account.strange_keys["SK9"] = "its secret"
    config = phone_config(double).replace(*change) if change[0] else phone_config(double)
    (tmp_path / "gateway.toml").write_text(config)
    launcher = await asyncio.to_thread(Launcher)
    try:
        process = GatewayProcess(launcher=launcher, folder=tmp_path, port=0, lmtp=0)
        out, _, code = await process.told("--json", "check", "--probe")
    finally:
        await asyncio.to_thread(launcher.close)
    probe = json.loads(out)["probes"]["channel/phone"]
    assert (said, True) == (probe["code"], code != 0)
    assert len(probe["reason"]) > 40


async def test_what_was_not_delivered_is_told_in_the_ticket(
    tmp_path: Path, double: TwilioDouble
) -> None:
    """The agent reads in the ticket that, and why, the customer did not get the answer."""
    ann, desk = a_number(), DeskSystem()
    async with phone_world(tmp_path, double, desk.config) as world:
        running, subject = world.running, f"Text message from {ann}"
        await double.text("Hello", sender=ann)
        [number] = await running.until(lambda: desk.tickets(running, subject), 20)
        await desk.answer(running, number, "Buy cheap")
        await world.until_sent()
        await double.progress(double.sent[0], "sent")
        await double.progress(double.sent[0], "undelivered", error="30007")
        await world.until_reply("delivered", "failed")

        async def told() -> list[str]:
            entries = await running.gateway.parts.backends["tickets"].all_entries(number)  # type: ignore[attr-defined]
            return [one.text for one in entries if "a carrier filtered it" in one.text]

        [note] = await running.until(told, 20)
        assert "The answer could not be delivered" in note


async def test_naming_a_message_opens_no_door(tmp_path: Path, double: TwilioDouble) -> None:
    """Somebody who answers a message of another person's conversation stays outside of it."""
    ann, eve = a_number(), a_number()
    async with phone_world(tmp_path, double, DeskSystem.config) as world:
        first = await double.text("My card was stolen", sender=ann)
        await world.until_messages(1)
        named = {"OriginalRepliedMessageSid": first.sid, "OriginalRepliedMessageSender": ann}
        await double.text("Read it to me", sender=eve, extra=named)
        said = await world.until_messages(2)
        assert 2 == len({one.conversation for one in said})
        for conversation in await world.conversations():
            view = await world.running.store.conversation(None, conversation.id)
            assert 1 == len(view.identities)

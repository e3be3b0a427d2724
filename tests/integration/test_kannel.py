"""A phone, its operator's SMS centre, a real Kannel, the gateway, and an agent at the desk."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

import gateway_sms_voice
from gateway import Reply, Secret, Thread
from gateway.store.operations import Cursor
from gateway.testing import RunningGateway, check_channel, make_context
from gateway_sms_voice.providers.kannel.provider import KannelProvider
from gateway_sms_voice.providers.kannel.settings import KannelSettings
from gateway_sms_voice.settings import PhoneSettings
from tests.integration.kannel_world import ANN, BEN, LONG, OURS, SECRET, World
from tests.integration.mail_world import conversations, delivered, messages
from tests.servers import smpp
from tests.servers.fakesmsc import fake_centre, joined
from tests.servers.kannel import Kannel
from tests.unit.sms_voice.kannel.samples import message, report


@pytest.fixture
def world(kannel: Kannel, tmp_path: Path) -> World:
    """A Kannel and a gateway, neither of which runs yet."""
    return World(kannel, tmp_path)


async def test_whole_way_by_the_fake_centre(world: World) -> None:
    """A text is a ticket, its answer reaches the phone and is reported as delivered, and the next
    text goes on in the same ticket; long texts in other alphabets go both ways whole.
    """
    async with (
        world.gateway() as running,
        world.kannel_at_work(),
        fake_centre(world.kannel.centre_port) as centre,
    ):
        await centre.say(ANN, OURS, "Mein Drucker brennt — 日本語 ✓")
        number = await world.ticket(running, "日本語 ✓")
        await world.desk.answer(running, number, "Löschen Sie ihn! Mit Wasser: 5 € [fünf]")
        [answer] = await centre.wait(1)
        assert (OURS, ANN) == (answer.sender, answer.receiver)
        assert "Löschen Sie ihn! Mit Wasser: 5 € [fünf]" == answer.content.decode()
        await world.answer_with(running, state="delivered", receipt="delivered")
        assert (await running.gateway.parts.channels["phone"].probe()).well

        content = LONG.encode()
        await centre.say_parts(
            ANN, OURS, [content[at : at + 134] for at in range(0, len(content), 134)], 7
        )
        assert number == await world.ticket(running, LONG.strip())
        await world.desk.answer(running, number, LONG)
        parts = (await centre.wait(1 + 7))[1:]
        assert LONG.strip() == joined(parts).decode("utf-16-be")
        assert list(range(1, len(parts) + 1)) == sorted(part.part[0] for part in parts)
        await world.answer_with(running, 2, receipt="delivered")
        [conversation] = await conversations(running)
        assert 4 == len(await messages(running, conversation.id))
        assert [] == await running.store.quarantine(None, Cursor())


async def test_whole_way_by_smpp(world: World) -> None:
    """Over SMPP alphabets, long texts and late receipts are as at an operator's: a phone that is
    off is told of, and a number that is gone is told to the agent.
    """
    async with (
        world.gateway() as running,
        smpp.smpp_centre(world.kannel.centre_port) as centre,
        world.kannel_at_work(by_smpp=True),
    ):
        await centre.connected()
        centre.receipts = False
        content = LONG.encode("utf-16-be")
        parts = [content[at : at + 134] for at in range(0, len(content), 134)]
        await centre.say(ANN[1:], OURS[1:], *parts, coding=smpp.UCS2)
        number = await world.ticket(running, LONG.strip())

        await world.desk.answer(running, number, "Grüße ✓")
        [answer] = await centre.wait(1)
        assert (smpp.UCS2, "Grüße ✓") == (answer.coding, answer.content.decode("utf-16-be"))
        await world.answer_with(running, receipt="sent")
        await centre.report(answer, "ENROUTE")
        await centre.report(answer, "DELIVRD")
        await world.answer_with(running, receipt="delivered")

        await world.desk.answer(running, number, "Hallo?")
        _, second = await centre.wait(2)
        await centre.report(second, "UNDELIV", "011")
        await world.answer_with(running, 2, receipt="failed")
        note = "could not be delivered (for good): the operator could not deliver it (error 011)"
        [conversation] = await conversations(running)
        assert note in (await messages(running, conversation.id))[-1].text


async def test_number_without_a_plus_is_answered_as_it_came(world: World) -> None:
    """Where the SMS centre does not say what kind of number it is, the answer goes to the very one
    that it named, and not to a number of this country that looks like it.
    """
    async with (
        world.gateway() as running,
        smpp.smpp_centre(world.kannel.centre_port) as centre,
        world.kannel_at_work(by_smpp=True),
    ):
        await centre.connected()
        await centre.say(ANN[1:], "80800", b"Hallo?", kind=0)
        number = await world.ticket(running, "Hallo?")
        await world.desk.answer(running, number, "Ja")
        [answer] = await centre.wait(1)
        assert (ANN[1:], "80800") == (answer.receiver, answer.sender)


async def test_no_answer_is_lost_while_the_centre_is_away(world: World) -> None:
    """While the SMS centre is away the probe says so and answers wait at Kannel; with a wrong
    password they wait at the gateway, and the operator is told what is wrong.
    """
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(world.kannel_at_work())
        async with world.gateway() as running:
            async with fake_centre(world.kannel.centre_port) as centre:
                await centre.say(ANN, OURS, "Hallo?")
                number = await world.ticket(running, "Hallo?")
            phone = running.gateway.parts.channels["phone"]
            await running.until(lambda: _code(phone, "smsc_down"), 10)
            await world.desk.answer(running, number, "Wir sind da")
            await world.answer_with(running, state="delivered", receipt="accepted")
            async with fake_centre(world.kannel.centre_port) as centre:
                assert [b"Wir sind da"] == [one.content for one in await centre.wait(1)]
                await world.answer_with(running, receipt="delivered")

        async with world.gateway(password="wrong") as running:
            phone = running.gateway.parts.channels["phone"]
            assert "wrong_login" == (await phone.probe()).code
            await world.desk.answer(running, number, "Noch da?")
            waiting = await world.answer_with(running, 2, state="queued", last_code="wrong_login")
            assert 0 == waiting.attempts

        async with world.gateway() as running, fake_centre(world.kannel.centre_port) as centre:
            assert [b"Noch da?"] == [one.content for one in await centre.wait(1)]
            await running.until(lambda: not running.gateway.parts.board.sick, 20)
            await asyncio.to_thread(world.kannel.kill_smsbox)
            phone = running.gateway.parts.channels["phone"]
            assert "unreachable" == (await phone.probe()).code
            await running.until(lambda: _is_sick(running, "no_smsbox"), 20)
            await asyncio.to_thread(world.kannel.start_smsbox)
            await running.until(lambda: not running.gateway.parts.board.sick, 20)


async def test_smsbox_is_killed_in_the_middle(world: World) -> None:
    """A text that smsbox took and never answered for is not sent twice: its report tells that it
    went out. One that no smsbox took goes out as soon as there is one.
    """
    async with (
        world.gateway() as running,
        world.kannel_at_work(),
        fake_centre(world.kannel.centre_port) as centre,
    ):
        await centre.say(ANN, OURS, "Hallo?")
        number = await world.ticket(running, "Hallo?")
        world.kannel.pause_bearerbox()
        await world.desk.answer(running, number, "Einmal nur")
        await world.smsbox_took("Einmal nur")
        await asyncio.to_thread(world.kannel.kill_smsbox)
        await world.answer_with(running, state="unknown", last_code="connection_lost")

        await world.desk.answer(running, number, "Danach")
        world.kannel.resume_bearerbox()
        assert [b"Einmal nur"] == [one.content for one in await centre.wait(1)]
        await asyncio.to_thread(world.kannel.start_smsbox)
        assert [b"Einmal nur", b"Danach"] == [one.content for one in await centre.wait(2)]

        async def both() -> bool:
            found = await world.answers(running)
            return [("delivered", "delivered")] * 2 == [(one.state, one.receipt) for one in found]

        await running.until(both, 20)
        first, _ = await world.answers(running)
        assert ["unknown", "found"] == [attempt.outcome for attempt in first.history]


async def test_gateway_is_away_for_a_while(world: World) -> None:
    """What comes in while the gateway is away or refuses is posted again, and is one message."""
    async with world.kannel_at_work(), fake_centre(world.kannel.centre_port) as centre:
        await centre.say(ANN, OURS, "Ist da wer?")
        async with world.gateway() as running:
            await world.ticket(running, "Ist da wer?")
            [conversation] = await conversations(running)
            assert 1 == len(await messages(running, conversation.id))


async def test_opt_out(world: World) -> None:
    """STOP is recorded and opens no ticket, and an answer to that number is refused with the reason;
    HELP is a question like any other, since Kannel answers none.
    """
    async with (
        world.gateway() as running,
        world.kannel_at_work(),
        fake_centre(world.kannel.centre_port) as centre,
    ):
        await centre.say(ANN, OURS, "Hallo?")
        number = await world.ticket(running, "Hallo?")
        await centre.say(ANN, OURS, "Stop")
        await centre.say(BEN, OURS, "Help")
        await world.ticket(running, "Help")
        await world.desk.answer(running, number, "Noch etwas")
        refused = await world.answer_with(running, state="dead", last_code="opted_out")
        assert f"{ANN} opted out of texts from {OURS}" in refused.last_error
        told = f"The answer could not be sent: {ANN} opted out of texts from {OURS}"
        await running.until(lambda: delivered(running, told), 20)
        await centre.say(ANN, OURS, "Start")
        await centre.say(ANN, OURS, "Doch wieder")
        assert number == await world.ticket(running, "Doch wieder")
        await world.desk.answer(running, number, "Gern")
        assert [b"Gern"] == [one.content for one in await centre.wait(1)]


async def test_contract(world: World) -> None:
    """The channel over a real Kannel keeps the contract of channels: its parser is pure whatever
    comes, a refused connection may be tried again, the probe tells, and no secret shows.
    """
    settings = PhoneSettings(
        numbers=(OURS,),
        kannel=KannelSettings(
            url=world.kannel.url, username=world.kannel.user,
            password=Secret(world.kannel.password), webhook_secret=Secret(SECRET),
            status_url=world.kannel.status_url, status_password=Secret("statuspw"),
        ),
    )  # fmt: skip
    way, report_way = KannelProvider.ways
    assert settings.kannel is not None
    provider = KannelProvider(settings.kannel, make_context(settings, name="phone"))
    arrivals = [
        provider.arrival(way, message("Grüße".encode())),
        provider.arrival(way, message(b"\xff\x00", x_kannel_coding="1")),
        provider.arrival(report_way, report("2", "stat:UNDELIV err:011")),
        provider.arrival(report_way, report("8", part="1", parts="2")),
    ]
    [kind] = gateway_sms_voice.register_channels()
    thread = Thread(
        id=1, tenant="default", conversation=1, channel="phone",
        native_id=f"{OURS}~{ANN}", address=ANN,
    )  # fmt: skip
    replies = [
        Reply(
            key=f"k{n}", delivery=f"dlv_06zd67dqw000{n}", tenant="default", conversation="conv_1",
            message="msg_1", thread=thread, text=text,
        )
        for n, text in enumerate(("Guten Tag", LONG), 1)
    ]  # fmt: skip
    async with world.kannel_at_work():
        await check_channel(kind, settings, arrivals=arrivals, replies=replies)


def _is_sick(running: RunningGateway, code: str) -> bool:
    """Whether ``/readyz`` names the channel, without anything being sent."""
    sick = running.gateway.parts.board.sick.get("channel/phone")
    return sick is not None and sick.code == code


async def _code(channel: Any, code: str) -> bool:
    return bool((await channel.probe()).code == code)

"""Calls by a provider's double: from the first ring to a ticket with the words, and on from a mail."""

from __future__ import annotations

import asyncio
import smtplib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway import Message
from gateway.core.rerunning import Rerunner
from gateway_sms_voice.testing import PhoneCall, TwilioDouble, twilio_double
from tests.integration.phone_world import OURS, PUBLIC, PhoneWorld, a_number, phone_world
from tests.integration.ticket_systems import DeskSystem, RtSystem, TicketSystem

pytestmark = pytest.mark.integration

VOICE = """
[channels.phone.voice]
languages = ["en-US", "de-DE"]
"""
MAIL = """
[plugins.email]
[channels.support]
type = "email"
address = "support@example.com"
lmtp = { port = 0 }
"""
WRONG = "This code is not valid."


@pytest.fixture
async def double() -> AsyncIterator[TwilioDouble]:
    """A provider whose number's calls lead to the gateway."""
    async with twilio_double(numbers=(OURS,)) as double:
        double.account.hook_calls(f"{PUBLIC}/in/phone/voice")
        yield double


@pytest.fixture(params=["desk", "rt"])
def system(request: pytest.FixtureRequest) -> TicketSystem:
    """Each ticket system in turn."""
    if request.param == "desk":
        return DeskSystem()
    return RtSystem(rt=request.getfixturevalue("rt"))


@asynccontextmanager
async def calls_world(
    folder: Path, double: TwilioDouble, more: str = "", system: str = DeskSystem.config
) -> AsyncIterator[PhoneWorld]:
    """A gateway that answers calls."""
    async with phone_world(folder, double, system + VOICE + more) as world:
        yield world


async def settled(world: PhoneWorld) -> list[Message]:
    """Wait until all that came in was worked on, and is with the ticket system."""

    async def done() -> bool:
        counts = await world.running.store.counts()
        return not counts.arrivals_waiting and not any(counts.deliveries_waiting.values())

    await world.running.until(done, 20)
    return await world.everything()


async def test_whole_way(tmp_path: Path, double: TwilioDouble, system: TicketSystem) -> None:
    """A voicemail is a ticket; the late transcript updates it; the answer goes out as a text, and
    what the caller texts back is in the same ticket.
    """
    ann = a_number()
    async with calls_world(tmp_path, double, system=system.config) as world:
        running = world.running
        call = await double.call(sender=ann, CallerName="ANN").dial()
        assert "Hello, and thank you for calling." == call.heard[0]
        assert "it is recorded" in call.heard[1]
        assert [] == await system.tickets(running, f"Call from ANN ({ann})")
        await call.press("1")
        await call.speak(b"ID3 drip", seconds=14, words="The tap in the kitchen drips.")
        assert "Thank you. We will take care of it. Goodbye." == call.heard[-1]
        assert ["recording", "transcript", "status"] == [one.of for one in call.later]
        await call.deliver("status", "recording")
        subject = f"Voicemail from ANN ({ann})"
        [number] = await running.until(lambda: system.tickets(running, subject), 20)

        async def fetched() -> bool:
            [message] = await world.everything()
            return [one.state for one in message.attachments] == ["stored"]

        await running.until(fetched, 20)
        await call.deliver("transcript")

        async def words() -> bool:
            return "The tap in the kitchen drips." in " ".join(
                await system.entries(running, number)
            )

        await running.until(words, 20)
        [message] = await settled(world)
        assert ("voicemail", "The tap in the kitchen drips.") == (message.kind, message.text)
        assert (call.sid,) == message.external_ids
        [sound] = message.attachments
        assert b"ID3 drip" == await running.gateway.parts.blobs.read(sound.blob)

        await system.answer(running, number, "A plumber is on her way.")
        assert ["A plumber is on her way."] == await world.until_sent()
        assert (OURS, ann) == (double.sent[0].sender, double.sent[0].to)
        await double.text("Thanks!", sender=ann)
        await world.until_messages(3)
        assert 1 == len(await world.conversations())
        assert [] == call.errors


@pytest.mark.parametrize("order", [
    ("status", "recording", "transcript"), ("transcript", "recording", "status"),
    ("recording", "status", "transcript"), ("transcript", "status"), ("status",), (),
])  # fmt: skip
async def test_callbacks_in_any_order(
    tmp_path: Path, double: TwilioDouble, order: tuple[str, ...]
) -> None:
    """Late, twice or never told of: one message, and after reconciling always the same one."""
    async with calls_world(tmp_path, double) as world:
        call = await double.call(sender=a_number()).dial()
        await call.press("1")
        await call.speak(seconds=14, words="It drips.")
        for answer in await call.deliver(*order, times=2) if order else ():
            assert 204 == answer.status
        call.lose()
        channel = world.running.gateway.parts.channels["phone"]
        await channel.reconcile(world.running.gateway.parts.intake("channel", "phone", "default"))

        async def whole() -> bool:
            [message] = await settled(world)
            return [one.state for one in message.attachments] == ["stored"]

        await world.running.until(whole, 20)
        [message] = await world.everything()
        assert ("voicemail", "It drips.", False) == (message.kind, message.text, message.quiet)
        assert 1 == len(await world.conversations())


async def test_hanging_up_at_every_stage(tmp_path: Path, double: TwilioDouble) -> None:
    """Whenever the caller hangs up, it is one call that an agent sees; nothing is recorded twice."""
    async with calls_world(tmp_path, double) as world:
        before = double.call(sender=a_number())
        before.cancel()
        at_menu = await double.call(sender=a_number()).dial()
        await at_menu.hang_up()
        in_silence = await double.call(sender=a_number()).dial()
        await in_silence.wait()  # chose nothing: the tone
        await in_silence.hang_up()
        speaking = await double.call(sender=a_number()).dial()
        await speaking.press("1")
        await speaking.hang_up(data=b"ID3 half a", seconds=3, words="Half a word")
        at_code = await double.call(sender=a_number()).dial()
        await at_code.press("4")
        await at_code.hang_up()
        for call in (before, at_menu, in_silence, speaking, at_code):
            await call.deliver()
            assert [] == call.errors
        await world.until_messages(5)
        said = {one.external_ids[0]: one for one in await settled(world)}
        assert 5 == len(said)
        missed = "Called and left no message."
        for call in (before, at_menu, in_silence, at_code):
            assert ("call", missed) == (said[call.sid].kind, said[call.sid].text)
            assert f"Missed call from {call.sender}" == said[call.sid].subject
        assert ("voicemail", "Half a word") == (said[speaking.sid].kind, said[speaking.sid].text)


async def test_missed_calls_without_tickets(tmp_path: Path, double: TwilioDouble) -> None:
    """With missed_calls off such a call is kept, resolved, and no ticket is opened."""
    async with calls_world(tmp_path, double, "missed_calls = false\n") as world:
        call = await double.call(sender=a_number()).dial()
        await call.hang_up()
        await call.deliver()
        [message] = await settled(world)
        assert message.quiet
        [conversation] = await world.conversations()
        assert ("resolved", ()) == (conversation.state, conversation.route.backends)


async def test_the_menu(tmp_path: Path, double: TwilioDouble) -> None:
    """By words and digits: German, a call back, what is not understood, and who hides."""
    async with calls_world(tmp_path, double) as world:
        ann = await double.call(sender=a_number()).dial()
        await ann.say("another language please")
        assert "Für Deutsch drücken Sie die 2." in ann.heard
        await ann.press("2")
        assert "Um eine Nachricht zu hinterlassen, drücken Sie die 1." in ann.heard
        await ann.press("7")
        assert "Das habe ich nicht verstanden." in ann.heard
        await ann.say("Rückruf, bitte!")
        assert "Wir rufen Sie unter der Nummer zurück" in ann.heard[-1]
        await ann.deliver()
        [message] = await settled(world)
        assert ("call", "de") == (message.kind, message.language)
        assert (f"Call back {ann.sender}", "Asks to be called back.") == (
            message.subject,
            message.text,
        )

        hidden = await double.call(sender="+266696687").dial()
        await hidden.press("2")
        assert "We cannot see your number. Please leave a message and say it." in hidden.heard
        await hidden.speak(words="It is me, call 555 0100.")
        await hidden.deliver()
        said = [one for one in await settled(world) if one.external_ids == (hidden.sid,)]
        assert (None, "Voicemail from a withheld number") == (
            said[0].author.address,
            said[0].subject,
        )


async def mailed(world: PhoneWorld, sender: str, text: str) -> Message:
    """Have somebody write a mail; the message it became."""
    channel = world.running.gateway.parts.channels["support"]
    mail = (
        f"From: <{sender}>\r\nTo: support@example.com\r\nSubject: Tap\r\n"
        f"Message-ID: <{uuid.uuid4().hex}@example.net>\r\n\r\n{text}\r\n"
    )

    def send() -> bool:
        try:
            with smtplib.LMTP("127.0.0.1", channel.listening_on) as client:  # type: ignore[attr-defined]
                client.sendmail(sender, ["support@example.com"], mail.encode())
        except OSError:  # it does not listen yet
            return False
        return True

    await world.running.until(lambda: asyncio.to_thread(send), 20)

    async def there() -> list[Message]:
        return [one for one in await world.everything() if one.text == text]

    return (await world.running.until(there, 20))[0]


async def try_code(double: TwilioDouble, code: str, sender: str) -> PhoneCall:
    """Call and key in a code."""
    call = await double.call(sender=sender).dial()
    await call.press("4")
    await call.press(code)
    return call


async def test_a_code_from_a_mail(tmp_path: Path, double: TwilioDouble) -> None:
    """Who keys in the code that the mail's conversation gave is in it, with all of the call."""
    async with calls_world(tmp_path, double, MAIL) as world:
        mail = await mailed(world, "ann@example.net", "The tap drips.")
        await settled(world)
        ann = a_number()
        codes = world.running.gateway.parts.codes("default")
        code = (await codes.issue(mail.conversation)).code
        call = await try_code(double, code, ann)
        assert "Thank you. This call now belongs to your matter." in call.heard
        [reference] = [one for one in call.heard if "number of your matter is" in one]
        assert "The number of your matter is 1." == reference
        await call.press("1")
        await call.speak(words="It drips more and more.")
        await call.deliver()
        await settled(world)
        said = await world.messages(mail.conversation)
        assert ["The tap drips.", "It drips more and more.\n\nKeyed in a continuation code."] == [
            one.text for one in said
        ]
        desk = DeskSystem()
        assert 1 == len(await world.running.gateway.parts.backends["tickets"].all_tickets())  # type: ignore[attr-defined]
        assert "It drips more and more." in " ".join(await desk.entries(world.running, 1))
        view = await world.running.store.conversation(None, mail.conversation)
        assert {("email", "ann@example.net"), ("tel", ann)} == {
            (one.scheme, one.value) for one in view.identities
        }
        assert 2 == len({one.contact for one in view.identities})
        assert {"claimed", "asserted"} == {one.proof for one in view.identities}


async def test_a_code_moves_the_call_and_no_texts(tmp_path: Path, double: TwilioDouble) -> None:
    """Who has texted about something else keys in a mail's code: only the call goes there, and
    answers to both matters go out to the same phone.
    """
    async with calls_world(tmp_path, double, MAIL) as world:
        mail = await mailed(world, "ann@example.net", "The tap drips.")
        ann = a_number()
        await double.text("Where is my bill?", sender=ann)
        await world.until_messages(2)
        await settled(world)
        code = (await world.running.gateway.parts.codes("default").issue(mail.conversation)).code
        call = await try_code(double, code, ann)
        await call.press("1")
        await call.speak(words="It drips more and more.")
        await call.deliver()
        await settled(world)
        said = {one.text: one.conversation for one in await world.everything()}
        assert mail.conversation == said["It drips more and more.\n\nKeyed in a continuation code."]
        assert mail.conversation != said["Where is my bill?"]
        assert 2 == len(await world.conversations())
        desk = DeskSystem()
        for subject, answer in (
            ("Tap", "A plumber comes."),
            (f"Text message from {ann}", "It is on its way."),
        ):
            [number] = await desk.tickets(world.running, subject)
            await desk.answer(world.running, number, answer)
        sent = await world.until_sent(1)
        assert ["It is on its way."] == sent  # the plumber is announced by mail, where it began


async def test_wrong_codes_tell_nothing(tmp_path: Path, double: TwilioDouble) -> None:
    """Wrong, used and expired codes sound alike, join nothing, and after five tries right ones do
    not work either; a call takes three.
    """
    async with calls_world(tmp_path, double, MAIL) as world:
        mail = await mailed(world, "ann@example.net", "The door code is seven owls.")
        await settled(world)
        codes = world.running.gateway.parts.codes("default")
        used = (await codes.issue(mail.conversation)).code
        await (await try_code(double, used, a_number())).hang_up()
        live = (await codes.issue(mail.conversation)).code
        wrong = next(code for code in ("000000", "111111", "222222") if code not in (live, used))
        eve = a_number()
        first = await try_code(double, wrong, eve)
        second = await double.call(sender=eve).dial()
        await second.press("4")
        for code in (used, "12", wrong):
            await second.press(code)
        heard = [line for line in (*first.heard, *second.heard) if line == WRONG]
        assert 4 == len(heard)
        assert "To leave a message, press 1." == second.heard[-5]  # three tries, then the menu
        third = await try_code(double, wrong, eve)  # the fifth wrong one
        await third.press(live)
        assert [WRONG, WRONG] == [line for line in third.heard if line == WRONG]
        for call in (first, second, third):
            await call.hang_up()
            await call.deliver()
        everything = await settled(world)
        assert "owls" not in " ".join(line for call in double.calls for line in call.heard)
        sids = {first.sid, second.sid, third.sid}
        theirs = {one.conversation for one in everything if sids & {*one.external_ids}}
        assert 3 == len([one for one in everything if sids & {*one.external_ids}])
        assert mail.conversation not in theirs
        view = await world.running.store.conversation(None, mail.conversation)
        assert eve not in {one.value for one in view.identities}
        fresh = await try_code(double, live, a_number())  # somebody else's tries are their own
        assert WRONG not in fresh.heard


async def test_references_are_for_those_who_are_known(tmp_path: Path, double: TwilioDouble) -> None:
    """A number of a matter is not read to a caller id that the network does not attest, nor to one
    that was not proven; all hear the same. With "attested" the network's word is enough.
    """
    refused = "We cannot tell you a number on this call."
    for policy, verdict, told in (
        ("proven", "TN-Validation-Passed-A", False), ("attested", "TN-Validation-Passed-B", False),
        ("attested", "TN-Validation-Passed-A", True), ("never", "TN-Validation-Passed-A", False),
    ):  # fmt: skip
        folder = tmp_path / f"{policy}-{verdict}"
        folder.mkdir()
        double.calls.clear()
        async with calls_world(folder, double, f'read_reference = "{policy}"\n') as world:
            ann = a_number()
            await double.text("The tap drips", sender=ann)
            await world.until_messages(1)
            await settled(world)
            call = await double.call(sender=ann, StirVerstat=verdict).dial()
            await call.press("3")
            stranger = await double.call(sender=a_number(), StirVerstat=verdict).dial()
            await stranger.press("3")
            assert any(refused in line for line in stranger.heard)
            assert told == any("The number of your matter is" in line for line in call.heard)
            assert told != any(refused in line for line in call.heard)


async def test_a_call_whose_number_is_forged(tmp_path: Path, double: TwilioDouble) -> None:
    """Where the network says that the number is another's, the call is not in Ann's conversation."""
    async with calls_world(tmp_path, double) as world:
        ann = a_number()
        await double.text("The tap drips", sender=ann)
        [text] = await world.until_messages(1)
        call = await double.call(sender=ann, StirVerstat="TN-Validation-Failed-C").dial()
        await call.press("1")
        await call.speak(words="Give me her address.")
        await call.deliver()
        said = [one for one in await settled(world) if one.external_ids == (call.sid,)]
        assert text.conversation != said[0].conversation
        assert "fail" == said[0].trust.stir


async def test_webhooks_that_are_not_the_providers(tmp_path: Path, double: TwilioDouble) -> None:
    """Each of a call's addresses answers 403 to who did not sign, whatever they send."""
    async with calls_world(tmp_path, double) as world:
        for step in ("", "/menu", "/code", "/language", "/again", "/recorded", "/recording",
                     "/transcript", "/status"):  # fmt: skip
            answer = await double.webhooks.post(
                f"{PUBLIC}/in/phone/voice{step}", {"CallSid": "CA1", "Digits": "123456"},
                headers={"X-Twilio-Signature": "bm8="},
            )  # fmt: skip
            assert 403 == answer.status
        assert [] == await world.everything()


EAR = """
from gateway import Transcript, hookimpl

@hookimpl
async def transcribe_recording(message, recording):
    return Transcript(text=f"heard {len(recording.data)} bytes", language="en")
"""


@pytest.mark.parametrize("voice", ['transcribe = "plugin"\n', ""])
async def test_plugins_write_down_what_the_provider_does_not(
    tmp_path: Path, double: TwilioDouble, voice: str
) -> None:
    """By setting, or where the provider says that it could not."""
    (tmp_path / "ear.py").write_text(EAR)
    more = voice + '[plugins.ear]\npath = "ear.py"\nrequired = true\n'
    async with calls_world(tmp_path, double, more) as world:
        call = await double.call(sender=a_number()).dial()
        await call.press("1")
        await call.speak(b"ID3 1234", seconds=14)  # without words, the provider fails
        await call.deliver()

        async def heard() -> bool:
            return [one.text for one in await world.everything()] == ["heard 8 bytes"]

        await world.running.until(heard, 20)
        [message] = await settled(world)
        assert "voicemail" == message.kind
        entries = await DeskSystem().entries(world.running, 1)
        assert any("heard 8 bytes" in one for one in entries)


async def test_a_replay_of_a_call_changes_nothing(tmp_path: Path, double: TwilioDouble) -> None:
    """Running its last part again gives the whole message as it is; earlier parts are left alone."""
    async with calls_world(tmp_path, double) as world:
        call = await double.call(sender=a_number()).dial()
        await call.press("1")
        await call.speak(seconds=14, words="It drips.")
        await call.deliver("recording", "transcript", "status")

        async def fetched() -> bool:
            return [one.state for one in (await settled(world))[0].attachments] == ["stored"]

        await world.running.until(fetched, 20)
        [message] = await world.everything()
        parts = world.running.gateway.parts
        rerunner = Rerunner(
            store=parts.store, preparer=parts.preparer, clock=parts.clock, new_id=parts.new_id,
            on_committed=parts.notice, channels=parts.channels,
        )  # fmt: skip
        outcomes = [
            [one.outcome for one in await rerunner.look(None, arrival)]
            for arrival in message.arrivals
        ]
        assert [*[["left"]] * (len(outcomes) - 1), ["same"]] == outcomes


async def test_calls_while_the_gateway_was_away(tmp_path: Path, double: TwilioDouble) -> None:
    """What came while nobody answered is asked for at the start, once."""
    async with calls_world(tmp_path, double):
        pass
    call = double.call(sender=a_number(), CallerName="Ann")
    call.cancel()
    call.lose()
    for _ in range(2):
        async with calls_world(tmp_path, double) as world:
            await world.until_messages(1)
            [message] = await settled(world)
            assert f"Missed call from Ann ({call.sender})" == message.subject
            assert not message.quiet


async def test_old_calls_are_not_asked_for_again(tmp_path: Path, double: TwilioDouble) -> None:
    """A call that has been over for an hour is asked for once; a fresh one each time, but taken in once."""
    async with calls_world(tmp_path, double) as world:
        old = double.call(sender=a_number(), at=datetime.now(UTC) - timedelta(hours=2))
        fresh = double.call(sender=a_number())
        for call in (old, fresh):
            call.cancel()
            call.lose()
        channel = world.running.gateway.parts.channels["phone"]
        door = world.running.gateway.parts.intake("channel", "phone", "default")
        for _ in range(3):
            await channel.reconcile(door)
        await world.until_messages(2)
        asked = [path for _, path in double.account.requests]
        assert 1 == sum(f"Calls/{old.sid}/Recordings" in path for path in asked)
        assert 3 <= sum(f"Calls/{fresh.sid}/Recordings" in path for path in asked)
        assert [1, 1] == [len(one.arrivals) for one in await settled(world)]

"""What goes out: once, in the right parts, to the right number, or not at all with a reason."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from gateway import (
    Address,
    AuthenticationFailed,
    Deferred,
    OutcomeUnknown,
    Person,
    Rejected,
    StoreUnavailable,
    Suspended,
    Throttled,
    Unreachable,
)
from gateway.testing.clock import EPOCH
from gateway_sms_voice.outbox import LATE_MS
from tests.unit.sms_voice.world import OURS, THEIRS, World, a_reply, a_thread, phone

LONG = " ".join(f"word{n}" for n in range(500))


async def test_a_reply_is_one_text() -> None:
    """It goes from the number that was written to, with our own id in its receipt address."""
    async with phone() as world:
        reply = a_reply("Grüße ✓")
        sent = await world.channel.send(reply)
        [text] = world.double.sent
        assert ("Grüße ✓", OURS, THEIRS) == (text.body, text.sender, text.to)
        assert f"https://gateway.example/in/here/status/{reply.delivery}/1/1" == text.callback
        assert ((text.sid,), "accepted", "") == (sent.external_ids, sent.state, sent.native_thread)


async def test_a_long_reply_is_several_texts() -> None:
    """Each part has an id, in order, and its place in its receipt address."""
    async with phone() as world:
        sent = await world.channel.send(a_reply(LONG))
        texts = world.double.sent
        assert 3 == len(texts)
        assert tuple(one.sid for one in texts) == sent.external_ids
        assert ["1/3", "2/3", "3/3"] == [one.callback[-3:] for one in texts]
        assert LONG.split() == " ".join(one.body.partition(") ")[2] for one in texts).split()


async def test_a_lost_answer_is_looked_up() -> None:
    """What was taken though nobody told is found, and not sent again."""
    async with phone() as world:
        reply = a_reply()
        world.double.lose_replies()
        with pytest.raises(OutcomeUnknown):
            await world.channel.send(reply)
        found = await world.restart().find_sent(reply)
        assert found is not None
        assert (world.double.sent[0].sid,) == found.external_ids
        again = await world.channel.send(reply)
        assert found.external_ids == again.external_ids
        assert 1 == len(world.double.sent)


async def test_what_broke_off_midway_goes_on() -> None:
    """Of a text in parts only those are sent that the provider does not have."""
    async with phone() as world:
        reply = a_reply(LONG)
        world.double.lose_replies(after=1)
        with pytest.raises(OutcomeUnknown):
            await world.channel.send(reply)
        assert 2 == len(world.double.sent)
        world.restart()
        assert None is await world.channel.find_sent(reply)
        sent = await world.channel.send(reply)
        assert tuple(one.sid for one in world.double.sent) == sent.external_ids
        assert ["(1/3)", "(2/3)", "(3/3)"] == [one.body[:5] for one in world.double.sent]


async def test_not_listed_yet_is_still_unknown() -> None:
    """A request that broke off may come late: for a while its absence from the list proves nothing."""
    async with phone() as world:
        reply = a_reply()
        book = world.channel._outbox.book
        entry = await book.open(reply.delivery, ["Hello"])
        await book.post(reply.delivery, entry, 1)
        world.restart()
        with pytest.raises(OutcomeUnknown) as told:
            await world.channel.find_sent(reply)
        assert "not_listed_yet" == told.value.reason_code
        assert (told.value.retry_after or 0) > LATE_MS / 1000
        world.around.clock.advance(LATE_MS / 1000 + 1)
        assert None is await world.channel.find_sent(reply)
        await world.channel.send(reply)
        assert 1 == len(world.double.sent)


async def test_two_replies_alike_are_two_texts() -> None:
    """The one text that was taken settles one of two replies with the same words."""
    async with phone() as world:
        one, two = a_reply("OK"), a_reply("OK")
        world.double.lose_replies(1)
        with pytest.raises(OutcomeUnknown):
            await world.channel.send(one)
        await world.channel.send(two)
        found = await world.channel.find_sent(one)
        assert found is not None
        assert 2 == len({*found.external_ids, *(await world.channel.send(two)).external_ids})
        assert 2 == len(world.double.sent)


async def test_the_providers_word_counts() -> None:
    """A receipt that came before the answer tells the id, without any looking up."""
    async with phone() as world:
        reply = a_reply()
        world.double.lose_replies()
        with pytest.raises(OutcomeUnknown):
            await world.channel.send(reply)
        [text] = world.double.sent
        fields = {"MessageSid": text.sid, "MessageStatus": "sent", "To": THEIRS}
        assert 204 == await world.post(f"/status/{reply.delivery}/1/1", fields)
        world.double.account.requests.clear()
        found = await world.restart().find_sent(reply)
        assert found is not None
        assert (text.sid,) == found.external_ids
        assert [] == world.double.account.requests


async def test_a_lost_answer_of_the_store_is_no_second_text() -> None:
    """A book that cannot be written after the text was taken leads to a look-up, not to a text."""
    async with phone() as world:
        reply = a_reply()
        writing = world.around.state.put_all
        calls = 0

        async def lose(writes: object) -> bool:
            nonlocal calls
            calls += 1
            if calls == 1:
                raise StoreUnavailable("the disk is gone")
            return await writing(writes)  # type: ignore[arg-type]

        world.around.state.put_all = lose  # type: ignore[method-assign]
        with pytest.raises(OutcomeUnknown):
            await world.channel.send(reply)
        found = await world.restart().find_sent(reply)
        assert found is not None
        assert (world.double.sent[0].sid,) == found.external_ids
        assert 1 == len(world.double.sent)


async def test_another_text_midway_is_refused() -> None:
    """A text that changed after some of it went out is not mixed with the new one."""
    async with phone() as world:
        reply = a_reply(LONG)
        world.double.lose_replies(after=1)
        with pytest.raises(OutcomeUnknown):
            await world.channel.send(reply)
        with pytest.raises(Rejected) as told:
            await world.channel.send(msgspec.structs.replace(reply, text=LONG + " more"))
        assert "changed_midway" == told.value.reason_code
        assert 2 == len(world.double.sent)


@pytest.mark.parametrize(
    ("status", "code", "kind", "reason"),
    [
        (429, 20429, Throttled, "twilio_20429"),
        (400, 21611, Throttled, "twilio_21611"),
        (400, 30001, Throttled, "twilio_30001"),
        (400, 63018, Throttled, "twilio_63018"),
        (400, 30023, Deferred, "twilio_30023"),
        (401, 20003, AuthenticationFailed, "wrong_key"),
        (403, 20005, Suspended, "account_suspended"),
        (400, 21211, Rejected, "twilio_21211"),
        (400, 63016, Rejected, "twilio_63016"),
        (400, 99999, Rejected, "twilio_99999"),
        (500, 20500, OutcomeUnknown, "http_500"),
        (503, 20503, OutcomeUnknown, "http_503"),
    ],
)
async def test_errors(status: int, code: int, kind: type[Exception], reason: str) -> None:
    """Each answer is the error that says what may follow, in words."""
    async with phone() as world:
        world.double.refuse(status=status, code=code, retry_after=7)
        with pytest.raises(kind) as told:
            await world.channel.send(a_reply())
        assert reason == told.value.reason_code  # type: ignore[attr-defined]
        assert len(str(told.value)) > 20


async def test_a_pause_is_kept() -> None:
    """The provider's own Retry-After counts, and nothing is booked for what was refused."""
    async with phone() as world:
        reply = a_reply()
        world.double.refuse(status=429, code=20429, retry_after=7)
        with pytest.raises(Throttled) as told:
            await world.channel.send(reply)
        assert 7 == told.value.retry_after
        assert None is await world.channel.find_sent(reply)
        await world.channel.send(reply)
        assert 1 == len(world.double.sent)


async def test_opted_out() -> None:
    """Nothing is sent to who texted STOP, to them alone and from that number alone, until START."""
    async with phone() as world:
        for body in ("STOP", "Stop.", " stop \n"):
            message = await world.double.text(body, calls=False)
            assert 200 == await world.post("/messages", world.double.webhooks.fields(message))
            [ignored] = world.read(world.around.intake.accepted[-1])
            assert f"{THEIRS} wants no more texts from {OURS}" in ignored.reason  # type: ignore[union-attr]
            with pytest.raises(Rejected) as told:
                await world.channel.send(a_reply())
            assert "opted_out" == told.value.reason_code
            assert "by text" in str(told.value)
        await world.channel.send(a_reply(thread=a_thread(theirs="+15551230002")))
        await world.channel.send(a_reply(thread=a_thread(ours="+15005550007")))
        message = await world.double.text("Yes", calls=False)
        await world.post("/messages", world.double.webhooks.fields(message))
        await world.channel.send(a_reply())
        assert 3 == len(world.double.sent)


async def test_opted_out_at_the_provider() -> None:
    """What the provider refuses as opted out is remembered, and not tried again."""
    async with phone() as world:
        world.double.account.opted_out.add((OURS, THEIRS))
        for _ in range(2):
            with pytest.raises(Rejected) as told:
                await world.channel.send(a_reply())
            assert "opted_out" == told.value.reason_code
        assert 1 == sum(method == "POST" for method, _ in world.double.account.requests)


async def test_a_first_text_goes_to_a_number() -> None:
    """Without a thread it starts one, from our first number."""
    async with phone() as world:
        reply = a_reply("Your order is here")
        sent = await world.channel.send(msgspec.structs.replace(reply, thread=None))
        assert f"{OURS}~{THEIRS}" == sent.native_thread
        assert (OURS, THEIRS) == (world.double.sent[0].sender, world.double.sent[0].to)


@pytest.mark.parametrize(
    ("theirs", "code"),
    [("", "no_receiver"), ("AMAZON", "no_receiver"), ("sip:ann@example.com", "no_receiver")],
)
async def test_nobody_to_write_to(theirs: str, code: str) -> None:
    """A withheld number, a name and a SIP caller take no texts, and that is said."""
    async with phone() as world:
        with pytest.raises(Rejected) as told:
            await world.channel.send(a_reply(thread=a_thread(theirs=theirs)))
        assert code == told.value.reason_code


async def test_nothing_to_say_or_too_much() -> None:
    """An empty reply and an endless one are refused in words."""
    async with phone() as world:
        for text, code in (("  ", "no_text"), ("x" * 60_000, "too_long")):
            with pytest.raises(Rejected) as told:
                await world.channel.send(a_reply(text))
            assert code == told.value.reason_code


async def test_attachments_are_named() -> None:
    """What cannot be sent along is said in the text."""
    async with phone() as world:
        file = world.around.blobs.add(b"%PDF", name="invoice.pdf")
        await world.channel.send(a_reply("See there", attachments=(file,)))
        assert "See there\n\n[not attached: invoice.pdf]" == world.double.sent[0].body


async def test_whatsapp_within_its_window() -> None:
    """For 24 hours after the customer wrote, free text goes to the number, not to the id."""
    whatsapp = (f"whatsapp:{OURS}", f"whatsapp:{THEIRS}")
    async with phone(numbers=(whatsapp[0],)) as world:
        thread = a_thread(
            whatsapp[0], "whatsapp:US.13491208655302741918", window_until=EPOCH + 1,
        )  # fmt: skip
        thread = msgspec.structs.replace(thread, address=whatsapp[1])
        await world.channel.send(a_reply("Hi", thread=thread))
        assert whatsapp == (world.double.sent[0].sender, world.double.sent[0].to)
        world.around.clock.advance(0.001)
        with pytest.raises(Rejected) as told:
            await world.channel.send(a_reply("Hi", thread=thread))
        assert "window_closed" == told.value.reason_code
        assert "24 hours" in str(told.value)


async def test_a_window_that_closes_meanwhile() -> None:
    """What was handed over within the window is looked up as it was, though the window has closed."""
    whatsapp = (f"whatsapp:{OURS}", f"whatsapp:{THEIRS}")
    templates = {"*": "HX" + "2" * 32}
    async with phone(numbers=(whatsapp[0],), twilio={"templates": templates}) as world:
        reply = a_reply("Hi\nAnn", thread=a_thread(*whatsapp, window_until=EPOCH + 1))
        world.double.lose_replies()
        with pytest.raises(OutcomeUnknown):
            await world.channel.send(reply)
        world.around.clock.advance(3600)
        found = await world.restart().find_sent(reply)
        assert found is not None
        assert (world.double.sent[0].sid,) == found.external_ids


async def test_a_part_that_is_refused() -> None:
    """The agent reads which part, and that those before it went out."""
    async with phone() as world:
        world.double.refuse(code=30007, after=1)
        with pytest.raises(Rejected) as told:
            await world.channel.send(a_reply(LONG))
        assert "part 2 of 3 (those before it were sent): a carrier filtered it" in str(told.value)
        assert "twilio_30007" == told.value.reason_code


async def test_whatsapp_outside_its_window() -> None:
    """Then the configured template of the language carries the text, in one line."""
    whatsapp = (f"whatsapp:{OURS}", f"whatsapp:{THEIRS}")
    templates = {"de": "HX" + "1" * 32, "*": "HX" + "2" * 32}
    async with phone(numbers=(whatsapp[0],), twilio={"templates": templates}) as world:
        thread = a_thread(*whatsapp, window_until=EPOCH)
        await world.channel.send(a_reply("Hallo\n\nAnn", thread=thread, language="de-AT"))
        await world.channel.send(a_reply("Bonjour", thread=thread, language="fr"))
        assert [("HX" + "1" * 32, '{"1":"Hallo Ann"}'), ("HX" + "2" * 32, '{"1":"Bonjour"}')] == [
            (one.content, one.body) for one in world.double.sent
        ]
        reply = a_reply("Verloren", thread=thread, language="de")
        world.double.lose_replies()
        with pytest.raises(OutcomeUnknown):
            await world.channel.send(reply)
        assert None is not await world.channel.find_sent(reply)


async def test_a_messaging_service_chooses_the_sender() -> None:
    """With one configured, texts are handed to it."""
    async with phone(twilio={"messaging_service": "MG" + "1" * 32}) as world:
        await world.channel.send(a_reply())
        assert "MG" + "1" * 32 == world.double.sent[0].service


async def test_pacing() -> None:
    """One number sends no quicker than it may, others do not wait for it."""
    async with phone(twilio={"per_second": 2.0}) as world:
        waits: list[float] = []

        async def sleep(seconds: float) -> None:
            waits.append(round(seconds, 1))

        world.channel._pace._now, world.channel._pace._sleep = (lambda: 100.0), sleep
        await asyncio.gather(*(world.channel.send(a_reply(f"{n}")) for n in range(5)))
        await world.channel.send(a_reply(thread=a_thread(ours="+15005550007")))
        assert [0.5, 1.0, 1.5] == sorted(waits)


async def test_sent_elsewhere() -> None:
    """Two processes that have the same reply hand it over once."""
    async with phone() as world:
        reply = a_reply()
        other = World(double=world.double, settings=world.settings, around=world.around).channel
        done = await asyncio.gather(
            world.channel.send(reply), other.send(reply), return_exceptions=True
        )
        assert 1 == len(world.double.sent)
        assert 1 == sum(isinstance(one, Unreachable | OutcomeUnknown) for one in done)


async def test_the_book_is_swept() -> None:
    """What is too old to be asked for is forgotten; what is new stays."""
    async with phone() as world:
        await world.channel.send(a_reply())
        world.around.clock.advance(6 * 86_400)
        await world.channel.send(a_reply())
        world.around.clock.advance(2 * 86_400)
        assert 2 == await world.channel._outbox.book.sweep()
        assert {"out", "taken"} == {key.split("/")[0] for key in world.around.state.rows}
        assert 2 == len(world.around.state.rows)


async def test_away() -> None:
    """A provider that cannot be reached is told as such: nothing was sent."""
    async with phone() as world:
        world.around.http.down = True
        with pytest.raises(Unreachable):
            await world.channel.send(
                a_reply(recipients=(Person(address=Address(scheme="tel", value=THEIRS)),))
            )
        world.around.http.down = False
        await world.channel.send(a_reply())
        assert 1 == len(world.double.sent)

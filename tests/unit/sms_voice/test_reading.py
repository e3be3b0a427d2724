"""What comes in: texts, pictures, places, buttons, receipts, and who sent them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import Address, Ignored, NewArrival, Receipt, read_id
from gateway.testing.clock import EPOCH
from gateway_sms_voice.providers.twilio.errors import TABLE
from tests.unit.sms_voice.world import OURS, THEIRS, World, phone

WHATSAPP = {"sender": f"whatsapp:{THEIRS}", "to": f"whatsapp:{OURS}"}
SCOPED = "US.13491208655302741918"


async def test_a_text() -> None:
    """Its words, its sender as the provider vouches for it, and the thread of the two numbers."""
    async with phone() as world:
        draft = await world.text("Der Drucker brennt 🔥")
        assert "Der Drucker brennt 🔥" == draft.text
        assert Address(scheme="tel", value=THEIRS) == draft.author
        assert ("asserted", "pass", "twilio") == (
            draft.proof, draft.trust.signature, draft.trust.authority,
        )  # fmt: skip
        assert draft.thread is not None
        assert (f"{OURS}~{THEIRS}", THEIRS, None) == (
            draft.thread.native_id, draft.thread.address, draft.thread.window_until,
        )  # fmt: skip
        assert not draft.thread.admits_sender
        assert (OURS,) == draft.recipients
        assert draft.answerable
        [arrival] = world.around.intake.accepted
        assert draft.external_ids == (arrival.key,)
        assert draft.thread.native_id == arrival.lane


async def test_national_numbers() -> None:
    """A number without a country is the channel's region's."""
    async with phone(region="DE", numbers=("030 123456",)) as world:
        draft = await world.text("Hallo", sender="0171 2345678", to="+4930123456")
        assert "+491712345678" == (draft.author.value if draft.author else None)
        assert ("+4930123456",) == world.channel.addresses()


@pytest.mark.parametrize("sender", ["+266696687", "anonymous", "Restricted", ""])
async def test_a_withheld_number(sender: str) -> None:
    """Nobody is named, and nobody is answered automatically."""
    async with phone() as world:
        draft = await world.text("Hello", sender=sender)
        assert (None, None) == (draft.author, draft.thread)
        assert (False, False, "notification") == (
            draft.answerable, draft.acknowledge, draft.automated,
        )  # fmt: skip


async def test_short_codes_and_names() -> None:
    """A short code can be answered, a name cannot; neither is a phone number of the world's."""
    async with phone() as world:
        code = await world.text("1234 is your code", sender="40404")
        name = await world.text("Your parcel is here", sender="AMAZON")
        assert Address(scheme="tel", value="40404", scope="US") == code.author
        assert Address(scheme="sender", value="AMAZON") == name.author
        assert (True, False) == (code.answerable, name.answerable)
        assert "claimed" == name.proof


async def test_whatsapp() -> None:
    """The number is the person's on SMS as well; the lasting id stands beside it and names the thread."""
    async with phone(numbers=(f"whatsapp:{OURS}",)) as world:
        extra = {"ProfileName": "Ann", "ExternalUserId": SCOPED, "WaId": THEIRS[1:]}
        draft = await world.text("Hi", **WHATSAPP, extra=extra)
        assert Address(scheme="tel", value=THEIRS, name="Ann") == draft.author
        assert (Address(scheme="whatsapp", value=SCOPED, name="Ann"),) == draft.also
        assert draft.thread is not None
        assert f"whatsapp:{OURS}~whatsapp:{SCOPED}" == draft.thread.native_id
        assert f"whatsapp:{THEIRS}" == draft.thread.address
        assert EPOCH + 24 * 3_600_000 == draft.thread.window_until
        assert f"WhatsApp message from Ann ({THEIRS})" == draft.subject
        hidden = await world.text(
            "It is me", to=WHATSAPP["to"], sender=f"whatsapp:{SCOPED}", extra=extra
        )
        assert Address(scheme="whatsapp", value=SCOPED, name="Ann") == hidden.author
        assert draft.thread.native_id == (hidden.thread.native_id if hidden.thread else "")
        assert () == hidden.also


@pytest.mark.parametrize(
    ("extra", "text"),
    [
        ({"ButtonText": "Call me", "ButtonPayload": "cb"}, "Call me"),
        ({"ListTitle": "Monday", "ListId": "1"}, "Monday"),
        (
            {"Latitude": "52.5", "Longitude": "13.4", "Label": "Home", "Address": "A street 1"},
            "[location: Home, A street 1, 52.5, 13.4]",
        ),
        (
            {"ReferralHeadline": "Summer sale", "ReferralSourceUrl": "https://fb.me/1"},
            "[came from: Summer sale https://fb.me/1]",
        ),
    ],
)
async def test_what_is_no_text(extra: dict[str, str], text: str) -> None:
    """A pressed button, a chosen entry, a place and an advertisement are readable to an agent."""
    async with phone() as world:
        draft = await world.text("", **WHATSAPP, extra=extra)
        assert text == draft.text
        assert extra.items() <= draft.extra["sms_voice"].items() | {
            ("ReferralHeadline", "Summer sale")
        }


async def test_an_answer_names_what_it_answers() -> None:
    """The message that was replied to is a reference, which joins only who takes part."""
    async with phone() as world:
        draft = await world.text("Yes", extra={"OriginalRepliedMessageSid": "SM" + "1" * 32})
        assert ("SM" + "1" * 32,) == draft.references
        assert "SM" + "1" * 32 == draft.in_reply_to


async def test_media_are_pending_at_first() -> None:
    """Each has a name and its claimed type; what cannot be read as a count is none."""
    async with phone() as world:
        draft = await world.text("", media=(("image/jpeg", b"1"), ("text/x-vcard", b"2")))
        assert [("image-1.jpg", "pending"), ("file-2.vcf", "pending")] == [
            (one.name, one.state) for one in draft.attachments
        ]
        for count in ("-1", "x", "1e9", "²"):
            assert () == (await world.text("Hi", extra={"NumMedia": count})).attachments


@pytest.mark.parametrize(
    ("body", "flag", "asked"),
    [
        ("STOP", "", "STOP"),
        ("unsubscribe", "", "STOP"),
        ("Opt out", "", "STOP"),
        ("anything", "STOP", "STOP"),
        ("START", "START", "START"),
        ("help", "", "HELP"),
        ("please stop calling me", "", None),
        ("Yes", "", None),
        ("Start", "", None),
        ("Help! It burns", "", None),
    ],
)
async def test_opting_out(body: str, flag: str, asked: str | None) -> None:
    """By the flag or by the whole text; a word in a sentence is a message, and so is a mere yes."""
    async with phone() as world:
        message = await world.double.text(
            body, calls=False, extra={"OptOutType": flag} if flag else {}
        )
        await world.post("/messages", world.double.webhooks.fields(message))
        [arrival] = world.around.intake.accepted
        [parsed] = world.read(arrival)
        assert (asked is not None) == isinstance(parsed, Ignored)
        assert asked == arrival.remote.get("opt_out")


async def receipt(world: World, status: str, place: str = "1/1", error: str = "") -> Receipt:
    """Read the receipt of a status callback."""
    fields = {"MessageSid": "SM1", "MessageStatus": status, "To": THEIRS, "From": OURS}
    if error:
        fields["ErrorCode"] = error
    assert 204 == await world.post(f"/status/dlv_0000000000007/{place}", fields)
    [read] = world.read(world.around.intake.accepted[-1])
    assert isinstance(read, Receipt)
    return read


async def test_receipts() -> None:
    """Each status is a state under our own id; only the last part's arrival is the whole's."""
    async with phone() as world:
        for status, state in (
            ("accepted", "accepted"), ("queued", "accepted"), ("sending", "accepted"),
            ("sent", "sent"), ("delivered", "delivered"), ("read", "read"),
            ("undelivered", "failed"), ("failed", "failed"), ("canceled", "failed"),
        ):  # fmt: skip
            read = await receipt(world, status)
            assert (state, 7, ("SM1",), True) == (
                read.state, read.delivery, read.external_ids, read.whole,
            )  # fmt: skip
        first = await receipt(world, "delivered", "1/2")
        assert ("sent", False) == (first.state, first.whole)
        assert "delivered" == (await receipt(world, "delivered", "2/2")).state


async def test_failures_are_told_in_words() -> None:
    """An agent reads what happened, and whether it may work later; a dead number is marked."""
    async with phone() as world:
        blocked = await receipt(world, "undelivered", error="30007")
        assert "a carrier filtered it as unwanted" == blocked.text
        assert ("twilio_30007", True, None) == (blocked.code, blocked.permanent, blocked.recipient)
        off = await receipt(world, "undelivered", "2/3", error="30003")
        assert "part 2 of 3: the receiver's phone is off or out of reach" == off.text
        assert not off.permanent
        gone = await receipt(world, "failed", error="30005")
        assert Address(scheme="tel", value=THEIRS) == gone.recipient
        strange = await receipt(world, "failed", error="12345")
        assert ("twilio_12345", "not delivered") == (strange.code, strange.text)


async def test_strange_receipts() -> None:
    """A state that tells nothing is ignored, and an id that is not ours is no id."""
    async with phone() as world:
        fields = {"MessageSid": "SM1", "MessageStatus": "receiving"}
        await world.post("/status/dlv_0000000000007/1/1", fields)
        [read] = world.read(world.around.intake.accepted[-1])
        assert isinstance(read, Ignored)
        fields["MessageStatus"] = "sent"
        for path in ("/status/nobody/1/1", "/status/dlv_0000000000007/x/1"):
            await world.post(path, fields)
            [read] = world.read(world.around.intake.accepted[-1])
            assert isinstance(read, Receipt)
        assert 7 == read_id("dlv", "dlv_0000000000007")


def test_every_error_has_words() -> None:
    """Each code of the table says something, and only the passing ones may be tried again."""
    for code, known in TABLE.items():
        assert code.isdigit()
        assert len(known.words) > 15
        assert not (known.number_is_gone and known.passing)


async def test_what_is_no_message_is_unreadable() -> None:
    """Bytes that were not stored by this channel go to quarantine, with a reason."""
    from gateway import UnreadableArrival

    async with phone() as world:
        for kind in ("message", "status", "listed", "media", ""):
            for body in (b"", b"a=1", b"\xff", b"{}", b"[]", b"\x80"):
                with pytest.raises(UnreadableArrival):
                    world.read(NewArrival(key="1", kind=kind, body=body))


def test_every_error_is_in_the_manual() -> None:
    """The channel's README has a row for each code that is handled, in the same words, and no other."""
    readme = Path(__file__).parents[3] / "channels" / "sms_voice" / "README.md"
    rows = [line.split(" | ") for line in readme.read_text().splitlines()]
    told = {
        cells[0].removeprefix("| "): cells[1]
        for cells in rows
        if len(cells) == 3 and cells[0].removeprefix("| ").isdigit()
    }
    assert {code: known.words for code, known in TABLE.items()} == told

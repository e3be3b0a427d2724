"""What came of what was sent, and the automatic "we have it"."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.core.pipeline.restraint import AcknowledgePolicy
from gateway.domain.draft import DraftParticipant, Receipt, ReceiptState, ThreadRef
from gateway.domain.message import Trust
from gateway.errors import OutcomeUnknown
from tests.unit.core.workshop import Workshop, address, letter, workshop

ON = AcknowledgePolicy(enabled=True)


async def answer(shop: Workshop) -> str:
    """Have an agent answer the only conversation by mail; the native id it left under."""
    if "channel/post" not in shop.senders:
        shop.send_to("channel/post")
    thread = ThreadRef(native_id="<t@x>")
    brought = (DraftParticipant(address=address("bob")),)
    await shop.take(letter(thread=thread, participants=brought))
    [conversation] = await shop.conversations()
    await shop.operator.reply(None, conversation.id, text="Water", internal=False, author="Bob")
    await shop.quiet()
    [sent] = await shop.settled("channel/post", "delivered", 1)
    return sent.external_ids[0]


def told(native: str, state: str, **more: Any) -> Receipt:
    """What a provider tells of something we sent."""
    return Receipt(external_ids=("unknown", native), state=state, **more)  # type: ignore[arg-type]


async def test_receipts_never_move_back(shop: Workshop) -> None:
    """Whatever the order in which receipts come, the delivery has got as far as the best of them."""
    native = await answer(shop)
    seen = []
    for state in ("accepted", "delivered", "sent", "read", "failed", "delivered"):
        await shop.take(told(native, state))
        seen.append((await shop.delivery("channel/post")).receipt)
    assert ["sent", "delivered", "delivered", "read", "read", "read"] == seen
    assert 2 == len(await shop.messages())


async def test_failed_receipt_is_told_to_the_agent(shop: Workshop) -> None:
    """A bounce becomes a note in the conversation and its ticket, and work again."""
    native = await answer(shop)
    await shop.take(told(native, "failed", text="no such mailbox", recipient=address("ann")))
    note = (await shop.messages())[-1]
    assert ("internal", "bounce") == (note.direction, note.automated)
    assert "to ann@example.net could not be delivered (for good): no such mailbox" in note.text
    [conversation] = await shop.conversations()
    assert "open" == conversation.state
    assert note.id in [d.message for d in await shop.deliveries("backend/tickets")]
    view = await shop.store.conversation(None, conversation.id)
    states = {identity.value: identity.state for identity in view.identities}
    assert {"ann@example.net": "bounced", "bob@example.net": "active"} == states


async def test_every_receivers_failure_is_told_once(shop: Workshop) -> None:
    """Two receivers' bounces are two notes; the same bounce again is none."""
    native = await answer(shop)
    for name in ("ann", "bob", "ann", "bob"):
        await shop.take(told(native, "failed", recipient=address(name)))
    notes = [message.text for message in await shop.messages() if message.automated == "bounce"]
    assert 2 == len(notes)
    assert "ann@example.net" in notes[0]
    assert "bob@example.net" in notes[1]


async def test_temporary_failure_that_becomes_permanent_is_told_again(shop: Workshop) -> None:
    """At first "for now" and later "for good" are two different things to an agent."""
    native = await answer(shop)
    for permanent in (False, False, True, True, False):
        await shop.take(told(native, "failed", permanent=permanent, recipient=address("ann")))
    notes = [message.text for message in await shop.messages() if message.automated == "bounce"]
    assert 2 == len(notes)
    assert "(for now)" in notes[0]
    assert "(for good)" in notes[1]


async def test_receipt_of_something_unknown_is_only_noted(shop: Workshop) -> None:
    """A bounce of what we never sent changes nothing, and says so."""
    arrival = await shop.take(told("<never@sent>", "failed"))
    [decision] = await shop.store.decisions(None, arrival=arrival)
    assert "unmatched" == decision.outcome
    assert [] == await shop.conversations()


async def test_acknowledged_once_within_a_day(database: Path) -> None:
    """A new request of a verified sender is acknowledged, the next one of that day is not."""
    async with workshop(database, acknowledge=ON) as shop:
        shop.send_to("channel/post")
        thread = ThreadRef(native_id="<t@x>")
        await shop.take(letter(thread=thread, language="de"))
        await shop.settled("channel/post", "delivered", 1)
        await shop.take(letter(text="quite another request of mine"))
        [reply] = shop.post.sent
        assert "acknowledgement" == reply.automatic
        assert reply.text.startswith("Wir haben Ihre Nachricht erhalten")
        [first, _] = await shop.conversations()
        assert reply.conversation in reply.text
        assert "fire" not in reply.text
        reasons = [d.reason for d in await shop.decisions("acknowledge") if d.outcome == "not sent"]
        assert ["the sender had one within 24 hours"] == reasons
        shop.clock.advance(25 * 3600)
        await shop.take(letter(text="the third request in this house", thread=thread))
        assert 1 == len(await shop.deliveries("channel/post", conversation=first.id))


async def lost(shop: Workshop) -> int:
    """Have an agent's answer sent to where a second copy must not go, and its outcome lost."""
    shop.post.script.then(OutcomeUnknown("lost"), stores=True)
    shop.send_to("channel/post")
    await shop.take(letter(thread=ThreadRef(native_id="<t@x>")))
    [conversation] = await shop.conversations()
    for text in ("Water", "Or sand"):
        await shop.operator.reply(None, conversation.id, text=text, internal=False, author="Bob")
    await shop.quiet()
    first, _ = await shop.deliveries("channel/post")
    return first.id


@pytest.mark.parametrize("state", ["sent", "failed"])
async def test_receipt_proves_what_was_unknown(database: Path, state: ReceiptState) -> None:
    """Whatever a receipt tells of all that was sent, it was sent: no person need look, and what
    waited behind it goes out. One of a part of it proves nothing.
    """
    async with workshop(database, channel={"repeat": "never"}) as shop:
        delivery = await lost(shop)
        await shop.settled("channel/post", "unknown", 1)
        await shop.take(Receipt(delivery=delivery, state="accepted"))
        assert "unknown" == (await shop.store.delivery(None, delivery)).state
        await shop.take(Receipt(delivery=delivery, state=state, whole=True))
        known = await shop.store.delivery(None, delivery)
        assert ("delivered", "", state) == (known.state, known.last_error, known.receipt)
        await shop.later(5)
        await shop.settled("channel/post", "delivered", 2)
        assert ["Water", "Or sand"] == [reply.text for reply in shop.post.sent]


async def test_receipt_that_is_faster_than_the_failure_proves_it_too(database: Path) -> None:
    """A receipt may come while we still wait for the answer that is lost then."""
    waiting, going_on = asyncio.Event(), asyncio.Event()

    async def answer_is_lost() -> None:
        waiting.set()
        await going_on.wait()
        raise OutcomeUnknown("lost")

    async with workshop(database, channel={"repeat": "never"}) as shop:
        shop.post.script.then(answer_is_lost, stores=True)
        shop.send_to("channel/post")
        await shop.take(letter(thread=ThreadRef(native_id="<t@x>")))
        [conversation] = await shop.conversations()
        await shop.operator.reply(None, conversation.id, text="W", internal=False, author="Bob")
        await waiting.wait()
        delivery = await shop.delivery("channel/post")
        await shop.take(Receipt(delivery=delivery.id, state="delivered", whole=True))
        going_on.set()
        [known] = await shop.settled("channel/post", "delivered", 1)
        assert ("delivered", {"found", "unknown"}) == (
            known.receipt, {attempt.outcome for attempt in known.history},
        )  # fmt: skip
        assert 1 == len(shop.post.sent)


@pytest.mark.parametrize(
    ("draft", "reason"),
    [
        ({"proof": "claimed"}, "the sender is not verified"),
        ({"automated": "list"}, "a machine wrote it (list)"),
        ({"automated": "notification"}, "a machine wrote it (notification)"),
        ({"answerable": False, "reasons": ("it is from noreply",)}, "it is from noreply"),
        ({"acknowledge": False}, "the channel forbids it"),
        ({"author": None}, "it names no sender"),
        ({"trust": Trust(dmarc="fail")}, "the sender's address failed authentication (DMARC)"),
    ],
)
async def test_never_acknowledged(database: Path, draft: dict[str, Any], reason: str) -> None:
    """Machines, unverified and unanswerable senders get no automatic mail."""
    async with workshop(database, acknowledge=ON) as shop:
        await shop.take(letter(**draft))
        assert [] == await shop.deliveries("channel/post")
        assert [reason] == [d.reason for d in await shop.decisions("acknowledge")]


async def test_forged_senders_are_not_acknowledged_whatever_the_policy(database: Path) -> None:
    """Also where unverified senders are acknowledged, a sender that failed DMARC is not."""
    loose = AcknowledgePolicy(enabled=True, verified_only=False)
    async with workshop(database, acknowledge=loose) as shop:
        await shop.take(letter(proof="claimed", trust=Trust(dmarc="fail")))
        await shop.take(letter("bob", proof="claimed"))
        assert 1 == len(await shop.deliveries("channel/post"))


async def test_automatic_replies_are_never_acknowledged(database: Path) -> None:
    """An out-of-office notice is no request."""
    async with workshop(database, acknowledge=ON) as shop:
        for automated in ("auto_reply", "out_of_office", "bounce"):
            await shop.take(letter(automated=automated))
        assert [] == await shop.deliveries()


async def test_off_by_default(shop: Workshop) -> None:
    """Without a word in the configuration nothing is acknowledged."""
    await shop.take(letter())
    assert [] == await shop.deliveries("channel/post")


async def test_flood_of_senders_ends_at_the_channels_budget(database: Path) -> None:
    """However many senders write at the same moment, a channel acknowledges no more than its limit."""
    policy = AcknowledgePolicy(enabled=True, per_channel_hour=10)
    async with workshop(database, acknowledge=policy) as shop:
        await asyncio.gather(*(shop.hand_in(letter(f"p{n}"), lane=str(n)) for n in range(60)))
        await shop.quiet()
        assert 10 == len(await shop.deliveries("channel/post"))
        assert 60 == len(await shop.conversations())
        assert [] == await shop.quarantine()
        shop.clock.advance(3600)
        await shop.take(letter("late"))
        assert 11 == len(await shop.deliveries("channel/post"))


async def test_budget_survives_a_restart(database: Path) -> None:
    """What was acknowledged before a restart counts after it."""
    policy = AcknowledgePolicy(enabled=True, per_channel_hour=3)
    async with workshop(database, acknowledge=policy) as shop:
        for n in range(2):
            await shop.take(letter(f"p{n}"))
    async with workshop(database, acknowledge=policy, node=2) as shop:
        await asyncio.gather(*(shop.hand_in(letter(f"q{n}"), lane=str(n)) for n in range(5)))
        await shop.quiet()
        assert 3 == len(await shop.deliveries("channel/post"))


async def test_one_sender_on_two_lanes_is_acknowledged_once(database: Path) -> None:
    """Two requests of one sender that race are acknowledged together once."""
    async with workshop(database, acknowledge=ON) as shop:
        for n, text in enumerate(("the printer smokes", "the lift is stuck since noon") * 3):
            await shop.hand_in(letter(text=f"{text} {n}{n}"), lane=str(n), source="post")
        await shop.quiet()
        assert 1 == len(await shop.deliveries("channel/post"))

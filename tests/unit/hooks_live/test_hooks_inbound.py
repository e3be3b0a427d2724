"""What plugins change on a message's way in: each hook by the example of its documentation."""

from __future__ import annotations

from pathlib import Path

from gateway.domain.changes import Changes
from gateway.domain.timer import Timer
from gateway.store.operations import Cursor
from tests.unit.hooks_live.stage import example, staged

HOUR = 3_600_000


async def test_hook_normalise_message(tmp_path: Path) -> None:
    """The draft that a plugin changed is what is stored and forwarded."""
    async with staged(tmp_path, example("normalise_message")) as stage:
        await stage.say("Hello there", subject="[EXTERNAL] The tap")
        [forward] = await stage.forwarded()
        assert "The tap" == forward.subject


async def test_hook_redact_message(tmp_path: Path) -> None:
    """What a plugin blacks out for ticket systems stays readable in the store."""
    async with staged(tmp_path, example("redact_message")) as stage:
        await stage.say("My password: hunter2 fails")
        [forward] = await stage.forwarded()
        assert "My password: ••• fails" == forward.text
        [stored] = await stage.messages((await stage.conversation_of(forward)).id)
        assert "My password: hunter2 fails" == stored.text


async def test_hook_enrich_message(tmp_path: Path) -> None:
    """A plugin's finding travels with the message, and what it holds rests in quarantine."""
    async with staged(tmp_path, example("enrich_message")) as stage:
        await stage.say("Where is order 4711?")
        [forward] = await stage.forwarded()
        assert "4711" == forward.extra["order"]
        await stage.say("Please buy gift cards", by="eve")
        [held] = await stage.running.until(
            lambda: stage.running.store.quarantine(None, Cursor(limit=5))
        )
        assert "it looks like a scam" in held.reason.error
        assert held.reason.plugin.startswith("mine")


async def test_hook_find_duplicate(tmp_path: Path) -> None:
    """A plugin's duplicate is appended to the earlier conversation as a repeat."""
    async with staged(tmp_path, example("find_duplicate")) as stage:
        await stage.say("Where is order 4711?")
        await stage.forwarded()
        await stage.say("Still waiting for the parcel, it was order 4711 I think")
        [first, second] = await stage.forwarded(2)
        assert first.conversation == second.conversation
        assert [False, True] == [first.repeat, second.repeat]


async def test_hook_propose_identities(tmp_path: Path) -> None:
    """A plugin's evidence makes a second address one of the same person's."""
    async with staged(tmp_path, example("propose_identities")) as stage:
        await stage.say("Hello from home", by="ann")
        [forward] = await stage.forwarded()
        contact = (await stage.conversation_of(forward)).contact
    settings = f'directory = {{ "ann-at-work" = {contact} }}'
    async with staged(tmp_path, example("propose_identities"), settings) as stage:
        await stage.say("Hello from work", by="ann-at-work", thread="work")
        await stage.say("Hello, I am Ben", by="ben", thread="ben")
        await stage.forwarded(2)
        contacts = {
            (await stage.conversation_of(one)).contact: one.author for one in stage.forwards
        }
        assert "ann-at-work" == getattr(contacts.get(contact), "value", None)
        assert 2 == len(contacts)


async def test_hook_match_conversation(tmp_path: Path) -> None:
    """A plugin joins a message to its sender's conversation, and to nobody else's."""
    async with staged(tmp_path, example("match_conversation")) as stage:
        await stage.say("It drips", subject="The tap")
        await stage.forwarded()
        await stage.say("A plumber came by and could do nothing", subject="The tap")
        [first, second] = await stage.forwarded(2)
        assert first.conversation == second.conversation
        await stage.say("Mine drips as well", by="ben", subject="The tap")
        [_, _, third] = await stage.forwarded(3)
        assert first.conversation != third.conversation


async def test_hook_route_conversation(tmp_path: Path) -> None:
    """A plugin decides where a conversation goes before the rules do."""
    more = '[[routing]]\nbackends = ["shelf"]\nqueue = "general"'
    async with staged(tmp_path, example("route_conversation"), more=more) as stage:
        await stage.say("There is an outage")
        [forward] = await stage.forwarded()
        assert ("incidents", "L2", "urgent") == (forward.queue, forward.tier, forward.priority)
        await stage.say("The tap drips", by="ben")
        [_, other] = await stage.forwarded(2)
        assert ("general", "L1", "normal") == (other.queue, other.tier, other.priority)


async def test_hook_answer_message(tmp_path: Path) -> None:
    """A plugin's answer goes to the customer, and agents see it in the ticket."""
    async with staged(tmp_path, example("answer_message")) as stage:
        await stage.say("What are your opening hours?")
        [reply] = await stage.answered()
        assert "We are open from 9 to 17." == reply.text
        assert ["customer", "bot"] == [one.author_kind for one in await stage.forwarded(2)]


async def test_hook_acknowledge_message(tmp_path: Path) -> None:
    """A plugin's words are sent as the acknowledgement, with the conversation's number in it."""
    async with staged(tmp_path, example("acknowledge_message")) as stage:
        await stage.say("The tap drips")
        [reply] = await stage.answered()
        assert f"We have your letter. Its number is {reply.conversation}." == reply.text
        assert "acknowledgement" == reply.automatic


async def test_hook_evaluate_conversation(tmp_path: Path) -> None:
    """A timer that runs out lets a plugin act: the tier rises and agents get a note."""
    async with staged(tmp_path, example("evaluate_conversation")) as stage:
        await stage.say("The tap drips")
        [forward] = await stage.forwarded()
        conversation = await stage.conversation_of(forward)
        parts = stage.running.gateway.parts
        ringing = Timer(
            id=parts.new_id(), tenant="default", owner="mine", name="test", due_at=0,
            conversation=conversation.id, data={"name": "escalate"},
        )  # fmt: skip
        changes = Changes(tenant="default", timers=(ringing,))
        assert [None] == await parts.store.commit([changes])
        parts.notice(changes)
        [_, note] = await stage.forwarded(2)
        assert "Escalated: nobody has answered for an hour." == note.text
        assert "internal" == note.audience
        assert "L2" == (await stage.conversation_of(forward)).tier


async def test_hook_evaluate_conversation_after_an_event(tmp_path: Path) -> None:
    """An event lets a plugin act: a new conversation gets the timer that escalates it."""
    async with staged(tmp_path, example("evaluate_conversation")) as stage:
        await stage.say("The tap drips")
        await stage.forwarded()
        store, now = stage.running.store, stage.running.gateway.parts.clock.now()
        [timer] = await stage.running.until(lambda: store.due_timers(now=now + 2 * HOUR, limit=5))
        assert "escalate" == timer.data["name"]


async def test_hook_enrich_contact(tmp_path: Path) -> None:
    """What a plugin knows of a person is kept with the contact."""
    async with staged(tmp_path, example("enrich_contact")) as stage:
        await stage.say("The tap drips")
        [forward] = await stage.forwarded()
        conversation = await stage.conversation_of(forward)
        view = await stage.running.store.conversation(None, conversation.id)
        assert view.contact is not None
        assert "Example Ltd." == view.contact.organisation


async def test_hook_transcribe_recording(tmp_path: Path) -> None:
    """What a plugin writes down is a revision of the message, which the ticket system is told of."""
    async with staged(tmp_path, example("transcribe_recording")) as stage:
        await stage.say("A letter to listen to", spoken=["The tap drips."])
        # Which is at once with the first forward, where the transcript was faster than that.
        both = "A letter to listen to\n\nThe tap drips."
        told = await stage.running.until(
            lambda: stage.forwards[-1:] and stage.forwards[-1].text == both and stage.forwards
        )
        assert {"A letter to listen to", both} >= {one.text for one in told}
        assert 1 == len({one.message for one in told})
        [conversation] = await stage.conversations()
        [message] = await stage.messages(conversation.id)
        assert (1, "en") == (message.revision, message.language)

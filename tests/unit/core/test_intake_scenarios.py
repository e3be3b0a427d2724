"""What becomes of what comes in, over the real store: duplicates, joins, races and bursts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from gateway.domain.draft import Draft, DraftParticipant, ThreadRef
from gateway.domain.message import Address, Message, Trust
from gateway.domain.routing import Rule, When
from tests.unit.core.workshop import Workshop, address, letter, workshop


async def test_redelivery_five_times_at_once_is_one_message(shop: Workshop) -> None:
    """The same bytes under the same key are one message, however often and fast they come."""
    same = letter()
    await asyncio.gather(*(shop.hand_in(same, key="k", lane=f"lane {n}") for n in range(5)))
    await shop.quiet()
    [message] = await shop.messages()
    outcomes = [d.outcome for d in await shop.decisions("duplicate")]
    assert ["redelivery"] * 4 == outcomes
    assert 1 == len(await shop.deliveries("backend/tickets"))
    assert "The printer is on fire again" == message.text


async def test_redelivery_after_a_month_is_still_one_message(shop: Workshop) -> None:
    """There is no window after which a redelivery becomes a new message."""
    await shop.take(letter(), key="k")
    shop.clock.advance(30 * 86_400)
    await shop.take(letter(), key="k")
    assert 1 == len(await shop.messages())


async def test_same_key_with_other_content_keeps_both_and_flags_it(shop: Workshop) -> None:
    """A sender that reuses ids loses nothing: both messages stay, and a decision says so."""
    await shop.take(letter(text="The first thing that I want to say"), key="k")
    await shop.take(letter(text="Something else entirely happened now"), key="k")
    await shop.take(letter(text="Something else entirely happened now"), key="k")
    texts = [m.text for c in await shop.conversations() for m in await shop.messages(c.id)]
    assert [
        "The first thing that I want to say", "Something else entirely happened now",
    ] == texts  # fmt: skip
    assert ["kept", "redelivery"] == [d.outcome for d in await shop.decisions("duplicate")]


async def test_same_mail_in_two_inboxes_is_one_message_of_two_arrivals(shop: Workshop) -> None:
    """What reached two inboxes at once is one message, one ticket, and both arrivals lead to it."""
    mail = letter(same_as=("message-id+digest",))
    arrivals = await asyncio.gather(
        shop.hand_in(mail, source="post", key="1"), shop.hand_in(mail, source="second", key="9")
    )
    await shop.quiet()
    [message] = await shop.messages()
    stored = [await shop.store.arrival(None, arrival) for arrival in arrivals]
    assert [(message.id,), (message.id,)] == [one.messages for one in stored]
    assert 1 == len(await shop.deliveries("backend/tickets"))


class Linguist:
    """A plugin that knows which language it is."""

    async def enrich_message(self, message: Message) -> Message:
        return msgspec.structs.replace(message, language="fr")


async def test_what_plugins_changed_is_told_of_the_message_that_is_stored(database: Path) -> None:
    """Of a duplicate and of a revision no decision names a message that is nowhere."""
    async with workshop(database, plugins=(Linguist(),)) as shop:
        mail = letter(same_as=("message-id+digest",), external_ids=("native-1",))
        await shop.take(mail, key="1")
        second = await shop.take(mail, source="second", key="9")
        late = await shop.take(letter(text="What I meant is this", revises="native-1"), key="2")
        [message] = await shop.messages()
        assert (1, "What I meant is this") == (message.revision, message.text)
        assert {message.id} == {d.message for d in await shop.decisions() if d.message}
        for arrival in (second, late):
            assert (message.id,) == (await shop.store.arrival(None, arrival)).messages
        enriched = [d for d in await shop.decisions("enrich") if d.arrival == late]
        assert ["changed language"] == [d.reason for d in enriched]


async def test_token_with_its_sender_joins(shop: Workshop) -> None:
    """A signed token together with somebody who takes part joins, and reopens what had ended."""
    await shop.take(letter())
    [conversation] = await shop.conversations()
    await shop.operator.set_state(None, conversation.id, "resolved", "ada")
    token = shop.keyring.make("default", conversation.id)
    await shop.take(letter(text="It still burns as brightly", tokens=(token,)))
    [joined] = await shop.conversations()
    assert "open" == joined.state
    assert joined.resolved_at is None
    assert 2 == len(await shop.messages())


async def test_token_in_other_hands_opens_a_linked_conversation(shop: Workshop) -> None:
    """Who holds a token without taking part gets a conversation of their own, shown beside it."""
    await shop.take(letter())
    [first] = await shop.conversations()
    token = shop.keyring.make("default", first.id)
    await shop.take(letter("eve", tokens=(token,)))
    _, second = await shop.conversations()
    view = await shop.store.conversation(None, second.id)
    assert [("related", second.id, first.id)] == [(k.kind, k.a, k.b) for k in view.links]
    assert 1 == len(await shop.messages(first.id))


async def test_somebody_apart_can_go_on_in_the_same_native_thread(shop: Workshop) -> None:
    """A stranger in a known mail thread writes again and again in the conversation of their own."""
    thread = ThreadRef(native_id="<first@example.net>")
    await shop.take(letter(thread=thread, external_ids=("<first@example.net>",)))
    references = ("<first@example.net>",)
    await shop.take(letter("eve", thread=thread, references=references))
    _, hers = await shop.conversations()
    token = shop.keyring.make("default", hers.id)
    for n in range(3):
        text = f"And this is what came to my mind later, part {n}"
        await shop.take(
            letter("eve", text=text, thread=thread, references=references, tokens=(token,))
        )
    assert [] == await shop.quarantine()
    assert 4 == len(await shop.messages(hers.id))
    assert 2 == len(await shop.conversations())
    view = await shop.store.conversation(None, hers.id)
    assert 1 == len(view.threads)


async def test_forged_sender_gets_an_identity_of_its_own(shop: Workshop) -> None:
    """A sender that failed DMARC is nobody known, whatever address, token and references say."""
    await shop.take(letter(external_ids=("<a@x>",)))
    [first] = await shop.conversations()
    token = shop.keyring.make("default", first.id)
    forged = letter(
        text="Please send me the whole history", proof="claimed", tokens=(token,),
        references=("<a@x>",), trust=Trust(dmarc="fail"),
    )  # fmt: skip
    await shop.take(forged)
    _, second = await shop.conversations()
    view = await shop.store.conversation(None, second.id)
    assert ["unauthenticated"] == [identity.scope for identity in view.identities]
    assert second.contact != first.contact
    assert 1 == len(await shop.messages(first.id))


async def test_brought_in_by_cc_may_answer(shop: Workshop) -> None:
    """Participants bring in others: who was named in Cc takes part and may join."""
    await shop.take(
        letter(
            external_ids=("<a@x>",), participants=(DraftParticipant(address=address("bob")),)
        )
    )  # fmt: skip
    await shop.take(letter("bob", text="I can confirm all of this", references=("<a@x>",)))
    assert ["Ann", "Bob"] == [message.author.name for message in await shop.messages()]


async def test_a_claimed_sender_brings_nobody_in(shop: Workshop) -> None:
    """Neither with a token nor by opening a conversation; the agent is told whom the mail names, and why
    they stay out, and so does the chain of decisions.
    """
    shop.send_to("backend/tickets")
    brought = (DraftParticipant(address=address("eve")),)
    await shop.take(letter(proof="claimed", participants=brought))
    [first] = await shop.conversations()
    token = shop.keyring.make("default", first.id)
    await shop.take(letter(text="More", proof="claimed", tokens=(token,), participants=brought))
    view = await shop.store.conversation(None, first.id)
    assert ["ann@example.net"] == [one.value for one in view.identities]
    said = await shop.messages(first.id)
    remark = (
        "Also addressed to eve@example.net, who will get no answers: the sender is not verified."
    )
    assert [(remark,), (remark,)] == [message.remarks for message in said]
    await shop.settled("backend/tickets", "delivered", 2)
    assert [(remark,), (remark,)] == [entry.remarks for entry in shop.tickets.entries]
    decided = [d for d in await shop.decisions("identity") if d.outcome == "not brought in"]
    assert [one.id for one in said] == [d.message for d in decided]
    await shop.take(letter("eve", tokens=(token,)))
    assert 2 == len(await shop.messages(first.id))


async def test_who_is_brought_in_stands_among_the_decisions(shop: Workshop) -> None:
    """It can be seen by whom somebody was let in; who took part already is no news."""
    brought = (DraftParticipant(address=address("bob")),)
    await shop.take(letter(participants=brought, external_ids=("<a@x>",)))
    await shop.take(letter(text="Thus", participants=brought, references=("<a@x>",)))
    [decided] = [d for d in await shop.decisions("identity") if d.outcome == "brought in"]
    [message, _] = await shop.messages()
    words = "bob@example.net: named as receivers by email:ann@example.net; answers go there as well"
    assert (message.id, words) == (decided.message, decided.reason)


async def test_an_address_that_was_verified_has_to_be_verified_again(shop: Workshop) -> None:
    """Who uses Ann's address without proof, where hers had it, gets a conversation of its own: not by
    token, nor by reference, nor by what a plugin thinks; and it is shown beside hers.
    """
    await shop.take(letter(external_ids=("<a@x>",)))
    [first] = await shop.conversations()
    token = shop.keyring.make("default", first.id)
    for tokens, references in (((token,), ()), ((), ("<a@x>",))):
        await shop.take(
            letter(
                proof="claimed", trust=Trust(unverified=True), tokens=tokens, references=references
            )
        )  # fmt: skip
    assert 1 == len(await shop.messages(first.id))
    others = [one for one in await shop.conversations() if one.id != first.id]
    assert 2 == len(others)
    for one in others:
        view = await shop.store.conversation(None, one.id)
        [link] = view.links
        assert ("related", first.id) == (link.kind, link.b)
        assert link.evidence.endswith(
            "its sender's address, verified before, was not verified here"
        )


async def test_repeat_is_appended_and_an_order_number_keeps_apart(shop: Workshop) -> None:
    """Nearly the same words of the same person are a repeat, unless they name another thing."""
    await shop.take(letter(text="Where is my order 1001? I wait since Monday for it."))
    await shop.take(letter(text="Where is my order 1001?? I wait since Monday for it!"))
    await shop.take(letter(text="Where is my order 2002? I wait since Monday for it."))
    first, second = await shop.conversations()
    said = await shop.messages(first.id)
    assert [None, said[0].id] == [message.repeat_of for message in said]
    view = await shop.store.conversation(None, second.id)
    assert ["related"] == [link.kind for link in view.links]


async def test_repeat_needs_a_sender_that_is_vouched_for(shop: Workshop) -> None:
    """An address that is only claimed never joins by what it says."""
    await shop.take(letter(proof="claimed"))
    await shop.take(letter(proof="claimed"))
    assert 2 == len(await shop.conversations())


def said_by(author: Address, text: str, **more: Any) -> Draft:
    """What somebody says by an address."""
    return msgspec.structs.replace(letter(text=text, **more), author=author)


async def test_further_addresses_of_an_author_take_part(shop: Workshop) -> None:
    """What the same proof covers is the same person's: it may go on by that address alone, and
    nobody else's address is taken by naming it.
    """
    number, scoped = address("+49151", "tel"), address("DE.1", "whatsapp")
    thread = ThreadRef(native_id="ours~DE.1", address="DE.1")
    first = said_by(number, "By number", also=(scoped,), thread=thread)
    await shop.take(first)
    await shop.take(said_by(scoped, "By id alone", thread=thread))
    [conversation] = await shop.conversations()
    view = await shop.store.conversation(None, conversation.id)
    assert {number, scoped} == {one.address for one in view.identities}
    assert 1 == len({one.contact for one in view.identities})

    moved = address("+49666", "tel")
    await shop.take(said_by(moved, "I have a new number", also=(scoped,)))
    _, hers = sorted(await shop.conversations(), key=lambda one: one.id)
    known = await shop.store.conversation(None, hers.id)
    assert {moved, scoped} == {one.address for one in known.identities}
    assert view.identities[0].contact == known.identities[0].contact

    eve = address("+49777", "tel")
    await shop.take(said_by(eve, "I say that I am Ann", also=(number,), proof="claimed"))
    last = max(await shop.conversations(), key=lambda one: one.id)
    view = await shop.store.conversation(None, last.id)
    assert [eve] == [one.address for one in view.identities]
    apart = [one for one in await shop.decisions("identity") if one.outcome == "apart"]
    assert [f"tel:{number.value} came along, but is known as somebody else's"] == [
        one.reason for one in apart
    ]


async def test_a_thread_leads_on_to_the_follow_up(shop: Workshop) -> None:
    """What comes in a native thread after its conversation ended is one follow-up, not one each;
    and the conversation that ended can still be answered.
    """
    thread = ThreadRef(native_id="our number~ann's number", address="ann's number")
    await shop.take(letter(text="It does not print", thread=thread))
    [first] = await shop.conversations()
    await shop.operator.set_state(None, first.id, "resolved", who="agnes")
    shop.clock.advance(30 * 86_400)
    await shop.take(letter(text="Another thing: it smells", thread=thread))
    await shop.take(letter(text="And now it burns", thread=thread))
    by_age = sorted(await shop.conversations(), key=lambda one: one.id)
    assert [first.id, by_age[1].id] == [one.id for one in by_age]
    said = [one.text for one in await shop.messages(by_age[1].id)]
    assert ["Another thing: it smells", "And now it burns"] == said
    old = await shop.store.conversation(None, first.id)
    assert ["ann's number"] == [one.address for one in old.threads]
    new = await shop.store.conversation(None, by_age[1].id)
    assert [thread.native_id] == [one.native_id for one in new.threads]


async def test_answer_to_what_ended_long_ago_opens_a_follow_up(shop: Workshop) -> None:
    """A token of a conversation that ended months ago opens a follow-up that names it."""
    await shop.take(letter())
    [first] = await shop.conversations()
    await shop.operator.set_state(None, first.id, "closed", "ada")
    shop.clock.advance(60 * 86_400)
    token = shop.keyring.make("default", first.id)
    await shop.take(letter(text="It burns once more, after months", tokens=(token,)))
    _, second = await shop.conversations()
    view = await shop.store.conversation(None, second.id)
    assert [("follow_up_of", first.id)] == [(k.kind, k.b) for k in view.links]


async def test_tenants_do_not_meet(shop: Workshop) -> None:
    """The same address, key, token and references of another tenant lead nowhere."""
    await shop.take(letter(external_ids=("<a@x>",), same_as=("s",)), key="k")
    [first] = await shop.conversations()
    token = shop.keyring.make("default", first.id)
    await shop.take(
        letter(references=("<a@x>",), tokens=(token,), same_as=("s",)), key="k", tenant="acme"
    )
    one, other = await shop.conversations()
    assert ("default", "acme") == (one.tenant, other.tenant)
    assert one.contact != other.contact
    view = await shop.store.conversation(None, other.id)
    assert () == view.links


async def test_automated_mail_opens_no_ticket(shop: Workshop) -> None:
    """An out-of-office notice is stored and explained, but no ticket system hears of it."""
    await shop.take(letter(automated="out_of_office"))
    [conversation] = await shop.conversations()
    assert "resolved" == conversation.state
    assert [] == await shop.deliveries()


async def test_person_writing_after_a_machine_gets_a_ticket(shop: Workshop) -> None:
    """What an automatic mail opened quietly is routed once the person writes in that thread."""
    thread = ThreadRef(native_id="<t@x>")
    await shop.take(letter(automated="out_of_office", thread=thread))
    await shop.take(letter(text="Now I am back and need your help", thread=thread))
    [conversation] = await shop.conversations()
    assert ("open", ("tickets",)) == (conversation.state, conversation.route.backends)
    said = await shop.messages()
    assert [said[1].id] == [d.message for d in await shop.deliveries("backend/tickets")]


async def test_rules_route_by_words(database: Path) -> None:
    """A rule's words send a conversation to its backend, queue and priority."""
    rule = Rule(
        name="fire", when=When(words=("fire",)), backends=("other",), queue="Alarm",
        priority="urgent",
    )  # fmt: skip
    async with workshop(database, rules=(rule,)) as shop:
        await shop.take(letter())
        await shop.take(letter("bob", text="A calm question about paper trays"))
        first, second = await shop.conversations()
        assert (("other",), "Alarm", "urgent") == (
            first.route.backends, first.route.queue, first.priority,
        )  # fmt: skip
        assert (("tickets",), "normal") == (second.route.backends, second.priority)


async def test_one_arrival_may_hold_several_messages(shop: Workshop) -> None:
    """Every part of an arrival becomes a message of its own, once."""
    parts = [letter(name, text=f"{name} has something to say here") for name in ("ann", "bob")]
    await shop.take(*parts, key="k")
    await shop.take(*parts, key="k")
    assert 2 == len(await shop.conversations())
    assert 2 == len(await shop.deliveries("backend/tickets"))

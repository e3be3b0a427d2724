"""What the store knows that bears on a draft, on both engines."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.domain.changes import Changes, Move, Reference
from gateway.domain.contact import identity_hash
from gateway.domain.conversation import reference_hash, thread_hash, ticket_hash
from gateway.domain.ids import key_hash
from gateway.domain.known import Known, Question
from gateway.store.operations import Store
from tests.unit.store.values import (
    NOW,
    TENANT,
    Opened,
    claim,
    conversation,
    message,
    participant,
    ticket,
)


async def ask(store: Store, **fields: Any) -> Known:
    """Ask one question of the one tenant."""
    [known] = await store.look_up([Question(tenant=TENANT, **fields)])
    return known


async def merge(store: Store, one: Opened, into: Opened) -> None:
    """Mark a conversation as taken over by another."""
    after = msgspec.structs.replace(one.conversation, version=2, merged_into=into.conversation.id)
    assert [None] == await store.commit([Changes(tenant=TENANT, conversations=(after,))])


async def test_an_empty_store_knows_nothing(store: Store) -> None:
    """Every question has an answer, in the order they were asked."""
    questions = [Question(tenant=TENANT, references=(key_hash("x"),)), Question(tenant=TENANT)]
    assert [Known(), Known()] == await store.look_up(questions)
    assert [] == await store.look_up([])


async def test_everything_that_was_asked_for_is_answered(store: Store) -> None:
    """Claims, identities, threads, tickets, references and deliveries are found by their keys."""
    opened = Opened(deliveries=1)
    held = ticket(opened.conversation)
    key = reference_hash(TENANT, "<a@b>")
    reference = Reference(
        key=key, conversation=opened.conversation.id, message=opened.message.id,
        delivery=opened.deliveries[0].id,
    )  # fmt: skip
    await store.commit([opened.changes(
        claims=(claim(opened.message, "k"),), references=(reference,), tickets=(held,),
    )])  # fmt: skip
    person = identity_hash(TENANT, opened.identity.address)
    [known] = await store.look_up([
        Question(
            tenant=TENANT,
            claims=(key_hash("k"), key_hash("other")),
            identities=(person,),
            thread=thread_hash(TENANT, "support", opened.thread.native_id),
            references=(key_hash("none"), key),
            ticket=ticket_hash(TENANT, "desk", held.external_id),
        )
    ])  # fmt: skip
    assert {key_hash("k"): opened.message.id} == known.claimed
    assert {person: opened.identity} == known.identities
    assert {opened.contact.id: opened.contact} == known.contacts
    assert (opened.thread, held) == (known.thread, known.ticket)
    assert opened.conversation.id == known.references[key].conversation
    assert {opened.deliveries[0].id: opened.deliveries[0]} == known.deliveries
    [there] = known.conversations.values()
    assert (opened.conversation, frozenset({opened.identity.id}), (opened.thread,), (held,)) == (
        there.conversation, there.participants, there.threads, there.tickets,
    )  # fmt: skip


async def test_references_keep_the_order_of_the_question(store: Store) -> None:
    """The nearest reference comes first, whatever order the database gives."""
    one, two = Opened(), Opened()
    keys = [reference_hash(TENANT, str(n)) for n in range(6)]
    references = tuple(
        Reference(key=key, conversation=o.conversation.id, message=o.message.id)
        for key, o in zip(keys, [one, two] * 3, strict=True)
    )
    await store.commit([one.changes(), two.changes(references=references)])
    known = await ask(store, references=tuple(reversed(keys)))
    assert list(reversed(keys)) == list(known.references)


async def test_merged_conversations_lead_to_the_one_that_stands(store: Store) -> None:
    """However many merges lie between, every way leads to the standing conversation."""
    a, b, c = Opened(), Opened(), Opened()
    await store.commit([a.changes(), b.changes(), c.changes()])
    await merge(store, a, b)
    await merge(store, b, c)
    known = await ask(store, conversations=(a.conversation.id,))
    assert {a.conversation.id, c.conversation.id} == set(known.conversations)
    assert {c.conversation.id} == {k.conversation.id for k in known.conversations.values()}
    found = known.conversations[a.conversation.id]
    assert frozenset({c.identity.id}) == found.participants


async def test_a_moved_message_leads_where_it_is_now(store: Store) -> None:
    """A reference follows its message to another conversation."""
    a, b = Opened(), Opened()
    key = reference_hash(TENANT, "<a@b>")
    reference = Reference(key=key, conversation=a.conversation.id, message=a.message.id)
    await store.commit([a.changes(references=(reference,)), b.changes()])
    await store.commit([
        Changes(
            tenant=TENANT,
            participants=(participant(b.conversation, a.identity),),
            moved=(Move(of="message", id=a.message.id, to=b.conversation.id, seq=2),),
        )
    ])  # fmt: skip
    known = await ask(store, references=(key,))
    assert b.conversation.id == known.references[key].conversation
    assert [b.conversation.id] == list(known.conversations)


async def test_another_tenant_learns_nothing(store: Store) -> None:
    """An id or key of one tenant, asked for by another, is as if it were not there."""
    theirs = Opened(tenant="other", deliveries=1)
    held = ticket(theirs.conversation)
    await store.commit([theirs.changes(tickets=(held,))])
    known = await ask(
        store,
        conversations=(theirs.conversation.id,),
        delivery=theirs.deliveries[0].id,
        thread=thread_hash("other", "support", theirs.thread.native_id),
        ticket=ticket_hash("other", "desk", held.external_id),
        identities=(identity_hash("other", theirs.identity.address),),
        recent_of=identity_hash("other", theirs.identity.address),
    )
    assert Known() == known


async def test_recent_texts_are_the_authors_own(store: Store) -> None:
    """Only what this identity said counts, newest first, of conversations that live."""
    one, other = Opened(), Opened()
    reply = message(one.conversation, None, 2, direction="out", text="Try again")
    second = message(one.conversation, one.identity, 3, text="Still cold")
    last = msgspec.structs.replace(one.conversation, last_seq=3)
    ended = conversation(state="closed", updated_at=NOW - 1000)
    old = message(ended, one.identity, text="Long ago")
    await store.commit([
        one.changes(conversations=(last,), messages=(one.message, reply, second)),
        other.changes(),
        Changes(
            tenant=TENANT, conversations=(ended,),
            participants=(participant(ended, one.identity),), messages=(old,),
        ),
    ])  # fmt: skip
    person = identity_hash(TENANT, one.identity.address)
    known = await ask(store, recent_of=person, recent_since=NOW - 500)
    assert [second.id, one.message.id] == [text.message for text in known.recent]
    assert "Still cold" == known.recent[0].text
    assert one.conversation.id in known.conversations
    known = await ask(store, recent_of=person, recent_since=NOW - 2000)
    assert {second.id, one.message.id, old.id} == {text.message for text in known.recent}
    assert [old.id, second.id, one.message.id] == [text.message for text in known.recent]


async def test_recent_texts_are_bounded(store: Store) -> None:
    """Somebody who writes a lot does not make the answer grow: fifty texts at most."""
    one = Opened()
    busy = msgspec.structs.replace(one.conversation, last_seq=70)
    said = tuple(message(busy, one.identity, seq) for seq in range(1, 71))
    many = [conversation() for _ in range(30)]
    elsewhere = [message(where, one.identity) for where in many]
    await store.commit([one.changes(conversations=(busy,), messages=said)])
    await store.commit([
        Changes(
            tenant=TENANT, conversations=(where,),
            participants=(participant(where, one.identity),), messages=(text,),
        )
        for where, text in zip(many, elsewhere, strict=True)
    ])  # fmt: skip
    known = await ask(store, recent_of=identity_hash(TENANT, one.identity.address))
    # The twenty newest conversations are looked at; the busy one is older than those.
    assert [text.id for text in reversed(elsewhere[-20:])] == [t.message for t in known.recent]
    other = Opened()
    busy = msgspec.structs.replace(other.conversation, last_seq=70)
    said = tuple(message(busy, other.identity, seq) for seq in range(1, 71))
    await store.commit([other.changes(conversations=(busy,), messages=said)])
    known = await ask(store, recent_of=identity_hash(TENANT, other.identity.address))
    assert [text.id for text in reversed(said[-50:])] == [text.message for text in known.recent]

"""A person is erased from conversations, and from nobody else's words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.domain.arrival import Quarantined
from gateway.domain.changes import Changes
from gateway.domain.message import Address, Attachment, Author
from gateway.errors import NotFound, Refused
from gateway.store.blobs import MemoryBlobs
from gateway.store.operations import ConversationFilter, Cursor, DeliveryFilter, Store
from gateway.store.people import Person
from gateway.store.sweeping import REST_MS
from tests.unit.store import values
from tests.unit.store.values import NOW, Opened


async def person(store: Store, opened: Opened) -> Person:
    """Who opened a conversation."""
    [found] = await store.keeper.find_people(None, contact=opened.contact.id)
    return found


async def written(store: Store, opened: Opened, **fields: Any) -> int:
    """Commit a conversation whose message came in by an arrival, which is returned."""
    came = values.arrival(b"the words of " + opened.identity.value.encode())
    await store.accept([came])
    first = msgspec.structs.replace(
        opened.message, arrivals=(came.id,), subject="Mine", quoted="older words",
        author=Author(
            kind="customer", name="Ada", identity=opened.identity.id,
            address=opened.identity.address,
        ),
        attachments=fields.pop("attachments", ()),
    )  # fmt: skip
    more = tuple(fields.pop("messages", ()))
    decision = values.decision(
        message=first.id, arrival=came.id, reason=f"new sender {opened.identity.value}",
        facts={"address": opened.identity.value},
    )  # fmt: skip
    changes = opened.changes(
        messages=(first, *more), arrivals_done=(came.id,), decisions=(decision,),
        claims=(values.claim(first, f"claim-{came.id}", came.id),), **fields,
    )  # fmt: skip
    assert [None] == await store.commit([changes])
    return came.id


async def test_a_person_is_found_by_contact_or_address(store: Store) -> None:
    """Only within the tenants that may be seen, and only with the right scheme."""
    opened = Opened()
    await store.commit([opened.changes()])
    address = opened.identity.address
    find = store.keeper.find_people
    [found] = await find(None, address=address)
    assert (opened.contact.id, (address,)) == (found.contact.id, found.addresses)
    assert [] == await find(frozenset({"acme"}), address=address)
    assert [] == await find(None, address=Address(scheme="tel", value=address.value))
    assert [] == await find(None, contact=opened.message.id)


async def test_a_conversation_with_nobody_else_goes_whole(store: Store, blobs: MemoryBlobs) -> None:
    """Every word in it is gone, the agent's letters too; the places stay."""
    blob = await blobs.put(b"a passport")
    opened = Opened(subject="My secret illness", last_seq=2)
    reply = values.message(
        opened.conversation, None, seq=2, direction="out", text="Dear Ada",
        author=Author(kind="agent", name="Grace"),
    )  # fmt: skip
    came = await written(
        store, opened, messages=(reply,),
        attachments=(Attachment(name="passport.png", blob=blob, sha256=blob),),
    )  # fmt: skip
    who = await person(store, opened)
    counted, forgotten = await store.keeper.survey(who, opened.conversation.id)
    assert (1, 2, 1, 1, 1) == (
        counted.conversations, counted.messages, counted.attachments, counted.arrivals,
        counted.decisions,
    )  # fmt: skip
    assert (
        "My secret illness"
        == (await store.conversation(None, opened.conversation.id)).conversation.subject
    )
    assert counted == await store.keeper.erase_from(who, opened.conversation.id, "job")
    assert 0 == (await store.keeper.erase_from(who, opened.conversation.id, "job")).messages
    assert await store.keeper.erase_identities(who)
    messages = await store.messages(None, opened.conversation.id, after_seq=0, limit=9)
    assert [("", "", "", "erasure")] * 2 == [
        (one.subject, one.text, one.quoted, one.gone) for one in messages
    ]
    assert ["", "Grace"] == [one.author.name for one in messages]
    view = await store.conversation(None, opened.conversation.id)
    assert ("", None, None, ()) == (
        view.conversation.subject, view.conversation.requester, view.conversation.contact,
        view.participants,
    )  # fmt: skip
    assert [] == await store.conversations(None, ConversationFilter(text="illness"), Cursor())
    stored = (await store.arrival(None, came)).arrival
    assert (b"", "", "erasure") == (stored.body, stored.lane, stored.gone)
    [decision] = await store.decisions(None, message=opened.message.id)
    assert ("", {}, "joined") == (decision.reason, decision.facts, decision.outcome)
    assert [] == await store.keeper.find_people(None, contact=opened.contact.id)
    assert (True, who.addresses) == (forgotten.whole, forgotten.addresses)
    await store.keeper.sweep_blobs(now=NOW, limit=9)
    await store.keeper.sweep_blobs(now=NOW + REST_MS, limit=9)
    with pytest.raises(NotFound):
        await blobs.read(blob)


async def test_what_others_said_stays(store: Store) -> None:
    """Of a conversation with another customer only the person's words go, and what quotes them."""
    opened = Opened(last_seq=3)
    friend = values.contact()
    theirs = values.identity(friend)
    said = values.message(
        opened.conversation, theirs, seq=2, text="I have it too", quoted="> her words",
        html="<p>I have it too</p><blockquote>her words</blockquote>",
    )  # fmt: skip
    answer = values.message(
        opened.conversation, None, seq=3, direction="out", text="Dear both",
        author=Author(kind="agent", name="Grace"),
    )  # fmt: skip
    await written(
        store, opened, messages=(said, answer),
        contacts=(opened.contact, friend), identities=(opened.identity, theirs),
        participants=(opened.participant, values.participant(opened.conversation, theirs, role="cc")),
    )  # fmt: skip
    who = await person(store, opened)
    counted = await store.keeper.erase_from(who, opened.conversation.id, "job")
    assert (0, 1) == (counted.conversations, counted.messages)
    first, second, third = await store.messages(None, opened.conversation.id, after_seq=0, limit=9)
    assert ("", "erasure") == (first.text, first.gone)
    assert ("I have it too", "", "", theirs.id) == (
        second.text, second.quoted, second.html, second.author.identity,
    )  # fmt: skip
    assert "Dear both" == third.text
    view = await store.conversation(None, opened.conversation.id)
    assert [theirs.id] == [one.identity for one in view.participants]
    assert await store.keeper.erase_identities(who)
    [(_, forgotten)] = await store.keeper.forgotten(after="", limit=9)
    assert (False, 1) == (forgotten.whole, len(forgotten.messages))


async def test_what_is_not_sent_yet_is_not_sent(store: Store) -> None:
    """Waiting deliveries of erased words are cancelled, and those behind them go on."""
    opened = Opened()
    mine = values.delivery(
        opened.message, text="We have your letter", recipients=(opened.identity.id,)
    )
    await store.commit([opened.changes(deliveries=(mine,))])
    who = await person(store, opened)
    await store.keeper.erase_from(who, opened.conversation.id, "job")
    [after] = await store.deliveries(None, DeliveryFilter(), Cursor())
    assert ("cancelled", "", ()) == (after.state, after.text, after.recipients)
    claimed = await store.claim_deliveries(target=values.TARGET, now=NOW, limit=9, lease=7)
    assert [] == claimed


async def test_what_is_being_sent_is_waited_for(store: Store) -> None:
    """While a delivery is under way nothing is erased; afterwards it is."""
    opened = Opened(deliveries=1)
    await store.commit([opened.changes()])
    who = await person(store, opened)
    [leased] = await store.claim_deliveries(target=values.TARGET, now=NOW, limit=9, lease=7)
    with pytest.raises(Refused, match="is being sent at this moment"):
        await store.keeper.erase_from(who, opened.conversation.id, "job")
    [message] = await store.messages(None, opened.conversation.id, after_seq=0, limit=9)
    assert "" == message.gone
    done = msgspec.structs.replace(leased, state="delivered", settled_at=NOW)
    await store.commit([Changes(tenant="default", settled=(done,))])
    assert 1 == (await store.keeper.erase_from(who, opened.conversation.id, "job")).messages


async def test_what_rests_in_quarantine_goes_too(store: Store) -> None:
    """Arrivals of the person's own lane are buried and discarded; others stay."""
    opened = Opened()
    await store.commit([opened.changes()])
    mine = values.arrival(b"mine", lane=opened.identity.value.upper())
    other = values.arrival(b"about her", lane="somebody@example.org")
    await store.accept([mine, other])
    reason = Quarantined(stage="parse", code="unreadable", error="no")
    for one in (mine, other):
        await store.commit([Changes(tenant="default", quarantine=((one.id, reason),))])
    who = await person(store, opened)
    assert 1 == await store.keeper.erase_quarantined(who, dry=True)
    assert 1 == await store.keeper.erase_quarantined(who, dry=False)
    assert 0 == await store.keeper.erase_quarantined(who, dry=False)
    stored = await store.arrival(None, mine.id)
    assert ("discarded", b"", "erasure") == (
        stored.state, stored.arrival.body, stored.arrival.gone,
    )  # fmt: skip
    assert b"about her" == (await store.arrival(None, other.id)).arrival.body


async def test_an_identity_stays_while_it_takes_part(store: Store) -> None:
    """Who takes part in a conversation that was not erased yet is not deleted from under it."""
    opened = Opened()
    await store.commit([opened.changes()])
    who = await person(store, opened)
    assert not await store.keeper.erase_identities(who)
    assert [opened.conversation.id] == await store.keeper.conversations_of(who)
    await store.keeper.erase_from(who, opened.conversation.id, "job")
    assert [] == await store.keeper.conversations_of(who)
    assert await store.keeper.erase_identities(who)
    again = Opened()
    same = values.identity(again.contact, opened.identity.value)
    assert [None] == await store.commit(
        [
            Changes(
                tenant="default", contacts=(again.contact,), identities=(same,),
            )
        ]
    )  # fmt: skip

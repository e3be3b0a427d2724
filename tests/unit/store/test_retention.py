"""What becomes old is removed in steps, unless something waits for it; blobs go when nobody uses them."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest

from gateway.domain.arrival import Quarantined
from gateway.domain.changes import Changes
from gateway.domain.ids import first_id
from gateway.domain.message import Attachment
from gateway.errors import NotFound
from gateway.store.blobs import MemoryBlobs
from gateway.store.operations import ConversationFilter, Cursor, DeliveryFilter, Store
from gateway.store.sweeping import REST_MS
from gateway.store.walking import Step, Walk, What
from tests.unit.store import values
from tests.unit.store.values import NOW, Opened

DAY = 86_400_000
LATER = NOW + 100 * DAY


def walk(what: What, **fields: Any) -> Walk:
    """A walk through everything there is."""
    return Walk(**{"what": what, "name": f"{what}/*", "until": LATER, "limit": 2, **fields})


async def all_of(store: Store, wanted: Walk) -> int:
    """Walk to the end, what was kept back first; gives how many were removed."""
    removed, after = 0, 0
    while (step := await store.keeper.walk_again(wanted, after)).last is not None:
        removed, after = removed + step.removed, step.last
    while (step := await store.keeper.walk_on(wanted)).last is not None:
        removed += step.removed
    return removed


async def done(store: Store, body: bytes = b"hello", **fields: Any) -> int:
    """Take in an arrival that is done."""
    arrival = values.arrival(body, **fields)
    await store.accept([arrival])
    await store.commit([Changes(tenant=arrival.tenant, arrivals_done=(arrival.id,))])
    return arrival.id


def with_attachment(opened: Opened, blob: str, **fields: Any) -> Changes:
    """A conversation whose message has an attachment."""
    attachment = Attachment(name="a.png", size=9, sha256=blob, blob=blob)
    message = msgspec.structs.replace(opened.message, attachments=(attachment,))
    return opened.changes(messages=(message,), **fields)


async def test_a_tombstone_is_left_of_an_arrival(store: Store) -> None:
    """Its bytes, headers, key and lane are gone; where and when it came in and its hash stay."""
    arrival = await done(store, b"personal", headers={"From": "ann"}, remote={"peer": "1.2.3.4"})
    assert 1 == await all_of(store, walk("arrivals"))
    stored = (await store.arrival(None, arrival)).arrival
    assert hashlib.sha256(b"personal").digest() == stored.sha256
    assert ("support", NOW, "retention") == (stored.source, stored.received_at, stored.gone)
    assert (b"", "", "", {}, {}) == (
        stored.body, stored.key, stored.lane, stored.headers, stored.remote,
    )  # fmt: skip
    assert 0 == await all_of(store, walk("arrivals"))


async def test_what_waits_is_kept_back_until_it_is_done(store: Store) -> None:
    """Waiting and quarantined arrivals are not touched, and found again once they are done."""
    waiting, quarantined = values.arrival(b"w"), values.arrival(b"q")
    await store.accept([waiting, quarantined])
    reason = Quarantined(stage="parse", code="unreadable", error="no")
    await store.commit([Changes(tenant="default", quarantine=((quarantined.id, reason),))])
    gone = [await done(store) for _ in range(3)]
    assert len(gone) == await all_of(store, walk("arrivals"))
    for one in (waiting, quarantined):
        assert one.body == (await store.arrival(None, one.id)).arrival.body
    await store.commit([Changes(tenant="default", arrivals_done=(waiting.id,))])
    assert 1 == await all_of(store, walk("arrivals"))
    assert b"q" == (await store.arrival(None, quarantined.id)).arrival.body


async def test_what_was_not_delivered_or_is_held_keeps_its_bytes(store: Store) -> None:
    """The arrival of a message with a waiting delivery, or of a held conversation, stays."""
    sending, held, sent = Opened(deliveries=1), Opened(state="held"), Opened()
    arrivals = []
    for opened in (sending, held, sent):
        arrivals.append(await done(store))
        message = msgspec.structs.replace(opened.message, arrivals=(arrivals[-1],))
        await store.commit([opened.changes(messages=(message,))])
    assert 1 == await all_of(store, walk("arrivals"))
    found = [(await store.arrival(None, one)).arrival.gone for one in arrivals]
    assert ["", "", "retention"] == found


async def test_a_walk_stops_at_what_is_young(store: Store) -> None:
    """Ids tell the time: what was made later than the limit is not looked at."""
    await done(store)
    young = await done(store, id=first_id(LATER))
    assert 1 == await all_of(store, walk("arrivals"))
    assert "" == (await store.arrival(None, young)).arrival.gone


async def test_a_walk_is_for_its_tenants(store: Store) -> None:
    """One tenant's rule leaves the others' records alone, and theirs that tenant's."""
    mine, other = await done(store, tenant="acme"), await done(store)
    own = walk("arrivals", name="arrivals/acme", tenants=frozenset({"acme"}))
    assert 1 == await all_of(store, own)
    assert "" == (await store.arrival(None, other)).arrival.gone
    rest = walk("arrivals", name="arrivals/rest", apart=frozenset({"acme"}))
    assert 1 == await all_of(store, rest)
    assert "retention" == (await store.arrival(None, mine)).arrival.gone


async def test_a_step_is_small_and_remembered(store: Store) -> None:
    """Each step looks at its limit only, and another process goes on where it ended."""
    arrivals = [await done(store) for _ in range(5)]
    assert Step(arrivals[1], 2) == await store.keeper.walk_on(walk("arrivals"))
    assert Step(arrivals[3], 2) == await store.keeper.walk_on(walk("arrivals"))
    place, _ = await store.keeper.place("arrivals/*")
    assert (arrivals[3], 4) == (place.after, place.removed)


async def test_attachments_go_and_their_names_stay(store: Store, blobs: MemoryBlobs) -> None:
    """The message keeps what it had; its earlier revisions lose their contents as well."""
    blob = await blobs.put(b"a picture")
    opened = Opened()
    assert [None] == await store.commit([with_attachment(opened, blob)])
    revised = msgspec.structs.replace(opened.message, revision=1, text="better")
    await store.commit([Changes(tenant="default", messages=(revised,))])
    [before] = await store.messages(None, opened.conversation.id, after_seq=0, limit=9)
    assert () == before.attachments
    assert 1 == await all_of(store, walk("attachments"))
    await store.keeper.sweep_blobs(now=NOW, limit=9)
    await store.keeper.sweep_blobs(now=NOW + REST_MS, limit=9)
    with pytest.raises(NotFound):
        await blobs.read(blob)


async def test_a_blob_goes_only_when_nobody_uses_it(store: Store, blobs: MemoryBlobs) -> None:
    """What another tenant's message, or an arrival, uses as well stays until that goes, too."""
    big = b"x" * 300_000
    blob = hashlib.sha256(big).hexdigest()
    arrival = await done(store, big)
    opened = Opened(tenant="acme")
    await store.commit([with_attachment(opened, blob)])
    assert 1 == await all_of(store, walk("arrivals"))
    assert 1 == await store.keeper.sweep_blobs(now=NOW, limit=9)
    assert 0 == await store.keeper.sweep_blobs(now=NOW + REST_MS, limit=9)
    assert big == await blobs.read(blob)
    assert 1 == await all_of(store, walk("attachments"))
    [message] = await store.messages(None, opened.conversation.id, after_seq=0, limit=9)
    assert ("a.png", "", "unavailable") == (
        message.attachments[0].name, message.attachments[0].blob, message.attachments[0].state,
    )  # fmt: skip
    await store.keeper.sweep_blobs(now=NOW, limit=9)
    assert big == await blobs.read(blob)  # put aside, not gone
    await store.keeper.sweep_blobs(now=NOW + REST_MS, limit=9)
    with pytest.raises(NotFound):
        await blobs.read(blob)
    assert "retention" == (await store.arrival(None, arrival)).arrival.gone


async def test_a_blob_used_again_at_the_last_moment_comes_back(
    store: Store, blobs: MemoryBlobs
) -> None:
    """Who stored the same content before it was retired, and committed after, loses nothing."""
    blob = await blobs.put(b"a picture")
    first, second = Opened(), Opened()
    await store.commit([with_attachment(first, blob)])
    await all_of(store, walk("attachments"))
    await store.keeper.sweep_blobs(now=NOW, limit=9)
    await store.commit([with_attachment(second, blob)])
    assert b"a picture" == await blobs.read(blob)
    await store.keeper.sweep_blobs(now=NOW + REST_MS, limit=9)
    assert await blobs.exists(blob)
    assert 0 == await store.keeper.sweep_blobs(now=NOW + 2 * REST_MS, limit=9)


async def test_a_conversation_goes_whole(store: Store, blobs: MemoryBlobs) -> None:
    """Messages, deliveries, decisions, threads, people: nothing of it is found any more."""
    arrival = await done(store, b"personal")
    opened = Opened()
    message = msgspec.structs.replace(opened.message, arrivals=(arrival,))
    sent = values.delivery(opened.message, state="delivered", blocks=False, settled_at=NOW)
    decision = values.decision(message=message.id, arrival=arrival)
    changes = opened.changes(
        messages=(message,), deliveries=(sent,), decisions=(decision,),
        claims=(values.claim(message, "key", arrival),),
        tickets=(values.ticket(opened.conversation, external_id="17"),),
    )  # fmt: skip
    assert [None] == await store.commit([changes])
    assert 1 == await all_of(store, walk("conversations"))
    assert [] == await store.conversations(None, ConversationFilter(), Cursor())
    assert [] == await store.deliveries(None, DeliveryFilter(), Cursor())
    for missing in (
        store.message(None, message.id),
        store.conversation(None, opened.conversation.id),
    ):
        with pytest.raises(NotFound):
            await missing
    stored = await store.arrival(None, arrival)
    assert ("retention", ()) == (stored.arrival.gone, stored.messages)
    assert [] == await store.decisions(None, arrival=arrival)
    [(_, forgotten)] = await store.keeper.forgotten(after="", limit=9)
    assert ("retention", True, "17") == (
        forgotten.reason, forgotten.whole, forgotten.tickets[0].external_id,
    )  # fmt: skip


async def test_a_conversation_stays_while_something_happens(store: Store) -> None:
    """Held, put off, undelivered, merged or lately changed: it stays, and goes when that is over."""
    into = Opened(updated_at=LATER + DAY)
    kinds = {
        "held": Opened(state="held"),
        "snoozed": Opened(state="snoozed"),
        "sending": Opened(deliveries=1),
        "into": into,
        "merged": Opened(merged_into=into.conversation.id, state="closed"),
    }
    for opened in kinds.values():
        assert [None] == await store.commit([opened.changes()])
    assert 0 == await all_of(store, walk("conversations"))
    assert 5 == len(await store.conversations(None, ConversationFilter(), Cursor()))
    for name in ("held", "snoozed"):
        freed = msgspec.structs.replace(kinds[name].conversation, state="closed", version=2)
        await store.commit([Changes(tenant="default", conversations=(freed,))])
    assert 2 == await all_of(store, walk("conversations"))
    assert 2 == await all_of(store, walk("conversations", until=LATER + 2 * DAY))


async def test_a_person_stays_who_takes_part_elsewhere(store: Store) -> None:
    """A contact goes with the last conversation any of its identities takes part in."""
    first = Opened()
    second = values.conversation(requester=first.identity.id, updated_at=LATER + DAY)
    await store.commit([first.changes()])
    await store.commit(
        [
            Changes(
                tenant="default", conversations=(second,),
                participants=(values.participant(second, first.identity),),
            )
        ]
    )  # fmt: skip
    assert 1 == await all_of(store, walk("conversations"))
    view = await store.conversation(None, second.id)
    assert [first.identity.id] == [one.id for one in view.identities]
    assert 1 == await all_of(store, walk("conversations", until=LATER + 2 * DAY))
    again = values.contact(id=first.contact.id)
    assert [None] == await store.commit([Changes(tenant="default", contacts=(again,))])


async def test_deliveries_and_decisions_go_by_age(store: Store) -> None:
    """Settled deliveries and decisions go; open ones, and what tells of removals, stay."""
    opened = Opened(deliveries=1)
    old = values.delivery(opened.message, state="delivered", blocks=False, settled_at=NOW)
    young = values.delivery(opened.message, state="delivered", blocks=False, settled_at=LATER + 1)
    audit = values.decision(kind="retention", conversation=opened.conversation.id)
    plain = values.decision(conversation=opened.conversation.id)
    changes = opened.changes(deliveries=(*opened.deliveries, old, young), decisions=(audit, plain))
    await store.commit([changes])
    assert 1 == await all_of(store, walk("deliveries"))
    left = await store.deliveries(None, DeliveryFilter(), Cursor())
    assert {opened.deliveries[0].id, young.id} == {one.id for one in left}
    assert 1 == await all_of(store, walk("decisions"))
    found = await store.decisions(None, conversation=opened.conversation.id)
    assert [audit.id] == [one.id for one in found]


async def test_events_stay_until_everybody_was_told(store: Store) -> None:
    """Events go in their order, up to the last one that the slowest subscriber was told of."""
    events = [values.event() for _ in range(5)]
    for one in events:
        await store.commit([Changes(tenant="default", events=(one,))])
    expire = store.keeper.expire_events
    assert 0 == await expire(LATER, told=[events[4].id, 0], limit=9)
    assert 2 == await expire(LATER, told=[events[4].id, events[2].id], limit=9)
    assert 0 == await expire(NOW, told=[events[4].id], limit=9)
    assert 2 == await expire(LATER, told=[events[4].id], limit=9)
    assert [events[4].id] == [one.id for one in await store.events_after(0, limit=9)]
    assert [] == await store.events_after(events[4].id, limit=9)


async def test_claims_go_by_the_age_of_their_arrival(store: Store) -> None:
    """Old keys are forgotten, so that they can be claimed again; young ones are not."""
    opened = Opened()
    old = [values.claim(opened.message, f"old-{n}", 5) for n in range(5)]
    young = values.claim(opened.message, "young", first_id(LATER))
    await store.commit([opened.changes(claims=(*old, young))])
    removed = 0
    after: bytes | None = b""
    while after is not None:
        many, after = await store.keeper.expire_claims(LATER, after=after, limit=2)
        removed += many
    assert 5 == removed
    assert [None] == await store.commit([Changes(tenant="default", claims=(old[0],))])
    [conflict] = await store.commit([Changes(tenant="default", claims=(young,))])
    assert conflict is not None

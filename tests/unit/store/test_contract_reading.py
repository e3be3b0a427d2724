"""Reading for people, events, state and leases, on both engines."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from blockbuster import blockbuster_ctx

from gateway.domain.arrival import Quarantined
from gateway.domain.changes import Changes, StateWrite
from gateway.domain.counts import Counts
from gateway.domain.known import Question
from gateway.errors import NotFound, Refused
from gateway.store.operations import ConversationFilter, Cursor, Store
from tests.unit.store.values import (
    NOW,
    TENANT,
    Opened,
    arrival,
    decision,
    event,
    message,
    thread,
)


async def found(store: Store, page: Cursor | None = None, **wanted: Any) -> list[int]:
    """Ids of the conversations that a filter finds."""
    listed = await store.conversations(
        frozenset({TENANT}), ConversationFilter(**wanted), page or Cursor()
    )
    return [one.id for one in listed]


async def test_conversations_are_found_by_every_filter(store: Store) -> None:
    """Each field narrows; subjects are found whatever their case, with signs taken as they are."""
    one = Opened(subject="Kühler 100% kaputt", state="waiting", tier="L2")
    two = Opened(subject="a_b")
    foreign = Opened(tenant="other")
    chat = thread(two.conversation, channel="chat")
    await store.commit([one.changes(), two.changes(threads=(chat,)), foreign.changes()])
    first, second = one.conversation.id, two.conversation.id
    assert [second, first] == await found(store)
    assert [first] == await found(store, state="waiting")
    assert [first] == await found(store, tier="L2")
    assert [second] == await found(store, channel="chat")
    assert [first] == await found(store, text="KÜHLER 100%")
    assert [second] == await found(store, text="A_B")
    assert [] == await found(store, text="a%b")
    assert [first] == await found(store, identity=f"email:{one.identity.value}")
    assert [second] == await found(store, identity=two.identity.value)


async def test_identities_are_read_within_tenants(store: Store) -> None:
    """Of the ids asked for those come that exist and belong to the tenants, or to any."""
    one, foreign = Opened(), Opened(tenant="other")
    await store.commit([one.changes(), foreign.changes()])
    ids = (one.identity.id, foreign.identity.id, 7)
    assert {one.identity.id: one.identity} == await store.identities(frozenset({TENANT}), ids)
    assert set(ids[:2]) == set(await store.identities(None, ids))
    assert {} == await store.identities(None, ())


async def test_pages_follow_one_another(store: Store) -> None:
    """A page begins below the last id of the one before and leaves nothing out."""
    many = [Opened() for _ in range(5)]
    await store.commit([one.changes() for one in many])
    ids = [one.conversation.id for one in reversed(many)]
    assert ids[:2] == await found(store, Cursor(limit=2))
    assert ids[2:4] == await found(store, Cursor(limit=2, before=ids[1]))
    assert ids[4:] == await found(store, Cursor(limit=2, before=ids[3]))


async def test_what_is_another_tenants_is_not_there(store: Store) -> None:
    """Every single record of another tenant is answered like one that does not exist."""
    theirs = Opened(tenant="other", deliveries=1)
    one = arrival(tenant="other")
    await store.accept([one])
    await store.commit([theirs.changes()])
    mine = frozenset({TENANT})
    for ask in (
        store.conversation(mine, theirs.conversation.id),
        store.messages(mine, theirs.conversation.id, after_seq=0, limit=5),
        store.message(mine, theirs.message.id),
        store.delivery(mine, theirs.deliveries[0].id),
        store.arrival(mine, one.id),
    ):
        with pytest.raises(NotFound):
            await ask
    assert [] == await store.decisions(mine, message=theirs.message.id)
    assert theirs.message == await store.message(frozenset({"other"}), theirs.message.id)


async def test_messages_are_read_by_number(store: Store) -> None:
    """A page begins after a number and holds as many as asked for."""
    one = Opened()
    said = tuple(message(one.conversation, one.identity, seq) for seq in range(1, 6))
    await store.commit([one.changes(messages=said)])
    page = await store.messages(None, one.conversation.id, after_seq=0, limit=3)
    assert list(said[:3]) == page
    page = await store.messages(None, one.conversation.id, after_seq=3, limit=3)
    assert list(said[3:]) == page
    assert [] == await store.messages(None, one.conversation.id, after_seq=5, limit=3)


async def test_merged_messages_are_shown_in_their_place(store: Store) -> None:
    """Messages of a conversation that was merged stand where they came in, on one page each."""
    a, b = Opened(), Opened()
    one = message(a.conversation, a.identity, 1)
    guest = message(b.conversation, b.identity, 1)
    two = message(a.conversation, a.identity, 2)
    late = message(b.conversation, b.identity, 2)
    merged = msgspec.structs.replace(b.conversation, merged_into=a.conversation.id)
    await store.commit([
        a.changes(messages=(one, two)),
        b.changes(conversations=(merged,), messages=(guest, late)),
    ])  # fmt: skip
    page = await store.messages(None, a.conversation.id, after_seq=0, limit=9)
    assert [(one.id, 1), (guest.id, 2), (two.id, 2), (late.id, 2)] == [
        (found.id, found.seq) for found in page
    ]
    first = await store.messages(None, a.conversation.id, after_seq=0, limit=1)
    rest = await store.messages(None, a.conversation.id, after_seq=1, limit=9)
    assert [one.id, guest.id, two.id, late.id] == [found.id for found in first + rest]
    assert [] == await store.messages(None, a.conversation.id, after_seq=2, limit=9)


async def test_decisions_are_found_from_every_side(store: Store) -> None:
    """A message shows what was decided about it and its arrivals; so do arrival and conversation."""
    one, other = Opened(), arrival()
    first = arrival()
    await store.accept([first, other])
    said = msgspec.structs.replace(one.message, arrivals=(first.id,))
    parsed = decision(kind="parse", arrival=first.id)
    matched = decision(arrival=first.id, message=said.id, conversation=one.conversation.id)
    closed = decision(kind="state", conversation=one.conversation.id)
    again = decision(kind="duplicate", arrival=other.id, message=said.id)
    await store.commit([
        one.changes(messages=(said,), decisions=(parsed, matched, closed, again)),
    ])  # fmt: skip
    assert [parsed, matched, again] == await store.decisions(None, message=said.id)
    assert [parsed, matched] == await store.decisions(None, arrival=first.id)
    assert [again] == await store.decisions(None, arrival=other.id)
    assert [matched, closed, again] == await store.decisions(None, conversation=one.conversation.id)


async def test_what_waits_is_counted(store: Store) -> None:
    """Counts tell how much waits for whom, since when, and what needs a person."""
    assert Counts() == await store.counts()
    early, late = arrival(received_at=NOW - 9), arrival()
    bad = arrival()
    await store.accept([early, late, bad])
    reason = Quarantined(stage="parse", code="unreadable", error="no")
    one, two = Opened(deliveries=2), Opened(deliveries=1)
    await store.commit([one.changes(quarantine=((bad.id, reason),)), two.changes()])
    claimed = await store.claim_deliveries(target="backend/desk", now=NOW, limit=9, lease=1)
    states = ("unknown", "dead")
    await store.commit([
        Changes(tenant=TENANT, settled=(msgspec.structs.replace(d, state=s),))
        for d, s in zip(claimed, states, strict=True)
    ])  # fmt: skip
    assert (
        Counts(
            arrivals_waiting=2,
            customers_waiting={TENANT: 2},
            arrivals_quarantined=1,
            deliveries_waiting={"backend/desk": 2},
            deliveries_dead={"backend/desk": 1},
            deliveries_unknown={"backend/desk": 1},
            oldest_arrival=NOW - 9,
            oldest_delivery=NOW,
        )
        == await store.counts()
    )


async def test_events_follow_the_order_of_commits(store: Store) -> None:
    """A cursor sees every event once, even one whose id was made before what it has seen."""
    early, first, second, third = event(), event(), event(), event()
    assert None is await store.last_event()
    await store.commit([Changes(tenant=TENANT, events=(first, second))])
    assert [first, second] == await store.events_after(0, limit=9)
    await store.commit([Changes(tenant=TENANT, events=(early,))])
    assert early.id == await store.last_event()
    await store.commit([Changes(tenant=TENANT, events=(third,))])
    assert third.id == await store.last_event()
    assert [early, third] == await store.events_after(second.id, limit=9)
    assert [second] == await store.events_after(first.id, limit=1)
    assert [] == await store.events_after(third.id, limit=9)


async def test_state_is_listed_by_prefix(store: Store) -> None:
    """Keys come in the order of their bytes, after a key, as many as asked for."""
    keys = ["a", "t/1", "t/10", "t/2", "t/Ä", "u"]
    writes = tuple(StateWrite(owner="p", key=key, value=key.encode()) for key in keys)
    other = StateWrite(owner="q", key="t/1", value=b"other")
    await store.commit([Changes(tenant=TENANT, state=(*writes, other))])

    async def listed(prefix: str, after: str = "", limit: int = 9) -> list[str]:
        rows = await store.list_state("p", prefix=prefix, after=after, limit=limit)
        return [row.key for row in rows]

    assert ["t/1", "t/10", "t/2", "t/Ä"] == await listed("t/")
    assert ["t/2"] == await listed("t/", after="t/10", limit=1)
    assert sorted(keys) == await listed("")


async def test_a_ping_writes(store: Store) -> None:
    """A store that is well takes a ping, again and again."""
    await store.ping()
    await store.ping()


async def test_no_operation_blocks_the_event_loop(store: Store) -> None:
    """On either engine accepting, committing, claiming and reading leave the loop free."""
    await store.ping()  # asyncpg looks for a password file when it connects
    with blockbuster_ctx():
        await store.accept([arrival()], [StateWrite(owner="a", key="b", value=b"1")])
        await store.accept([arrival()])
        assert [None] == await store.commit([Opened(deliveries=1).changes()])
        await store.look_up([Question(tenant=TENANT, conversations=(1,))])
        await store.claim_deliveries(target="backend/desk", now=NOW, limit=9, lease=1)
        assert 2 == (await store.counts()).arrivals_waiting


async def test_a_closed_store_says_so(store: Store) -> None:
    """After closing nothing is taken or answered, and closing twice is nothing."""
    await store.close()
    for ask in (store.accept([arrival()]), store.counts(), store.ping()):
        with pytest.raises(Exception, match="the store is closed"):
            await ask
    await store.close()


async def test_a_state_change_that_makes_no_sense_is_refused(store: Store) -> None:
    """Replaying what was never accepted, or is done, is answered with a sentence."""
    with pytest.raises(NotFound, match="no such arrival"):
        await store.set_arrival_state(None, 5, "waiting", when="quarantined")
    one = arrival()
    await store.accept([one])
    await store.commit([Changes(tenant=TENANT, arrivals_done=(one.id,))])
    with pytest.raises(Refused, match="the arrival is done, not quarantined"):
        await store.set_arrival_state(None, one.id, "waiting", when="quarantined")

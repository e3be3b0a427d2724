"""Units of work, on both engines: whole or not at all."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from gateway.domain.changes import (
    Changes,
    Expectation,
    Move,
    Reference,
    StateWrite,
    TimerCancel,
)
from gateway.domain.conversation import Link, reference_hash
from gateway.domain.known import Question
from gateway.domain.message import Author
from gateway.domain.timer import Timer
from gateway.errors import NotFound
from gateway.store.operations import Store
from tests.unit.store.values import (
    NOW,
    TENANT,
    Opened,
    arrival,
    claim,
    contact,
    decision,
    delivery,
    event,
    identity,
    message,
    new_id,
    participant,
    thread,
    ticket,
)


async def refused(store: Store, changes: Changes) -> str:
    """Commit what must not be committed; gives what it ran into."""
    [conflict] = await store.commit([changes])
    assert conflict is not None
    return conflict.on


async def is_there(store: Store, opened: Opened) -> bool:
    """Whether a conversation was stored."""
    try:
        await store.conversation(None, opened.conversation.id)
    except NotFound:
        return False
    return True


async def test_everything_is_read_back_as_it_was_written(store: Store) -> None:
    """A unit of work with every kind of record is stored whole."""
    opened = Opened()
    held, link = ticket(opened.conversation), new_id()
    one = Link(id=link, tenant=TENANT, kind="related", a=opened.conversation.id, b=5)
    reason = decision(message=opened.message.id)
    answer = await store.commit(
        [opened.changes(tickets=(held,), links=(one,), decisions=(reason,), events=(event(),))]
    )
    assert [None] == answer
    view = await store.conversation(frozenset({TENANT}), opened.conversation.id)
    assert opened.conversation == view.conversation
    assert (opened.participant,) == view.participants
    assert (opened.identity,) == view.identities
    assert (opened.thread,) == view.threads
    assert ((held,), (one,)) == (view.tickets, view.links)
    assert opened.message == await store.message(None, opened.message.id)
    assert [reason] == await store.decisions(None, message=opened.message.id)


async def test_units_of_a_batch_stand_or_fall_alone(store: Store) -> None:
    """One unit with a conflict leaves nothing behind and takes no other with it."""
    one = arrival()
    await store.accept([one])
    first, second, third = Opened(), Opened(), Opened()
    same = claim(first.message, "same")
    answers = await store.commit([
        first.changes(claims=(same,)),
        second.changes(claims=(same,), arrivals_done=(one.id,)),
        third.changes(),
    ])  # fmt: skip
    assert [None, "claim", None] == [answer and answer.on for answer in answers]
    assert [True, False, True] == [await is_there(store, o) for o in (first, second, third)]
    waiting = await store.waiting_arrivals(after={}, limit=5, max_bytes=100)
    assert [one.id] == [found.arrival.id for found in waiting]


async def test_a_unit_the_database_refuses_fails_alone(store: Store) -> None:
    """A constraint found only while writing harms only the unit it is in."""
    first, second, third = Opened(), Opened(), Opened()
    stray = message(second.conversation, first.identity, 2)
    answers = await store.commit([
        first.changes(), second.changes(messages=(second.message, stray)), third.changes(),
    ])  # fmt: skip
    assert [None, "relation", None] == [answer and answer.on for answer in answers]
    assert [True, False, True] == [await is_there(store, o) for o in (first, second, third)]


async def test_nobody_writes_into_another_persons_conversation(store: Store) -> None:
    """A message of somebody who takes no part violates a constraint, whatever the code thinks."""
    mine, theirs = Opened(), Opened()
    await store.commit([mine.changes(), theirs.changes()])
    stray = message(theirs.conversation, mine.identity, 2)
    assert "relation" == await refused(store, Changes(tenant=TENANT, messages=(stray,)))
    peer = msgspec.structs.replace(stray, author=Author(kind="peer", identity=mine.identity.id))
    assert "relation" == await refused(store, Changes(tenant=TENANT, messages=(peer,)))
    joined = participant(theirs.conversation, mine.identity)
    changes = Changes(tenant=TENANT, participants=(joined,), messages=(stray,))
    assert [None] == await store.commit([changes])


async def test_nothing_crosses_from_one_tenant_to_another(store: Store) -> None:
    """Participants, threads, messages and deliveries stay with the tenant of their conversation."""
    ours, theirs = Opened(), Opened(tenant="other")
    await store.commit([ours.changes(), theirs.changes()])
    foreign = msgspec.structs.replace(theirs.conversation, tenant=TENANT)
    for changes in (
        Changes(tenant=TENANT, participants=(participant(foreign, ours.identity),)),
        Changes(tenant=TENANT, participants=(participant(ours.conversation, theirs.identity),)),
        Changes(tenant=TENANT, threads=(thread(foreign),)),
        Changes(tenant=TENANT, messages=(message(foreign, None, 2),)),
        Changes(tenant=TENANT, tickets=(ticket(foreign),)),
        Changes(tenant=TENANT, deliveries=(delivery(message(foreign, None, 2)),)),
        Changes(tenant=TENANT, identities=(identity(contact(id=theirs.contact.id)),)),
    ):
        assert "relation" == await refused(store, changes)


async def test_a_version_that_moved_on_is_a_conflict(store: Store) -> None:
    """Who read an older version, expects one, or makes one anew, has to read again."""
    opened = Opened()
    await store.commit([opened.changes()])
    after = msgspec.structs.replace(opened.conversation, version=2, state="waiting")
    change = Changes(tenant=TENANT, conversations=(after,))
    assert [None] == await store.commit([change])
    assert "version" == await refused(store, change)
    expects = (Expectation(conversation=opened.conversation.id, version=1),)
    assert "version" == await refused(store, Changes(tenant=TENANT, expects=expects))
    assert "version" == await refused(
        store, Changes(tenant=TENANT, conversations=(opened.conversation,))
    )
    view = await store.conversation(None, opened.conversation.id)
    assert after == view.conversation


async def test_a_batch_may_build_upon_itself(store: Store) -> None:
    """A later unit of a batch sees what an earlier one left, in versions, revisions and state."""
    opened = Opened()
    second = msgspec.structs.replace(opened.conversation, version=2, subject="Two")
    edited = msgspec.structs.replace(opened.message, revision=1, text="It does")
    write = StateWrite(owner="core", key="k", value=b"1", expected=0)
    again = StateWrite(owner="core", key="k", value=b"2", expected=1)
    expects = (Expectation(conversation=second.id, version=1),)
    answers = await store.commit([
        opened.changes(state=(write,)),
        Changes(
            tenant=TENANT, expects=expects, conversations=(second,), messages=(edited,),
            state=(again,),
        ),
        Changes(tenant=TENANT, expects=expects, events=(event(),)),
    ])  # fmt: skip
    assert [None, None, "version"] == [answer and answer.on for answer in answers]
    assert second == (await store.conversation(None, second.id)).conversation
    assert edited == await store.message(None, edited.id)
    row = await store.get_state("core", "k")
    assert row is not None
    assert (b"2", 2) == (row.value, row.version)


async def test_concurrent_writers_of_one_conversation_win_once(store: Store) -> None:
    """Of many that read the same version exactly one may write the next."""
    opened = Opened()
    await store.commit([opened.changes()])
    change = Changes(
        tenant=TENANT, conversations=(msgspec.structs.replace(opened.conversation, version=2),)
    )
    answers = await asyncio.gather(*(store.commit([change]) for _ in range(8)))
    assert 1 == sum(answer == [None] for answer in answers)


async def test_concurrent_claims_of_one_key_win_once(store: Store) -> None:
    """However many process a redelivery at once, one message comes of it."""
    units = [Opened() for _ in range(8)]
    answers = await asyncio.gather(
        *(store.commit([u.changes(claims=(claim(u.message, "k"),))]) for u in units)
    )
    assert ["claim"] * 7 == [answer.on for [answer] in answers if answer]
    assert 1 == sum([await is_there(store, unit) for unit in units])


async def test_an_address_is_one_identity(store: Store) -> None:
    """The same address with another id is a conflict; with its own id it is updated."""
    opened = Opened()
    await store.commit([opened.changes()])
    twin = identity(opened.contact, opened.identity.value)
    assert "identity" == await refused(store, Changes(tenant=TENANT, identities=(twin,)))
    blocked = msgspec.structs.replace(opened.identity, state="blocked")
    assert [None] == await store.commit([Changes(tenant=TENANT, identities=(blocked,))])
    view = await store.conversation(None, opened.conversation.id)
    assert (blocked,) == view.identities


async def test_a_contact_is_changed_by_who_read_it_last(store: Store) -> None:
    """A contact's next version is taken, an old one is a conflict."""
    one = contact()
    await store.commit([Changes(tenant=TENANT, contacts=(one,))])
    after = msgspec.structs.replace(one, version=2, name="Grace")
    assert [None] == await store.commit([Changes(tenant=TENANT, contacts=(after,))])
    assert "contact" == await refused(store, Changes(tenant=TENANT, contacts=(after,)))
    assert "contact" == await refused(store, Changes(tenant=TENANT, contacts=(one,)))


async def test_a_native_thread_is_one_thread(store: Store) -> None:
    """A native thread leads to one conversation only, and its own record can be updated."""
    one, two = Opened(), Opened()
    await store.commit([one.changes()])
    twin = thread(two.conversation, one.thread.native_id)
    assert "thread" == await refused(store, two.changes(threads=(twin,)))
    later = msgspec.structs.replace(one.thread, last_in_at=NOW)
    assert [None] == await store.commit([Changes(tenant=TENANT, threads=(later,))])
    assert (later,) == (await store.conversation(None, one.conversation.id)).threads


async def test_one_ticket_is_open_a_backend(store: Store) -> None:
    """A second open ticket is a conflict until the first is closed, in the same unit even."""
    opened = Opened()
    first = ticket(opened.conversation)
    await store.commit([opened.changes(tickets=(first,))])
    second = ticket(opened.conversation)
    assert "ticket" == await refused(store, Changes(tenant=TENANT, tickets=(second,)))
    twin = ticket(opened.conversation, external_id=first.external_id, state="closed")
    assert "ticket" == await refused(store, Changes(tenant=TENANT, tickets=(twin,)))
    closed = msgspec.structs.replace(first, state="closed")
    assert [None] == await store.commit([Changes(tenant=TENANT, tickets=(second, closed))])
    elsewhere = ticket(opened.conversation, backend="rt")
    assert [None] == await store.commit([Changes(tenant=TENANT, tickets=(elsewhere,))])
    view = await store.conversation(None, opened.conversation.id)
    assert (closed, second, elsewhere) == view.tickets


async def test_a_number_in_a_conversation_is_taken_once(store: Store) -> None:
    """Two messages cannot have the same place in a conversation."""
    opened = Opened()
    await store.commit([opened.changes()])
    twin = message(opened.conversation, opened.identity, 1)
    assert "seq" == await refused(store, Changes(tenant=TENANT, messages=(twin,)))


async def test_a_revision_follows_the_one_before(store: Store) -> None:
    """A new revision replaces the one before it and stays where the message is."""
    opened = Opened()
    await store.commit([opened.changes()])
    edited = msgspec.structs.replace(opened.message, revision=1, text="It boils", seq=9)
    assert [None] == await store.commit([Changes(tenant=TENANT, messages=(edited,))])
    stored = await store.message(None, edited.id)
    assert ("It boils", 1, 1) == (stored.text, stored.seq, stored.revision)
    assert "revision" == await refused(store, Changes(tenant=TENANT, messages=(edited,)))
    missing = message(opened.conversation, opened.identity, 3, revision=1)
    assert "revision" == await refused(store, Changes(tenant=TENANT, messages=(missing,)))


async def test_the_first_reference_stands(store: Store) -> None:
    """A native id leads to where it led first."""
    one, two = Opened(), Opened()
    key = reference_hash(TENANT, "<a@b>")
    first = Reference(key=key, conversation=one.conversation.id, message=one.message.id)
    other = Reference(key=key, conversation=two.conversation.id, message=two.message.id)
    assert [None, None] == await store.commit(
        [one.changes(references=(first,)), two.changes(references=(other,))]
    )
    assert [None] == await store.commit([Changes(tenant=TENANT, references=(other,))])
    [known] = await store.look_up([Question(tenant=TENANT, references=(key,))])
    assert one.message.id == known.references[key].message


async def test_participants_leave_and_come_back(store: Store) -> None:
    """Who is gone takes no part; one who is added twice stays as first added."""
    opened = Opened()
    other = identity(opened.contact)
    cc = participant(opened.conversation, other, role="cc")
    await store.commit([opened.changes(identities=(opened.identity, other), participants=(
        opened.participant, cc,
    ))])  # fmt: skip
    place = (opened.conversation.id, other.id)

    async def roles() -> list[str]:
        view = await store.conversation(None, opened.conversation.id)
        return [one.role for one in view.participants]

    again = msgspec.structs.replace(cc, role="follower")
    assert [None] == await store.commit([Changes(tenant=TENANT, participants=(again,))])
    assert ["requester", "cc"] == await roles()
    assert [None] == await store.commit([Changes(tenant=TENANT, participants_gone=(place,))])
    assert ["requester"] == await roles()
    assert [None] == await store.commit([Changes(tenant=TENANT, participants=(again,))])
    assert ["requester", "follower"] == await roles()


async def test_a_merge_and_its_undo_move_records_there_and_back(store: Store) -> None:
    """Threads, tickets, messages and deliveries change home, and come back as they were."""
    a, b = Opened(deliveries=1), Opened(deliveries=1)
    held = ticket(a.conversation)
    await store.commit([a.changes(tickets=(held,)), b.changes()])
    there = (
        Move(of="thread", id=a.thread.id, to=b.conversation.id),
        Move(of="ticket", id=held.id, to=b.conversation.id),
        Move(of="message", id=a.message.id, to=b.conversation.id, seq=2),
        Move(of="delivery", id=a.deliveries[0].id, to=b.conversation.id),
    )
    joined = participant(b.conversation, a.identity)
    answer = await store.commit([Changes(tenant=TENANT, participants=(joined,), moved=there)])
    assert [None] == answer
    view = await store.conversation(None, b.conversation.id)
    assert ([a.thread.id, b.thread.id], [held.id]) == (
        [one.id for one in view.threads], [one.id for one in view.tickets],
    )  # fmt: skip
    moved = await store.message(None, a.message.id)
    assert (b.conversation.id, 2) == (moved.conversation, moved.seq)
    claimed = await store.claim_deliveries(target="backend/desk", now=NOW, limit=9, lease=1)
    assert [a.deliveries[0].id] == [one.id for one in claimed]
    await store.recover_deliveries(now=NOW)
    back = tuple(
        Move(of=move.of, id=move.id, to=a.conversation.id, seq=1 if move.seq else None)
        for move in there
    )
    gone = ((b.conversation.id, a.identity.id),)
    answer = await store.commit([Changes(tenant=TENANT, participants_gone=gone, moved=back)])
    assert [None] == answer
    assert a.message == await store.message(None, a.message.id)
    view = await store.conversation(None, a.conversation.id)
    assert ((a.thread,), (held,)) == (view.threads, view.tickets)
    claimed = await store.claim_deliveries(target="backend/desk", now=NOW, limit=9, lease=2)
    assert 2 == len(claimed)


async def test_timers_are_set_moved_cancelled_and_done(store: Store) -> None:
    """A timer is one by owner and name; done is done once."""

    def timer(name: str, due_at: int) -> Timer:
        return Timer(id=new_id(), tenant=TENANT, owner="core", name=name, due_at=due_at)

    first, other = timer("a", NOW), timer("b", NOW + 5)
    await store.commit([Changes(tenant=TENANT, timers=(first, other))])
    assert [first] == await store.due_timers(now=NOW, limit=9)
    assert NOW == await store.next_moment(targets=[])
    moved = timer("a", NOW + 10)
    assert [None] == await store.commit([Changes(tenant=TENANT, timers=(moved,))])
    assert [other, moved] == await store.due_timers(now=NOW + 10, limit=9)
    assert "timer" == await refused(store, Changes(tenant=TENANT, timers_done=(first.id,)))
    again = timer("a", NOW + 20)
    done = Changes(tenant=TENANT, timers_done=(moved.id,), timers=(again,))
    assert [None] == await store.commit([done])
    cancel = TimerCancel(tenant=TENANT, owner="core", name="b")
    assert [None] == await store.commit([Changes(tenant=TENANT, timers_cancelled=(cancel,))])
    assert [again] == await store.due_timers(now=NOW + 99, limit=9)
    assert "timer" == await refused(store, Changes(tenant=TENANT, timers_done=(moved.id,)))


async def test_state_is_compared_and_set(store: Store) -> None:
    """A write says which version it read, zero for none; a blind one always goes."""

    def write(value: bytes | None, expected: int | None) -> Changes:
        one = StateWrite(owner="plugin/a", key="k", value=value, expected=expected)
        return Changes(tenant=TENANT, state=(one,))

    assert "state" == await refused(store, write(b"1", 1))
    assert [None] == await store.commit([write(b"1", 0)])
    assert "state" == await refused(store, write(b"2", 0))
    assert [None] == await store.commit([write(b"2", 1)])
    assert [None] == await store.commit([write(b"3", None)])
    row = await store.get_state("plugin/a", "k")
    assert row is not None
    assert (b"3", 3) == (row.value, row.version)
    assert "state" == await refused(store, write(None, 2))
    assert [None] == await store.commit([write(None, 3)])
    assert None is await store.get_state("plugin/a", "k")


async def test_concurrent_first_writes_of_state_win_once(store: Store) -> None:
    """Of many that saw no value exactly one may write the first."""
    write = StateWrite(owner="plugin/a", key="k", value=b"1", expected=0)
    answers = await asyncio.gather(
        *(store.commit([Changes(tenant=TENANT, state=(write,))]) for _ in range(8))
    )
    assert 1 == sum(answer == [None] for answer in answers)


@pytest.mark.parametrize("text", ["nul \0 in it", "half \udc80"])
async def test_odd_characters_are_stored(store: Store, text: str) -> None:
    """What mail contains does not stop a commit."""
    opened = Opened(subject=text)
    said = msgspec.structs.replace(opened.message, text=text)
    assert [None] == await store.commit([opened.changes(messages=(said,))])
    assert text.replace("\udc80", "?") == (await store.message(None, said.id)).text


async def test_an_empty_batch_is_nothing(store: Store) -> None:
    """Nothing to do is done at once."""
    assert [] == await store.commit([])
    assert [None] == await store.commit([Changes(tenant=TENANT)])

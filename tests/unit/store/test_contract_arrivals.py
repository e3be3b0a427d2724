"""The journal, on both engines."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from gateway.domain.arrival import Arrival, Mark, Quarantined
from gateway.domain.changes import Changes, StateWrite
from gateway.domain.flow import flow_of, in_turn
from gateway.errors import NotFound, Refused
from gateway.store.blobs import MemoryBlobs
from gateway.store.opening import open_store
from gateway.store.operations import Cursor, Store
from tests.unit.store.values import NOW, TENANT, FixedClock, Opened, arrival, claim, message

CUSTOMERS = flow_of(TENANT, "channel")


async def waiting(store: Store) -> list[int]:
    """Ids of the arrivals that wait."""
    return [one.id for one in await read(store, 100)]


async def read(store: Store, limit: int = 10, max_bytes: int = 1 << 30) -> list[Arrival]:
    """The arrivals that wait, from the beginning."""
    found = await store.waiting_arrivals(after={}, limit=limit, max_bytes=max_bytes)
    return [one.arrival for one in found]


async def test_what_was_accepted_waits_as_it_came(store: Store) -> None:
    """An arrival is read back byte for byte, with everything that was said of it."""
    one = arrival(
        b"\x00\xff raw", headers={"X-Id": "1"}, content_type="message/rfc822",
        remote={"peer": "192.0.2.1"}, kind="mail",
    )  # fmt: skip
    await store.accept([one])
    assert [one] == await read(store, max_bytes=1000)


async def test_many_tasks_accept_at_once(store: Store) -> None:
    """Whatever is accepted at the same time is all there."""
    many = [arrival() for _ in range(200)]
    await asyncio.gather(*(store.accept([one]) for one in many))
    assert {one.id for one in many} == {one.id for one in await read(store, 1000)}


async def test_the_order_is_that_of_storing(store: Store) -> None:
    """What was stored first comes first, whatever the clock says that made its id."""
    ahead, behind = arrival(id=1 << 60), arrival()
    await store.accept([ahead])
    await store.accept([behind])
    assert [ahead.id, behind.id] == await waiting(store)
    [first, second] = await store.waiting_arrivals(after={}, limit=9, max_bytes=1 << 20)
    assert [True, True] == [first.settled, second.settled]
    assert Mark() < first.mark < second.mark
    third = arrival()
    await store.accept([third])
    after = {CUSTOMERS: second.mark}
    found = await store.waiting_arrivals(after=after, limit=9, max_bytes=1 << 20)
    assert [third] == [one.arrival for one in found]


async def test_the_order_outlives_a_restart(store_url: str, blobs: MemoryBlobs) -> None:
    """What is stored after a restart comes after what waited before it."""
    ids = [1 << 60, 1 << 59, 1 << 58]
    for identifier in ids:
        store = await open_store(store_url, blobs=blobs, clock=FixedClock())
        await store.accept([arrival(id=identifier)])
        if identifier == ids[-1]:
            assert ids == await waiting(store)
        await store.close()


async def test_reading_is_bounded_but_gives_one_at_least(store: Store) -> None:
    """A page holds as many bytes as asked for; the first is given whatever its size."""
    many = [arrival(b"x" * 600) for _ in range(4)]
    await store.accept(many)
    ids = [one.id for one in many]
    page = await store.waiting_arrivals(after={}, limit=10, max_bytes=1300)
    assert ids[:2] == [one.arrival.id for one in page]
    after = {CUSTOMERS: page[0].mark}
    page = await store.waiting_arrivals(after=after, limit=10, max_bytes=10)
    assert [ids[1]] == [one.arrival.id for one in page]
    assert ids[:3] == [one.id for one in await read(store, 3)]


async def test_no_tenants_burst_holds_up_another_nor_agents_replies(store: Store) -> None:
    """Behind a thousand of one tenant, another's one and an agent's reply are in the first page."""
    burst = [arrival() for _ in range(1000)]
    late = [arrival(tenant="acme"), arrival(source_kind="backend"), arrival(source_kind="api")]
    await store.accept(burst)
    await store.accept(late)
    page = await store.waiting_arrivals(after={}, limit=10, max_bytes=1 << 20)
    first = [one.arrival for one in page]
    assert [*burst[:7], *late] == sorted(first, key=lambda one: one.id)
    assert {one.id for one in late} < {one.id for one in first[:6]}
    seen = {flow_of(one.arrival.tenant, one.arrival.source_kind): one.mark for one in page}
    page = await store.waiting_arrivals(after=seen, limit=10, max_bytes=1 << 20)
    assert burst[7:17] == [one.arrival for one in page]
    counts = await store.counts()
    assert (1003, {TENANT: 1000, "acme": 1}) == (counts.arrivals_waiting, counts.customers_waiting)
    assert burst[0].received_at == counts.oldest_arrival


def test_turns_are_fair() -> None:
    """One of each in turn, whatever the others have."""
    assert ["a1", "b1", "a2", "a3"] == list(in_turn([["a1", "a2", "a3"], [], ["b1"]]))
    assert [] == list(in_turn([]))


async def test_a_big_body_goes_to_the_blob_store(store: Store, blobs: MemoryBlobs) -> None:
    """A body over 256 KiB is a blob, and is read back as if it were none."""
    big = arrival(b"b" * 300_000)
    await store.accept([big])
    assert await blobs.exists(big.sha256.hex())
    assert [big] == await read(store, max_bytes=10)
    assert big == (await store.arrival(None, big.id)).arrival


async def test_an_arrival_that_fails_harms_no_other(store: Store) -> None:
    """Of several accepted at once the one with a used id fails alone."""
    first = arrival()
    await store.accept([first])
    others = [arrival() for _ in range(5)]
    answers = await asyncio.gather(
        *(store.accept([one]) for one in (*others, first)), return_exceptions=True
    )
    assert [None] * 5 == answers[:5]
    assert isinstance(answers[5], Exception)
    assert [first.id, *(one.id for one in others)] == await waiting(store)


async def test_half_characters_do_not_stop_an_arrival(store: Store) -> None:
    """Text that no encoding has is stored with question marks, and NUL as it is."""
    await store.accept([arrival(headers={"Subject": "a\udc80b\0c"}, source="a\0b")])
    [found] = await read(store)
    assert {"Subject": "a?b\0c"} == found.headers


async def test_a_cursor_commits_with_its_arrivals(store: Store) -> None:
    """State given to accept is there when the arrivals are, and moves without arrivals too."""
    await store.accept([arrival()], [StateWrite(owner="channel/a", key="uid", value=b"7")])
    row = await store.get_state("channel/a", "uid")
    assert row is not None
    assert (b"7", 1) == (row.value, row.version)
    await store.accept([], [StateWrite(owner="channel/a", key="uid", value=b"8", expected=1)])
    row = await store.get_state("channel/a", "uid")
    assert row is not None
    assert (b"8", 2) == (row.value, row.version)


async def test_a_cursor_that_moved_on_stores_nothing(store: Store) -> None:
    """If the expected version is not the one there, the arrivals are not stored either."""
    with pytest.raises(Refused, match="moved on"):
        await store.accept(
            [arrival()], [StateWrite(owner="channel/a", key="uid", value=b"7", expected=3)]
        )
    assert [] == await waiting(store)


async def test_done_arrivals_no_longer_wait(store: Store) -> None:
    """The done mark takes an arrival out of the queue but not out of the journal."""
    one, other = arrival(), arrival()
    await store.accept([one, other])
    opened = Opened()
    said = msgspec.structs.replace(opened.message, arrivals=(one.id,))
    answer = await store.commit([opened.changes(arrivals_done=(one.id,), messages=(said,))])
    assert [None] == answer
    assert [other.id] == await waiting(store)
    stored = await store.arrival(None, one.id)
    assert ("done", (said.id,)) == (stored.state, stored.messages)
    assert one == stored.arrival


async def test_a_second_done_mark_is_a_conflict(store: Store) -> None:
    """Who comes second with an arrival learns it, and writes nothing."""
    one = arrival()
    await store.accept([one])
    done = Changes(tenant=TENANT, arrivals_done=(one.id,))
    assert [None] == await store.commit([done])
    [conflict] = await store.commit([done])
    assert conflict is not None
    assert "arrival" == conflict.on


async def test_quarantine_and_replay(store: Store) -> None:
    """A quarantined arrival rests with its reason, can be replayed, and is then done."""
    one = arrival()
    await store.accept([one])
    reason = Quarantined(stage="parse", code="unreadable", error="no boundary", at=NOW)
    await store.commit([Changes(tenant=TENANT, quarantine=((one.id, reason),))])
    assert [] == await waiting(store)
    [found] = await store.quarantine(frozenset({TENANT}), Cursor())
    assert (one.id, b"", reason) == (found.arrival.id, found.arrival.body, found.reason)
    assert [] == await store.quarantine(frozenset({"other"}), Cursor())
    await store.set_arrival_state(None, one.id, "waiting", when="quarantined")
    assert [one.id] == await waiting(store)
    assert reason == (await store.arrival(None, one.id)).reason
    assert [None] == await store.commit([Changes(tenant=TENANT, arrivals_done=(one.id,))])
    assert ("done", None) == (
        (await store.arrival(None, one.id)).state,
        (await store.arrival(None, one.id)).reason,
    )


async def test_states_change_only_from_what_they_are(store: Store) -> None:
    """A change of state says from which, and for whom; else it is refused."""
    one = arrival()
    await store.accept([one])
    with pytest.raises(Refused, match="waiting, not quarantined"):
        await store.set_arrival_state(None, one.id, "discarded", when="quarantined")
    with pytest.raises(NotFound):
        await store.set_arrival_state(frozenset({"x"}), one.id, "discarded", when="waiting")
    await store.set_arrival_state(None, one.id, "discarded", when="waiting")
    assert [] == await waiting(store)
    assert "discarded" == (await store.arrival(None, one.id)).state


async def test_a_done_arrival_can_be_run_again(store: Store) -> None:
    """Replay of what was done puts it back into the queue."""
    one = arrival()
    await store.accept([one])
    await store.commit([Changes(tenant=TENANT, arrivals_done=(one.id,))])
    await store.set_arrival_state(None, one.id, "waiting", when="done")
    assert [one.id] == await waiting(store)


async def test_arrivals_are_listed_by_source_and_span(store: Store) -> None:
    """A listing is newest first, without bodies, within its span, source and tenants."""
    early = arrival(received_at=NOW - 10)
    mail, sms = arrival(), arrival(source="sms")
    foreign = arrival(tenant="other")
    await store.accept([early, mail, sms, foreign])

    async def ids(source: str = "", since: int = 0, **page: int) -> list[int]:
        found = await store.arrivals(
            frozenset({TENANT}), source=source, since=since, until=NOW, page=Cursor(**page)
        )
        assert all(one.arrival.body == b"" for one in found)
        return [one.arrival.id for one in found]

    assert [sms.id, mail.id, early.id] == await ids()
    assert [mail.id] == await ids("support", since=NOW)
    assert [mail.id] == await ids(before=sms.id, limit=1)


async def test_a_redelivery_belongs_to_its_message(store: Store) -> None:
    """A second arrival of a message is shown with it, and its decision with both."""
    opened = Opened()
    one, again = arrival(), arrival()
    await store.accept([one, again])
    first = opened.changes(arrivals_done=(one.id,), claims=(claim(opened.message, "k", one.id),))
    assert [None] == await store.commit([first])
    other = message(opened.conversation, opened.identity, 2)
    [conflict] = await store.commit(
        [Changes(tenant=TENANT, claims=(claim(other, "k", again.id),), messages=(other,))]
    )
    assert conflict is not None
    assert "claim" == conflict.on
    assert (opened.message.id,) == (await store.arrival(None, one.id)).messages

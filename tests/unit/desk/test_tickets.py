"""The desk as the gateway drives it: open, add, find."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from gateway import (
    Address,
    EntryRef,
    Forgotten,
    ForgottenTicket,
    Forward,
    Health,
    NotFound,
    Overloaded,
    Person,
    Rejected,
    StoreUnavailable,
    TargetBroken,
    Throttled,
    TicketRef,
)
from gateway.testing import Surroundings
from gateway_desk.backend import Desk
from gateway_desk.settings import DeskSettings

ANN = Address(scheme="email", value="ann@example.org", name="Ann")


def forward(key: str = "k1", **fields: Any) -> Forward:
    """Make one of Ann's messages."""
    defaults: dict[str, Any] = {
        "tenant": "default",
        "conversation": "conv_1",
        "message": f"msg_{key}",
        "channel": "support",
        "author": ANN,
        "requester": Person(address=ANN),
        "subject": "Broken tap",
        "text": "It drips.",
    }
    return Forward(key=key, **{**defaults, **fields})


@pytest.fixture
def around() -> Surroundings:
    """Make what surrounds a desk."""
    return Surroundings()


@pytest.fixture
def desk(around: Surroundings) -> Desk:
    """Make an empty desk."""
    return Desk(around.context(DeskSettings()))


async def test_tickets_are_numbered_from_one(desk: Desk) -> None:
    """The first three tickets of a desk are 1, 2 and 3."""
    refs = [await desk.open_ticket(forward(f"k{i}")) for i in range(3)]
    assert ["1", "2", "3"] == [ref.external_id for ref in refs]


async def test_a_ticket_shows_what_the_forward_said(desk: Desk) -> None:
    """Subject, requester, routing and the first message stand in the ticket."""
    await desk.open_ticket(
        forward(queue="taps", tier="L2", priority="high", tags=("leak",), remarks=("unverified",))
    )
    ticket = await desk.ticket(1)
    [entry] = await desk.entries(1)
    assert ("Broken tap", "open", "taps", "L2", "high", ("leak",), ANN) == (
        ticket.subject, ticket.state, ticket.queue, ticket.tier, ticket.priority, ticket.tags,
        ticket.requester,
    )  # fmt: skip
    assert ("1-1", "customer", "Ann", "It drips.", ("unverified",), "msg_k1") == (
        entry.id, entry.author_kind, entry.author, entry.text, entry.remarks, entry.message,
    )  # fmt: skip


async def test_opening_again_by_the_same_key_opens_nothing(desk: Desk) -> None:
    """A repeated open gives the first ticket, and its number is not lost for the next one."""
    first, again = await desk.open_ticket(forward()), await desk.open_ticket(forward())
    assert first == again
    assert 1 == len(await desk.entries(1))
    assert "2" == (await desk.open_ticket(forward("k2"))).external_id


async def test_opening_at_once_by_the_same_key_opens_one_ticket(desk: Desk) -> None:
    """Twenty attempts under one key at the same time make one ticket."""
    refs = await asyncio.gather(*(desk.open_ticket(forward()) for _ in range(20)))
    assert 1 == len({ref.external_id for ref in refs})
    assert 1 == len(await desk.all_tickets())


async def test_an_entry_is_added_once_for_its_key(desk: Desk) -> None:
    """Adding again by the same key gives the first entry and adds nothing."""
    ticket = await desk.open_ticket(forward())
    added = [await desk.add_entry(ticket, forward("k2", text="Still drips.")) for _ in range(2)]
    assert [EntryRef(external_id="1-2")] * 2 == added
    assert ["It drips.", "Still drips."] == [entry.text for entry in await desk.entries(1)]


async def test_entries_added_at_once_are_all_kept(desk: Desk) -> None:
    """Ten messages for one ticket at the same time become ten entries with numbers of their own."""
    ticket = await desk.open_ticket(forward())
    keys = [f"more{i}" for i in range(10)]
    refs = await asyncio.gather(*(desk.add_entry(ticket, forward(key)) for key in keys))
    assert 10 == len({ref.external_id for ref in refs})
    assert 11 == len(await desk.entries(1)) == (await desk.ticket(1)).last_entry


async def test_what_was_done_is_found_by_its_key(desk: Desk) -> None:
    """`find` and `find_entry` know what was done, and nothing that was not."""
    ticket = await desk.open_ticket(forward())
    entry = await desk.add_entry(ticket, forward("k2"))
    assert (ticket, entry) == (
        await desk.find(forward()),
        await desk.find_entry(ticket, forward("k2")),
    )
    assert (None, None) == (
        await desk.find(forward("k9")),
        await desk.find_entry(ticket, forward("k1")),
    )


@pytest.mark.parametrize("state", ["waiting", "resolved", "closed"])
async def test_a_customers_word_opens_the_ticket_again(
    desk: Desk, around: Surroundings, state: Any
) -> None:
    """Whatever state a ticket is in, a customer's message makes it open."""
    ticket = await desk.open_ticket(forward())
    await desk.set_state(around.intake, 1, state)
    await desk.add_entry(ticket, forward("k2"))
    assert "open" == (await desk.ticket(1)).state


@pytest.mark.parametrize(
    "fields",
    [
        {"automated": "out_of_office"},
        {"author_kind": "bot"},
        {"audience": "internal", "author_kind": "agent"},
        {"author_kind": "agent"},
    ],
)
@pytest.mark.parametrize("reopen", [True, False])
async def test_what_no_customer_wrote_leaves_a_closed_ticket_closed(
    around: Surroundings, fields: dict[str, Any], reopen: bool
) -> None:
    """Automatic mail, bots, notes and agents' answers are added without opening the ticket."""
    desk = Desk(around.context(DeskSettings(reopen=reopen)))
    ticket = await desk.open_ticket(forward())
    await desk.set_state(around.intake, 1, "closed")
    await desk.add_entry(ticket, forward("k2", **fields))
    assert ("closed", 2) == ((await desk.ticket(1)).state, len(await desk.entries(1)))


async def test_a_closed_ticket_that_stays_closed_refuses(around: Surroundings) -> None:
    """With reopen = false the answer to a closed ticket is refused with code ticket_closed."""
    desk = Desk(around.context(DeskSettings(reopen=False)))
    ticket = await desk.open_ticket(forward())
    done = await desk.add_entry(ticket, forward("k2"))
    await desk.set_state(around.intake, 1, "closed")
    with pytest.raises(Rejected, match=r"^ticket 1 is closed and stays so$") as caught:
        await desk.add_entry(ticket, forward("k3"))
    assert "ticket_closed" == caught.value.reason_code
    assert done == await desk.add_entry(ticket, forward("k2"))


@pytest.mark.parametrize("name", ["7", "0", "-1", "seven", "٣", "99999999999", ""])
async def test_an_unknown_ticket_is_refused(desk: Desk, name: str) -> None:
    """A ticket that is not there is refused for good, whatever it is called."""
    with pytest.raises(Rejected) as caught:
        await desk.add_entry(TicketRef(external_id=name), forward())
    assert "ticket_missing" == caught.value.reason_code


async def test_an_agents_answer_from_elsewhere_is_shown_and_makes_the_ticket_wait(
    desk: Desk,
) -> None:
    """An answer given through the gateway's own API is an agent's entry."""
    ticket = await desk.open_ticket(forward())
    await desk.add_entry(
        ticket, forward("k2", author_kind="agent", author=None, text="On our way.")
    )
    entry = (await desk.entries(1))[1]
    assert ("agent", "customer", "On our way.") == (entry.author_kind, entry.audience, entry.text)
    assert "waiting" == (await desk.ticket(1)).state


async def test_a_repeat_is_marked_and_the_routing_followed(desk: Desk) -> None:
    """What was said before is marked, and tier, priority, queue and tags follow the gateway's."""
    ticket = await desk.open_ticket(forward(queue="taps", tags=("a",)))
    await desk.add_entry(
        ticket, forward("k2", repeat=True, tier="L3", priority="urgent", tags=("b",))
    )
    shown = await desk.ticket(1)
    assert ("taps", "L3", "urgent", ("a", "b")) == (
        shown.queue, shown.tier, shown.priority, shown.tags,
    )  # fmt: skip
    assert [False, True] == [entry.repeat for entry in await desk.entries(1)]


async def test_numbers_go_on_after_a_restart(around: Surroundings) -> None:
    """A new process counts on from the newest ticket, without a gap."""
    settings = DeskSettings()
    await Desk(around.context(settings)).open_ticket(forward())
    assert "2" == (await Desk(around.context(settings)).open_ticket(forward("k2"))).external_id


async def test_two_processes_never_share_a_number(around: Surroundings) -> None:
    """Two desks on one state open tickets at once: each has its number, and few races are lost."""
    desks = [Desk(around.context(DeskSettings())) for _ in range(2)]
    numbers: set[str] = set()
    for wave in range(20):
        keys = [f"{wave}-{i}" for i in range(10)]
        refs = await asyncio.gather(
            *(desks[i % 2].open_ticket(forward(key, text=key)) for i, key in enumerate(keys))
        )
        for key, ref in zip(keys, refs, strict=True):
            assert [key] == [entry.text for entry in await desks[0].entries(int(ref.external_id))]
            numbers.add(ref.external_id)
    assert 200 == len(numbers)
    assert 230 > around.state.calls.count("put_all")


@pytest.mark.parametrize(
    ("error", "expected", "next_number"),
    [(Overloaded("busy"), Throttled, "2"), (StoreUnavailable("no disk"), TargetBroken, "3")],
)
async def test_a_store_that_cannot_take_it_is_tried_again(
    desk: Desk,
    around: Surroundings,
    error: Exception,
    expected: type[Exception],
    next_number: str,
) -> None:
    """A store that is full or down gives errors that the outbox tries again, and no ticket.

    What was refused gives its number back; where nobody knows, the number is not used again.
    """
    await desk.open_ticket(forward())
    around.state.fails = error
    with pytest.raises(expected):
        await desk.open_ticket(forward("k2"))
    with pytest.raises(expected):
        await desk.add_entry(TicketRef(external_id="1"), forward("k3"))
    around.state.fails = None
    assert next_number == (await desk.open_ticket(forward("k2"))).external_id
    assert 2 == len(await desk.all_tickets())


async def test_the_probe_reads_the_state(desk: Desk, around: Surroundings) -> None:
    """A desk is well when its state can be read, and down with the store's reason if not."""
    assert Health() == await desk.probe()
    around.state.fails = StoreUnavailable("the database does not answer")
    health = await desk.probe()
    assert ("down", "the database does not answer") == (health.state, health.reason)


async def test_lists_are_narrowed_and_paged_newest_first(desk: Desk, around: Surroundings) -> None:
    """Tickets come newest first, by state and queue, page after page without gap or repeat."""
    for i in range(7):
        await desk.open_ticket(forward(f"k{i}", queue="taps" if i % 2 else "pipes"))
    await desk.set_state(around.intake, 2, "closed")
    first, cursor = await desk.tickets(limit=4)
    rest, end = await desk.tickets(before=cursor, limit=4)
    assert ([7, 6, 5, 4], [3, 2, 1], None) == (
        [ticket.number for ticket in first],
        [ticket.number for ticket in rest],
        end,
    )
    taps = await desk.all_tickets(queue="taps", state="open")
    assert [6, 4] == [ticket.number for ticket in taps]


async def test_a_narrowed_list_looks_at_a_bounded_number_of_tickets(desk: Desk) -> None:
    """One page looks at 1,000 tickets at most; the cursor goes on from there to the old one."""
    await desk.open_ticket(forward(queue="old"))
    for i in range(1200):
        await desk.open_ticket(forward(f"new{i}"))
    page, cursor = await desk.tickets(queue="old", limit=10)
    assert ([], 202) == (page, cursor)
    assert [1] == [ticket.number for ticket in await desk.all_tickets(queue="old")]


async def test_an_operation_costs_the_same_however_many_tickets_there_are(
    desk: Desk, around: Surroundings
) -> None:
    """A new ticket is one write; an entry one read and one write, after many as after few."""
    ticket = await desk.open_ticket(forward())
    for i in range(300):
        await desk.open_ticket(forward(f"k{i}"))
        await desk.add_entry(ticket, forward(f"e{i}"))
    around.state.calls.clear()
    await desk.open_ticket(forward("last"))
    await desk.add_entry(ticket, forward("last entry"))
    assert ["put_all", "get", "put_all"] == around.state.calls


async def test_the_desk_is_fast(desk: Desk) -> None:
    """Over a state that costs next to nothing, a ticket takes under 1.25 ms of CPU time."""
    started = time.process_time()
    for i in range(400):
        await desk.open_ticket(forward(f"k{i}"))
    assert 0.5 > time.process_time() - started


def forgotten(**fields: Any) -> Forgotten:
    """What the gateway has forgotten of Ann's conversation, which is ticket 1."""
    defaults: dict[str, Any] = {
        "tenant": "default", "reason": "erasure", "conversation": "conv_1", "whole": True,
        "messages": ("msg_k1",), "addresses": (ANN,),
        "tickets": (
            ForgottenTicket(backend="here", external_id="1"),
            ForgottenTicket(backend="other", external_id="2"),
        ),
    }  # fmt: skip
    return Forgotten(**{**defaults, **fields})


async def test_a_ticket_is_forgotten_whole(desk: Desk, around: Surroundings) -> None:
    """Nothing of it is left in the state but hashes; tickets of other backends are not the desk's."""
    ticket = await desk.open_ticket(forward("k1"))
    await desk.add_entry(ticket, forward("k2", text="It still drips."))
    await desk.open_ticket(forward("k3", conversation="conv_2"))
    for _ in range(2):
        assert () == tuple(await desk.forget(forgotten()))
    with pytest.raises(NotFound):
        await desk.ticket(1)
    assert ["It drips."] == [one.text for one in await desk.all_entries(2)]
    assert [] == [key for key, _ in await around.state.list("e/0000000001/")]


async def test_only_what_one_person_said_is_forgotten(desk: Desk) -> None:
    """Others' entries stay, without what they quote; the ticket does not name the person."""
    ticket = await desk.open_ticket(forward("k1", quoted="older"))
    ben = Address(scheme="email", value="ben@example.org", name="Ben")
    await desk.add_entry(ticket, forward("k2", author=ben, text="Mine, too.", quoted="It drips."))
    await desk.forget(forgotten(whole=False))
    first, second = await desk.all_entries(1)
    assert ("", "", "", ("erased",)) == (first.text, first.quoted, first.author, first.remarks)
    assert ("Mine, too.", "", "Ben") == (second.text, second.quoted, second.author)
    found = await desk.ticket(1)
    assert (None, "") == (found.requester, found.subject)

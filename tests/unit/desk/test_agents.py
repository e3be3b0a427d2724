"""What agents do at the desk, and how it enters the gateway."""

from __future__ import annotations

import asyncio
import pickle

import pytest

from gateway import (
    Address,
    AgentReply,
    Forward,
    NewArrival,
    NotFound,
    Overloaded,
    Refused,
    StoreUnavailable,
    TicketChange,
    TicketRef,
    UnreadableArrival,
)
from gateway.testing import Surroundings, as_stored
from gateway_desk.backend import Desk
from gateway_desk.settings import DeskSettings
from gateway_desk.ticket import TicketState


def forward(key: str) -> Forward:
    """Make one of Ann's messages."""
    return Forward(
        key=key,
        tenant="default",
        conversation="conv_1",
        message="msg_1",
        channel="support",
        author=Address(scheme="email", value="ann@example.org"),
        text="It drips.",
    )


@pytest.fixture
def around() -> Surroundings:
    """Make what surrounds a desk."""
    return Surroundings()


@pytest.fixture
async def desk(around: Surroundings) -> Desk:
    """Make a desk with one ticket."""
    desk = Desk(around.context(DeskSettings()))
    await desk.open_ticket(forward("k1"))
    return desk


async def test_an_answer_enters_the_gateway_and_is_shown_at_once(
    desk: Desk, around: Surroundings
) -> None:
    """An answer is one arrival, an entry of the ticket, and the ticket waits for the customer."""
    entry = await desk.reply(around.intake, 1, "On our way.", author="Bob")
    [new] = around.intake.accepted
    assert ("entry/1-2", "1", "reply") == (new.key, new.lane, new.kind)
    assert [entry] == (await desk.entries(1))[1:]
    assert "waiting" == (await desk.ticket(1)).state
    [reply] = desk.parser(as_stored(new))
    assert (
        AgentReply(
            ticket="1",
            entry="1-2",
            audience="customer",
            author="Bob",
            author_id="Bob",
            text="On our way.",
            at=around.clock.moment,
        )
        == reply
    )


async def test_a_note_stays_inside(desk: Desk, around: Surroundings) -> None:
    """A note is an internal reply and leaves the ticket's state alone."""
    await desk.reply(around.intake, 1, "He called twice.", audience="internal")
    [reply] = desk.parser(as_stored(around.intake.accepted[0]))
    assert isinstance(reply, AgentReply)
    assert ("internal", "open") == (reply.audience, (await desk.ticket(1)).state)


@pytest.mark.parametrize("state", ["resolved", "closed"])
async def test_an_answer_leaves_a_finished_ticket_finished(
    desk: Desk, around: Surroundings, state: TicketState
) -> None:
    """A last word does not put a resolved or closed ticket back to waiting."""
    await desk.set_state(around.intake, 1, state)
    await desk.reply(around.intake, 1, "Thank you.")
    assert state == (await desk.ticket(1)).state


async def test_an_answer_by_the_same_key_is_sent_once(desk: Desk, around: Surroundings) -> None:
    """A repeated request with the same idempotency key gives the first entry and sends nothing."""
    first = await desk.reply(around.intake, 1, "On our way.", key="a")
    again = await desk.reply(around.intake, 1, "On our way.", key="a")
    assert (first, 1, 2) == (again, len(around.intake.accepted), len(await desk.entries(1)))
    other = await desk.reply(around.intake, 1, "On our way.", key="b")
    assert other.id != first.id


async def test_a_key_is_not_used_for_two_texts(desk: Desk, around: Surroundings) -> None:
    """An idempotency key with another text is refused, since one of the two would be lost."""
    await desk.reply(around.intake, 1, "On our way.", key="a")
    with pytest.raises(Refused, match=r"^this idempotency key was used for another text$"):
        await desk.reply(around.intake, 1, "We come tomorrow.", key="a")


async def test_an_answer_that_was_not_stored_is_sent_at_the_second_attempt(
    desk: Desk, around: Surroundings
) -> None:
    """When the intake is full nothing is shown or sent; the same key again completes it."""
    around.intake.fails = Overloaded("busy")
    with pytest.raises(Overloaded):
        await desk.reply(around.intake, 1, "On our way.", key="a")
    assert (1, "open") == (len(await desk.entries(1)), (await desk.ticket(1)).state)
    around.intake.fails = None
    entry = await desk.reply(around.intake, 1, "On our way.", key="a")
    assert ["1-2"] == [entry.id] == [entry.id for entry in (await desk.entries(1))[1:]]


async def test_an_answer_and_a_customers_words_at_once_are_both_kept(
    desk: Desk, around: Surroundings
) -> None:
    """Answers and messages for one ticket at the same time take a place each."""
    ticket = TicketRef(external_id="1")
    await asyncio.gather(
        *(desk.reply(around.intake, 1, f"answer {i}") for i in range(5)),
        *(desk.add_entry(ticket, forward(f"m{i}")) for i in range(5)),
    )
    entries = await desk.entries(1)
    assert (11, 11) == (len(entries), len({entry.number for entry in entries}))
    assert {f"answer {i}" for i in range(5)} <= {entry.text for entry in entries}


async def test_a_stored_answer_counts_though_the_state_lags(
    desk: Desk, around: Surroundings
) -> None:
    """If the store goes away right after the answer was stored, the agent is told it was sent."""
    accept = around.intake.accept

    async def accept_and_fail(*args: object, **more: object) -> list[int]:
        ids = await accept(*args, **more)  # type: ignore[arg-type]
        around.state.fails = StoreUnavailable("no disk")
        return ids

    around.intake.accept = accept_and_fail  # type: ignore[method-assign]
    entry = await desk.reply(around.intake, 1, "On our way.")
    around.state.fails = None
    assert entry == (await desk.entries(1))[1]
    assert [
        ("warning", "desk_state_not_updated", {"ticket": 1, "reason": "store_unavailable"})
    ] == (around.log.lines)


async def test_a_new_state_is_told_to_the_gateway(desk: Desk, around: Surroundings) -> None:
    """Closing changes the ticket and enters as a change; closing again does neither."""
    ticket = await desk.set_state(around.intake, 1, "closed")
    assert ticket == await desk.set_state(around.intake, 1, "closed")
    [new] = around.intake.accepted
    assert "closed" == ticket.state
    [change] = desk.parser(as_stored(new))
    assert (
        TicketChange(ticket="1", state="closed", native_state="closed", at=around.clock.moment)
        == change
    )


async def test_every_change_of_state_has_a_key_of_its_own(desk: Desk, around: Surroundings) -> None:
    """Close, open, close within one millisecond are three arrivals, none mistaken for another."""
    changes: list[TicketState] = ["closed", "open", "closed"]
    for state in changes:
        await desk.set_state(around.intake, 1, state)
    assert 3 == len({new.key for new in around.intake.accepted})


async def test_a_ticket_is_assigned_and_taken_back(desk: Desk) -> None:
    """A ticket has the assignee it was given last."""
    assert "Bob" == (await desk.assign(1, "Bob")).assignee
    assert "" == (await desk.assign(1, "")).assignee == (await desk.ticket(1)).assignee


async def test_a_ticket_that_is_not_there_is_named(desk: Desk, around: Surroundings) -> None:
    """Whatever is asked of an unknown ticket, the agent reads that there is none."""
    for asked in (
        desk.ticket(9),
        desk.reply(around.intake, 9, "Hello"),
        desk.set_state(around.intake, 9, "closed"),
        desk.assign(9, "Bob"),
    ):
        with pytest.raises(NotFound, match=r"^there is no ticket 9 at this desk$"):
            await asked
    assert [] == around.intake.accepted


async def test_every_entry_is_read_however_many(desk: Desk) -> None:
    """More entries than one page holds are all read, in order."""
    for i in range(450):
        await desk.add_entry(TicketRef(external_id="1"), forward(f"m{i}"))
    assert list(range(1, 452)) == [entry.number for entry in await desk.all_entries(1)]


@pytest.mark.parametrize("body", [b"", b"{", b'{"type":"reply"}', b"\xff", b"[" * 100_000])
def test_what_no_desk_wrote_is_unreadable(body: bytes) -> None:
    """Anything else in the desk's name goes to quarantine with a reason."""
    desk = Desk(Surroundings().context(DeskSettings()))
    with pytest.raises(UnreadableArrival, match=r"^not what a desk writes: "):
        desk.parser(as_stored(NewArrival(key="k", body=body)))


def test_the_parser_travels_to_a_worker_process() -> None:
    """The parser can be pickled."""
    desk = Desk(Surroundings().context(DeskSettings()))
    assert desk.parser is pickle.loads(pickle.dumps(desk.parser))

"""What connectors may not answer: told as what it is, logged once, and never left under way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.domain.delivery import PARKED
from gateway.domain.outgoing import EntryRef, Sent, TicketRef
from tests.unit.core.deliveries import BACKEND, answered, reaches, says
from tests.unit.core.workshop import Workshop, until, workshop

CHANNEL = "channel/post"


def answering(answer: Any) -> Any:
    """Make a method that does what it is asked for all we know, and answers this."""

    async def method(*_: Any) -> Any:
        return answer

    return method


def failures(shop: Workshop) -> list[str]:
    """The codes of what was logged as failed."""
    return [facts["code"] for event, facts in shop.log.lines if event == "delivery.failed"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "answered None; a TicketRef whose external_id is a text that is not empty"),
        (7, "answered a value of type int"),
        (TicketRef(external_id=""), "a TicketRef without an external_id"),
        (TicketRef(external_id=7), "(Expected `str`, got `int` - at `$.external_id`)"),  # type: ignore[arg-type]
        (TicketRef(external_id="7", url=None), "got `None` - at `$.url`"),  # type: ignore[arg-type]
        (EntryRef(external_id="7"), "answered a value of type EntryRef"),
    ],
)
async def test_a_ticket_that_is_none(office: Workshop, answer: Any, words: str) -> None:
    """Whatever `open_ticket` answers instead of a ticket, the outcome is unknown, with what it was."""
    opened = office.tickets.open_ticket
    office.tickets.open_ticket = answering(answer)  # type: ignore[method-assign]
    await says(office, "help")
    delivery = await reaches(office, "unknown")
    assert "wrong_answer" == delivery.last_code
    assert delivery.last_error.startswith("open_ticket of backend/tickets answered ")
    assert words in delivery.last_error
    assert ["wrong_answer"] == failures(office)
    office.tickets.open_ticket = opened  # type: ignore[method-assign]
    await office.later(5)
    [done] = await office.settled(BACKEND, "delivered", 1)
    assert ["unknown", "delivered"] == [attempt.outcome for attempt in done.history]


async def test_an_entry_that_is_none(office: Workshop) -> None:
    """An entry may go without an id, but not without an answer."""
    await says(office, "first")
    await office.settled(BACKEND, "delivered", 1)
    office.tickets.add_entry = answering(None)  # type: ignore[method-assign]
    await says(office, "second")
    [entry] = await office.settled(BACKEND, "unknown", 1)
    assert "add_entry of backend/tickets answered None" in entry.last_error


@pytest.mark.parametrize("call", ["find", "find_entry"])
async def test_a_wrong_look_up_proves_nothing(office: Workshop, call: str) -> None:
    """What was not found properly stays unknown: it is neither done nor sent again."""
    await says(office, "first")
    await office.settled(BACKEND, "delivered", 1)
    office.tickets.add_entry = answering(None)  # type: ignore[method-assign]
    await says(office, "second")
    await office.settled(BACKEND, "unknown", 1)
    setattr(office.tickets, "find_entry", answering(None))  # noqa: B010
    setattr(office.tickets, call, answering(77))
    await office.later(5)

    async def looked_up() -> bool:
        return len((await office.deliveries(BACKEND))[1].history) == 2

    await until(looked_up)
    second = (await office.deliveries(BACKEND))[1]
    assert "unknown" == second.state
    assert f"{call} of backend/tickets answered a value of type int" in second.last_error
    assert 1 == len(office.tickets.entries)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "answered None; a Sent whose external_ids are texts that are not empty"),
        ("id-1", "answered a value of type str"),
        (Sent(external_ids=(1, 2)), "(Expected `str`, got `int` - at `$.external_ids[0]`)"),  # type: ignore[arg-type]
        (Sent(external_ids="id-1"), "(Expected `array`, got `str` - at `$.external_ids`)"),  # type: ignore[arg-type]
        (Sent(external_ids=("",)), "an empty text among its external_ids"),
        (Sent(native_thread=5), "at `$.native_thread`"),  # type: ignore[arg-type]
    ],
)
async def test_what_was_perhaps_sent_is_shown_to_a_person(
    database: Path, answer: Any, words: str
) -> None:
    """Where nothing may be sent twice, a wrong answer parks the delivery at once, with the truth."""
    async with workshop(database, channel={"repeat": "never"}) as shop:
        await says(shop, "help")
        shop.post.send = answering(answer)  # type: ignore[method-assign]
        await answered(shop)
        shop.send_to(CHANNEL)
        delivery = await reaches(shop, "unknown", CHANNEL)
        assert ("wrong_answer", PARKED) == (delivery.last_code, delivery.next_at)
        assert words in delivery.last_error
        assert ["wrong_answer"] == failures(shop)
        assert "interrupted" not in [attempt.code for attempt in delivery.history]


async def test_what_is_right_in_another_form_is_taken(database: Path) -> None:
    """A list where a tuple is declared does no harm: the ids are those of what was sent."""
    async with workshop(database) as shop:
        await says(shop, "help")
        shop.post.send = answering(Sent(external_ids=["a", "b"]))  # type: ignore[arg-type, method-assign]
        await answered(shop)
        shop.send_to(CHANNEL)
        assert ("a", "b") == (await reaches(shop, "delivered", CHANNEL)).external_ids

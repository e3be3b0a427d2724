"""Ticket systems see the latest revision of a message, and none of them twice."""

from __future__ import annotations

from pathlib import Path

from gateway.domain.delivery import Delivery
from gateway.errors import OutcomeUnknown, Unreachable
from tests.unit.core.deliveries import BACKEND, tried
from tests.unit.core.workshop import Workshop, letter, workshop


async def says(shop: Workshop, *texts: str) -> None:
    """Have a letter come in, and be written anew."""
    for number, text in enumerate(texts):
        again = {"revises": "native-1"} if number else {}
        await shop.take(letter(text=text, external_ids=("native-1",), **again))


def shown(shop: Workshop) -> list[str]:
    """What the ticket system has, in order."""
    return [entry.text for entry in shop.tickets.entries]


def outcomes(deliveries: list[Delivery]) -> list[str]:
    """How the last attempts ended."""
    return [one.history[-1].outcome for one in deliveries]


async def test_a_revision_that_was_shown_already_is_not_sent_again(database: Path) -> None:
    """What was rewritten while the ticket system was away comes to it once, as it reads last."""
    async with workshop(database) as shop:
        shop.tickets.script.then(Unreachable("away"))
        shop.send_to(BACKEND)
        await says(shop, "help", "help me", "help me with the tap")
        await tried(shop, 1)
        await shop.later(30)
        sent = await shop.settled(BACKEND, "delivered", 3)
        assert ["help me with the tap"] == shown(shop)
        assert ["delivered", "found", "found"] == outcomes(sent)
        assert 1 == len({one.external_ids for one in sent})


async def test_a_revision_that_was_not_shown_is_sent(database: Path) -> None:
    """Each revision is told that comes after the one before was sent."""
    async with workshop(database) as shop:
        shop.send_to(BACKEND)
        await says(shop, "help")
        await shop.settled(BACKEND, "delivered", 1)
        await shop.take(letter(text="help me", revises="native-1"))
        assert ["delivered", "delivered"] == outcomes(await shop.settled(BACKEND, "delivered", 2))
        assert ["help", "help me"] == shown(shop)


async def test_a_revision_is_sent_after_a_lost_answer(database: Path) -> None:
    """What a lost answer left in the ticket system is not taken for what would be sent by now."""
    async with workshop(database) as shop:
        shop.tickets.script.then(OutcomeUnknown("lost"), stores=True)
        shop.send_to(BACKEND)
        await says(shop, "help")
        await tried(shop, 1)
        await shop.take(letter(text="help me", revises="native-1"))
        await shop.later(30)
        await shop.settled(BACKEND, "delivered", 2)
        assert ["help", "help me"] == shown(shop)

"""Erasure in a running core: nothing of the person is left, and nothing brings it back."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.core.erasing import Eraser
from gateway.core.forgetting import Forgetter
from gateway.domain.contact import identity_hash
from gateway.domain.forgetting import Forgotten, Remains
from gateway.domain.ids import show
from gateway.errors import NotFound, Refused, StoreUnavailable
from gateway.store.keeper import Keeper
from tests.unit.core.workshop import TENANT, Workshop, address, letter, until, workshop

ANN = "email:ann@example.net"


def eraser(shop: Workshop) -> Eraser:
    """The eraser of a shop."""
    forgetter = Forgetter(
        store=shop.store, channels=shop.channels, backends=shop.backends, hooks=shop.hooks,
        log=shop.log,
    )  # fmt: skip
    return Eraser(
        store=shop.store, clock=shop.clock, new_id=shop.new_id, forgetter=forgetter,
        log=shop.log, on_committed=shop.committed.append,
    )  # fmt: skip


def everything(database: Path) -> str:
    """All that a database holds, as text."""
    with closing(sqlite3.connect(database)) as connection:
        return "\n".join(connection.iterdump()) + "\n".join(
            bytes(value).decode("utf-8", "replace")
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for row in connection.execute(f'SELECT * FROM "{name}"')
            for value in row
            if isinstance(value, bytes)
        )


async def erase(shop: Workshop, named: str = ANN) -> Any:
    """Erase somebody."""
    work = eraser(shop)
    return await work.erase(await work.find(None, named), "Grace (test)")


async def test_nothing_of_the_person_is_left(database: Path) -> None:
    """Not in one column of one table; who asked, when and how much is noted, without an address."""
    async with workshop(database) as shop:
        shop.send_to("backend/tickets")
        await shop.take(letter("ann", text="My passport is X99 and my name is Ann Onymous"))
        await shop.take(letter("bob", text="Bob's own matter", subject="Bob"))
        await shop.settled("backend/tickets", "delivered", 2)
        assert "X99" in await asyncio.to_thread(everything, database)
        looked = await eraser(shop).look(await eraser(shop).find(None, ANN))
        report = await erase(shop)
        assert looked.erased == report.erased
        assert (1, 1, 1) == (
            report.erased.conversations, report.erased.messages, report.erased.arrivals,
        )  # fmt: skip
        assert ["backend/tickets"] == [one.where for one in report.remains]
        [audit] = await shop.decisions("erasure")
        assert "Grace (test) asked for it" == audit.reason
        assert [identity_hash(TENANT, address("ann")).hex()] == audit.facts["people"]
        assert 1 == audit.facts["counts"]["messages"]
        left = await asyncio.to_thread(everything, database)
        for words in ("ann@example.net", "X99", "Ann", "Printer"):
            assert words not in left, words
        assert "Bob's own matter" in left
        with pytest.raises(NotFound):
            await erase(shop)


async def test_a_redelivery_does_not_bring_it_back(database: Path) -> None:
    """The same mail handed in again is recognised by its claim, and nothing of it is kept."""
    async with workshop(database) as shop:
        said = letter("ann", text="My passport is X99", same_as=("mail-1",))
        await shop.take(said, key="one")
        await erase(shop)
        again = await shop.take(said, key="one")
        other = await shop.take(said, source="second", key="elsewhere")
        for arrival in (again, other):
            stored = await shop.store.arrival(None, arrival)
            assert ("done", "erasure", b"") == (
                stored.state, stored.arrival.gone, stored.arrival.body,
            )  # fmt: skip
        assert ["erased", "erased"] == [one.outcome for one in await shop.decisions("duplicate")]
        [message] = await shop.messages()
        assert ("", "erasure") == (message.text, message.gone)
        assert "X99" not in await asyncio.to_thread(everything, database)


async def test_a_late_revision_does_not_bring_it_back(database: Path) -> None:
    """An edit or transcript of an erased message is not kept."""
    async with workshop(database) as shop:
        await shop.take(letter("ann", text="A call", external_ids=("call-1",)))
        await erase(shop)
        late = await shop.take(
            letter("ann", text="My passport is X99", revises="call-1", external_ids=("call-1",))
        )
        assert "erasure" == (await shop.store.arrival(None, late)).arrival.gone
        [message] = await shop.messages()
        assert ("", 0) == (message.text, message.revision)


async def test_who_writes_again_is_a_new_person(database: Path) -> None:
    """A new letter from an erased address opens a new conversation with a new contact."""
    async with workshop(database) as shop:
        await shop.take(letter("ann", text="The old matter"))
        [before] = await shop.conversations()
        await erase(shop)
        await shop.take(letter("ann", text="Something else entirely"))
        _, after = await shop.conversations()
        assert before.contact != after.contact
        assert before.id != after.id


@pytest.mark.parametrize("method", ["erase_from", "erase_quarantined", "erase_identities"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_crash_is_gone_on_from(
    database: Path, monkeypatch: pytest.MonkeyPatch, method: str, when: str
) -> None:
    """Wherever it ended, a running gateway finishes it, and what was erased is counted once."""
    async with workshop(database) as shop:
        for number in range(3):
            words = ("kettle", "invoice", "bicycle")[number]
            await shop.take(letter("ann", text=f"About my {words}", subject=words))
        many = len(await shop.conversations())
        real = getattr(Keeper, method)

        async def dying(self: Keeper, *arguments: Any, **named: Any) -> Any:
            if when == "after":
                await real(self, *arguments, **named)
            raise StoreUnavailable("the power is gone")

        with monkeypatch.context() as patch:
            patch.setattr(Keeper, method, dying)
            with pytest.raises(StoreUnavailable):
                await erase(shop)
        await eraser(shop).resume()  # somebody may be at it still
        assert [] == await shop.decisions("erasure")
        shop.clock.advance(121)
        shop.run(eraser(shop).run())

        async def done() -> bool:
            asked = not await shop.store.keeper.forgotten(after="", limit=9)
            return asked and bool(await shop.decisions("erasure"))

        await until(done)
        [audit] = await shop.decisions("erasure")
        assert many == audit.facts["counts"]["conversations"]
        assert 3 == audit.facts["counts"]["messages"]
        assert "ann@example.net" not in await asyncio.to_thread(everything, database)


class Slow:
    """A plugin that cannot forget at first."""

    failures = 1

    async def forget_conversation(self, forgotten: Forgotten) -> list[Remains]:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("closed")
        return [Remains(where="plugin/slow", what=forgotten.messages[0])]


async def test_who_could_not_forget_is_named_and_asked_again(database: Path) -> None:
    """The report says who failed; the next asking goes through."""
    async with workshop(database, plugins=(Slow(),)) as shop:
        await shop.take(letter("ann"))
        [message] = await shop.messages()
        report = await erase(shop)
        assert ("plugins",) == report.failed
        answers = await eraser(shop)._forgetter.ask()
        assert ((), [show("msg", message.id)]) == (
            answers.failed, [one.what for one in answers.remains if one.where == "plugin/slow"],
        )  # fmt: skip


async def test_an_address_that_may_be_several_people_is_refused(database: Path) -> None:
    """A user's number is somebody else in another workspace; a contact has to be named."""
    async with workshop(database) as shop:
        for scope in ("one", "two"):
            who = msgspec.structs.replace(address("u7", "slack"), value="U7", scope=scope)
            await shop.take(
                msgspec.structs.replace(letter("ann", text=f"From {scope}"), author=who)
            )
        with pytest.raises(Refused, match=r"may be several people; name one of con_\w+, con_\w+"):
            await eraser(shop).find(None, "slack:U7")
        with pytest.raises(Refused, match="names nobody"):
            await eraser(shop).find(None, "ann@example.net")
        with pytest.raises(Refused, match="is not an id"):
            await eraser(shop).find(None, "con_x")

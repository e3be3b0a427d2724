"""Many at once: one conversation a person, and the order in which things were said."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from gateway.domain.arrival import Mark, Waiting
from gateway.domain.draft import ThreadRef
from gateway.domain.message import Message
from gateway.testing.clock import FakeClock
from tests.unit.core.workshop import Workshop, letter, until, workshop


async def test_burst_from_a_new_sender_makes_one_contact(shop: Workshop) -> None:
    """Forty messages at once from somebody unknown, over many lanes, are one person's."""
    await asyncio.gather(
        *(
            shop.hand_in(letter(text=f"Order {n}{n} number {n} of {n * 7} is missing"), lane=str(n))
            for n in range(40)
        )
    )
    await shop.quiet()
    conversations = await shop.conversations()
    assert [] == await shop.quarantine()
    assert 1 == len({c.contact for c in conversations})
    assert 1 == len({c.requester for c in conversations})
    assert 40 == sum([len(await shop.messages(c.id)) for c in conversations])


async def test_burst_from_many_senders_crosses_no_conversation(shop: Workshop) -> None:
    """People who write the same words at the same moment stay apart."""
    names = [f"person{n}" for n in range(30)]
    await asyncio.gather(*(shop.hand_in(letter(name), lane=name) for name in names))
    await shop.quiet()
    for conversation in await shop.conversations():
        view = await shop.store.conversation(None, conversation.id)
        assert 1 == len(view.participants)
        assert 1 == len(await shop.messages(conversation.id))
    assert 30 == len(await shop.conversations())


async def test_many_lanes_racing_for_one_conversation_all_win_in_the_end(shop: Workshop) -> None:
    """A topic that a hundred people write in at once takes every message, numbered without gaps."""
    topic = ThreadRef(native_id="topic 7", admits_sender=True, audience="public")
    await shop.take(letter("first", thread=topic))
    names = [f"person{n}" for n in range(100)]
    await asyncio.gather(*(shop.hand_in(letter(name, thread=topic), lane=name) for name in names))
    await shop.quiet()
    messages = await shop.messages()
    assert [] == await shop.quarantine()
    assert list(range(1, 102)) == [message.seq for message in messages]
    assert {"First", *(name.title() for name in names)} == {m.author.name for m in messages}


async def test_messages_of_one_lane_keep_their_order(shop: Workshop) -> None:
    """What one sender says stays in the order in which it came."""
    thread = ThreadRef(native_id="t", admits_sender=True)
    for n in range(20):
        await shop.hand_in(letter(text=f"{n}", thread=thread), lane="ann")
    await shop.quiet()
    assert [str(n) for n in range(20)] == [m.text for m in await shop.messages()]


async def test_a_large_message_is_not_overtaken_by_its_senders_next(database: Path) -> None:
    """What takes long to store has an old id when it is there; it still goes before what follows."""
    async with workshop(database) as shop:
        stored, put = asyncio.Event(), shop.store._blobs.put  # type: ignore[attr-defined]

        async def slowly(data: bytes) -> str:
            await stored.wait()
            name: str = await put(data)
            return name

        shop.store._blobs.put = slowly  # type: ignore[attr-defined]
        large = asyncio.create_task(
            shop.hand_in(letter(text="large " + "x" * 300_000), key="1", lane="ann")
        )
        await asyncio.sleep(0)
        for number in range(3):  # others are stored and taken up meanwhile
            await shop.take(letter(f"p{number}", "other"), key=f"o{number}", lane=f"p{number}")
        stored.set()
        await large
        await shop.hand_in(letter(text="and one more thing"), key="2", lane="ann")
        await shop.quiet()
        said = [
            m.text.split()[0] for c in await shop.conversations() for m in await shop.messages(c.id)
        ]
        committed = [
            message.text.split()[0]
            for changes in shop.committed
            for message in changes.messages
            if message.direction == "in"
        ]
    assert ["other"] * 3 + ["large", "and"] == committed
    assert sorted(said) == sorted(committed)


class Together:
    """Holds messages back until so many are at the same point."""

    def __init__(self, parties: int) -> None:
        self.parties, self.here, self.all = parties, 0, asyncio.Event()

    async def enrich_message(self, message: Message) -> Message:
        self.here += 1
        if self.here == self.parties:
            self.all.set()
        await self.all.wait()
        return message


async def test_known_person_on_several_lanes_at_once_opens_one_conversation(database: Path) -> None:
    """What somebody says through two inboxes in the same moment is one matter, said again."""
    async with workshop(database) as shop:
        await shop.take(letter(text="Something else that was long ago"), key="0")
    together = Together(4)
    async with workshop(database, plugins=(together,), node=2) as shop:
        for number in range(4):
            words = letter(text="The printer is on fire again and nobody comes")
            source = ("post", "second")[number % 2]
            await shop.hand_in(words, key=f"k{number}", lane=f"lane {number}", source=source)
        await shop.quiet()
        assert 2 == len(await shop.conversations())
        outcomes = sorted(d.outcome for d in await shop.decisions("repeat"))
        assert ["joined by repeat"] * 3 == outcomes
        assert 4 == len(await shop.messages((await shop.conversations())[-1].id))


async def test_what_is_read_again_and_again_holds_up_nobody(database: Path) -> None:
    """While a transaction stays open each look finds what was passed over: it is left in its order."""

    class Patience:
        """Holds up what one person wrote first."""

        def __init__(self) -> None:
            self.over = asyncio.Event()

        async def enrich_message(self, message: Message) -> Message:
            if message.text == "0":
                await self.over.wait()
            return message

    patience = Patience()
    async with workshop(database, plugins=(patience,), pipeline=False) as shop:
        look = shop.store.waiting_arrivals

        async def unsettled(**how: Any) -> list[Waiting]:
            return [Waiting(arrival=one.arrival, mark=Mark()) for one in await look(**how)]

        shop.store.waiting_arrivals = unsettled  # type: ignore[method-assign]
        shop.run(shop.pipeline.run())
        for number in range(300):  # more than a lane holds, and than is read at once
            await shop.hand_in(letter("ann", str(number)), key=str(number), lane="ann")
        await shop.hand_in(letter("bob", "others go on"), key="other", lane="bob")
        await until(partial(_said, shop, 1))
        patience.over.set()
        await shop.quiet()
        said = [message.text for changes in shop.committed for message in changes.messages]
    assert ["others go on", *map(str, range(300))] == said


async def _said(shop: Workshop, many: int) -> bool:
    return sum(len(changes.messages) for changes in shop.committed) >= many


async def test_a_line_is_in_order_whatever_the_clocks_say(database: Path) -> None:
    """A process whose clock is behind goes on with a conversation: its deliveries come after."""
    ahead, behind = FakeClock(), FakeClock()
    ahead.advance(0.4)
    room = ThreadRef(native_id="room", admits_sender=True)
    said: list[int] = []
    queued: list[int | None] = []
    for node, clock, text in ((5, ahead, "one"), (2, behind, "two"), (7, behind, "three")):
        async with workshop(database, clock=clock, node=node) as shop:
            await shop.take(letter("ann", text, thread=room), lane="ann")
            said = [message.id for message in await shop.messages()]
            queued = [one.message for one in await shop.deliveries("backend/tickets")]
    assert 3 == len(said)
    assert said == queued  # in the order of their ids, as they leave

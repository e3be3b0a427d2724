"""Merging two conversations, and taking a merge back exactly."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.draft import DraftParticipant, ThreadRef
from gateway.errors import NotFound, OutcomeUnknown, Refused, Unreachable
from tests.unit.core.deliveries import BACKEND
from tests.unit.core.workshop import Workshop, address, letter, until, workshop


async def says(shop: Workshop, author: str, text: str, of: str = "", **more: Any) -> None:
    """Let somebody write into the native thread of somebody, their own by default."""
    thread = ThreadRef(native_id=f"<{of or author}@x>")
    native = f"<{shop.new_id()}@x>"
    await shop.take(
        letter(
            author, text=text, thread=thread, external_ids=(native,), references=(f"<{of or author}@x>",),
            **more,
        )
    )  # fmt: skip


async def picture(shop: Workshop, conversation: int) -> bytes:
    """Everything a person sees of a conversation, but for when and how often it was changed."""
    view = await shop.store.conversation(None, conversation)
    replace = msgspec.structs.replace
    view = replace(
        view,
        # Numbers of messages that came and went home are not given out again.
        conversation=replace(
            view.conversation, version=0, updated_at=0, last_seq=0, last_delivery=0
        ),
        links=tuple(link for link in view.links if link.kind != "merged_into"),
    )
    messages = await shop.messages(conversation)
    deliveries = await shop.deliveries(conversation=conversation)
    return msgspec.json.encode([view, messages, deliveries])


async def pair(shop: Workshop) -> tuple[int, int]:
    """Two people's conversations."""
    await says(shop, "ann", "The printer is on fire")
    await says(shop, "bob", "The lift is stuck")
    one, other = await shop.conversations()
    return one.id, other.id


async def test_merge_and_undo_restore_both_exactly(shop: Workshop) -> None:
    """A merge that is taken back leaves both conversations byte for byte as they were."""
    one, other = await pair(shop)
    before = [await picture(shop, conversation) for conversation in (one, other)]
    await shop.operator.merge(None, one, other, "ada")
    assert ["The printer is on fire", "The lift is stuck"] == [
        message.text for message in await shop.messages(other)
    ]
    await shop.operator.unmerge(None, one, "ada")
    after = [await picture(shop, conversation) for conversation in (one, other)]
    assert before == after


async def test_replies_in_between_go_home(shop: Workshop) -> None:
    """What was said in a thread during the merge goes back with the thread, deliveries and all."""
    one, other = await pair(shop)
    await shop.operator.merge(None, one, other, "ada")
    await says(shop, "ann", "And it still burns, you know")
    await says(shop, "bob", "And the lift still hangs")
    assert 4 == len(await shop.messages(other))
    await shop.operator.unmerge(None, one, "ada")
    assert ["The printer is on fire", "And it still burns, you know"] == [
        message.text for message in await shop.messages(one)
    ]
    assert ["The lift is stuck", "And the lift still hangs"] == [
        message.text for message in await shop.messages(other)
    ]
    for conversation in (one, other):
        messages = {message.id for message in await shop.messages(conversation)}
        assert messages == {d.message for d in await shop.deliveries(conversation=conversation)}
    await says(shop, "ann", "Will anybody come at all?")
    assert 3 == len(await shop.messages(one))


async def test_replies_in_between_go_home_though_the_clock_was_put_back(shop: Workshop) -> None:
    """What came after the merge is told by its number, for a clock may say it came before.

    Found by the simulation's seed 399.
    """
    one, other = await pair(shop)
    await shop.operator.merge(None, one, other, "ada")
    shop.clock.advance(-7200)
    await says(shop, "ann", "And it still burns, you know")
    await shop.operator.unmerge(None, one, "ada")
    assert ["The printer is on fire", "And it still burns, you know"] == [
        message.text for message in await shop.messages(one)
    ]


async def test_what_may_have_been_sent_in_between_is_looked_for_where_it_was_sent(
    shop: Workshop,
) -> None:
    """A forward whose answer is lost, and whose conversation then goes home, is not sent twice.

    Found by the simulation's seed 280.
    """
    one, other = await pair(shop)
    shop.send_to(BACKEND)
    await shop.settled(BACKEND, "delivered", 2)
    await shop.operator.merge(None, one, other, "ada")
    shop.tickets.script.then(OutcomeUnknown("lost"), stores=True)
    await says(shop, "ann", "And it still burns, you know")

    async def unknown() -> bool:
        return any(one.state == "unknown" for one in await shop.deliveries(BACKEND))

    await until(unknown)
    await shop.operator.unmerge(None, one, "ada")
    await shop.later(30)
    await shop.settled(BACKEND, "delivered", 3)
    assert 1 == [said.text for said in shop.tickets.entries].count("And it still burns, you know")


async def test_agents_answer_in_between_goes_home_with_its_thread(shop: Workshop) -> None:
    """An answer that left in the merged conversation's thread is found there after the undo."""
    one, other = await pair(shop)
    await shop.operator.merge(None, other, one, "ada")
    await says(shop, "bob", "The lift, once more")
    # The requester of the standing conversation is answered in her own thread.
    await shop.operator.reply(None, one, text="Water for the printer", internal=False, author="B")
    await shop.quiet()
    await shop.operator.unmerge(None, other, "ada")
    assert ["The printer is on fire", "Water for the printer"] == [
        message.text for message in await shop.messages(one)
    ]
    assert ["The lift is stuck", "The lift, once more"] == [
        message.text for message in await shop.messages(other)
    ]


async def test_answer_that_waits_during_a_merge_reaches_its_thread(shop: Workshop) -> None:
    """What an agent wrote before a merge still goes where it was to go, to the same person.

    Found by the simulation's seed 190.
    """
    one, other = await pair(shop)
    shop.channels["post"].script.then(Unreachable("no wind"))
    shop.send_to("channel/post")
    await shop.operator.reply(None, one, text="Water for the printer", internal=False, author="B")

    async def waits() -> bool:
        return [1] == [d.attempts for d in await shop.deliveries(target="channel/post")]

    await until(waits)
    await shop.operator.merge(None, one, other, "ada")
    await shop.later(60)
    await shop.settled("channel/post", "delivered", 1)
    [reply] = shop.channels["post"].sent
    assert reply.thread is not None
    assert ("<ann@x>", ["ann@example.net"]) == (
        reply.thread.native_id, [person.address.value for person in reply.recipients]
    )  # fmt: skip


async def test_person_brought_in_during_the_merge_goes_along(shop: Workshop) -> None:
    """Somebody new who wrote in a thread that goes home takes part there afterwards."""
    one, other = await pair(shop)
    await shop.operator.merge(None, one, other, "ada")
    brought = (DraftParticipant(address=address("cid")),)
    await says(shop, "ann", "Cid knows more about it", participants=brought)
    await says(shop, "cid", "Indeed, it was the toner", of="ann")
    assert 4 == len(await shop.messages(other))
    await shop.operator.unmerge(None, one, "ada")
    assert ["Ann", "Ann", "Cid"] == [m.author.name for m in await shop.messages(one)]
    await says(shop, "cid", "And I have seen it before", of="ann")
    assert 4 == len(await shop.messages(one))


async def test_unanswered_message_reopens_what_goes_home(shop: Workshop) -> None:
    """A conversation that had ended is open after the undo if its customer wrote meanwhile."""
    one, other = await pair(shop)
    await shop.operator.set_state(None, one, "resolved", "ada")
    await shop.operator.merge(None, one, other, "ada")
    await says(shop, "ann", "No, it is not solved at all")
    await shop.operator.unmerge(None, one, "ada")
    home = (await shop.store.conversation(None, one)).conversation
    assert ("open", None, None) == (home.state, home.resolved_at, home.merged_into)


async def test_merged_strangers_part_again(shop: Workshop) -> None:
    """During a merge both people take part; after the undo neither is in the other's conversation."""
    one, other = await pair(shop)
    await shop.operator.merge(None, one, other, "ada")
    view = await shop.store.conversation(None, other)
    assert 2 == len(view.participants)
    await shop.operator.unmerge(None, one, "ada")
    token = shop.keyring.make("default", other)
    await shop.take(letter("ann", text="What has Bob been writing?", tokens=(token,)))
    assert 1 == len(await shop.messages(other))
    assert 3 == len(await shop.conversations())


async def test_what_cannot_be_merged(shop: Workshop) -> None:
    """Each merge that makes no sense is refused with a sentence, and changes nothing."""
    one, other = await pair(shop)
    await shop.take(letter("eve"), tenant="acme")
    acme = (await shop.conversations())[-1].id
    merge, unmerge = shop.operator.merge, shop.operator.unmerge
    with pytest.raises(Refused, match="into itself"):
        await merge(None, one, one, "ada")
    with pytest.raises(Refused, match="different tenants"):
        await merge(None, one, acme, "ada")
    with pytest.raises(NotFound):
        await merge(frozenset({"acme"}), acme, other, "eve")
    with pytest.raises(Refused, match="is not merged"):
        await unmerge(None, one, "ada")
    await merge(None, one, other, "ada")
    with pytest.raises(Refused, match="already merged"):
        await merge(None, one, other, "ada")


async def test_merges_are_undone_from_the_outside_in(shop: Workshop) -> None:
    """A merge into something that was itself merged on waits for that undo."""
    one, other = await pair(shop)
    await says(shop, "cid", "The coffee is cold")
    third = (await shop.conversations())[-1].id
    before = [await picture(shop, conversation) for conversation in (one, other, third)]
    await shop.operator.merge(None, one, other, "ada")
    await shop.operator.merge(None, other, third, "ada")
    await says(shop, "ann", "Where am I now?")
    assert 4 == len(await shop.messages(third))
    with pytest.raises(Refused, match="undo that merge first"):
        await shop.operator.unmerge(None, one, "ada")
    await shop.operator.unmerge(None, other, "ada")
    await shop.operator.unmerge(None, one, "ada")
    assert ["The printer is on fire", "Where am I now?"] == [
        m.text for m in await shop.messages(one)
    ]
    assert before[1:] == [await picture(shop, conversation) for conversation in (other, third)]


STEPS = st.lists(
    st.sampled_from(["ann", "bob", "cid", "agent", "merge 01", "merge 12", "merge 20", "undo"]),
    max_size=9,
)


@given(steps=STEPS)
@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_sequence_of_merges_and_words(
    empty_database: Path, tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """Whatever is merged, said and undone: at the end everybody's words are in their own place."""
    path = tmp_path_factory.mktemp("merge") / "gateway.db"
    shutil.copy(empty_database, path)
    asyncio.run(_play(path, steps))


async def _play(path: Path, steps: list[str]) -> None:
    async with workshop(path) as shop:
        people = ["ann", "bob", "cid"]
        said: dict[str, list[str]] = {name: [f"{name} opens this"] for name in people}
        for name in people:
            await says(shop, name, said[name][0])
        homes = [conversation.id for conversation in await shop.conversations()]
        merged: list[int] = []
        for number, step in enumerate(steps):
            shop.clock.advance(60)
            if step in people:
                said[step].append(f"{step} says the thing number {number}")
                await says(shop, step, said[step][-1])
            elif step.startswith("merge"):
                one, into = (int(digit) for digit in step[-2:])
                try:
                    await shop.operator.merge(None, homes[one], homes[into], "ada")
                except Refused:
                    continue
                merged.append(homes[one])
            elif step == "undo" and merged:
                await shop.operator.unmerge(None, merged.pop(), "ada")
        while merged:
            await shop.operator.unmerge(None, merged.pop(), "ada")
        for name, home in zip(people, homes, strict=True):
            view = await shop.store.conversation(None, home)
            messages = await shop.messages(home)
            assert said[name] == [message.text for message in messages]
            numbers = [message.seq for message in messages]
            assert sorted(set(numbers)) == numbers
            assert [f"{name}@example.net"] == [identity.value for identity in view.identities]
            assert [f"<{name}@x>"] == [thread.native_id for thread in view.threads]
        assert [] == await shop.quarantine()

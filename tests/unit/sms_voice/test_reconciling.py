"""What webhooks missed is asked for, once, and told apart from what is known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from gateway import Ignored, Rejected, TargetBroken, Unreachable
from gateway.testing.clock import EPOCH
from tests.unit.sms_voice.world import OURS, THEIRS, World, a_reply, phone


def at(seconds: float) -> datetime:
    """A moment of the test's clock."""
    return datetime.fromtimestamp(EPOCH / 1000 + seconds, tz=UTC)


async def took_in(world: World) -> list[str]:
    """Reconcile; the texts of what was taken in, in order."""
    before = len(world.around.intake.accepted)
    world.around.clock.advance(20)
    await world.channel.reconcile(world.around.intake)
    return [world.draft(one).text for one in world.around.intake.accepted[before:]]


async def test_missed_messages_come_in() -> None:
    """In their order, with the same key, and once; what came by webhook is known."""
    async with phone() as world:
        assert [] == await took_in(world)
        known = await world.double.text("by webhook", calls=False, at=at(10))
        await world.post("/messages", world.double.webhooks.fields(known))
        for n in range(3):
            await world.double.text(f"missed {n}", calls=False, at=at(20 + n))
        world.around.clock.advance(3600)
        assert ["missed 0", "missed 1", "missed 2"] == await took_in(world)
        assert [] == await took_in(world)
        sids = [one.sid for one in world.double.account.messages]
        assert sids == [one.key for one in world.around.intake.accepted]


async def test_a_new_process_makes_no_second_message() -> None:
    """What it takes in again has the same content key, whichever way it came."""
    async with phone() as world:
        await took_in(world)
        message = await world.double.text("hello", calls=False, at=at(1))
        await world.post("/messages", world.double.webhooks.fields(message))
        world.around.clock.advance(10)
        world.restart()
        assert ["hello"] == await took_in(world)
        first, second = world.around.intake.accepted
        assert world.draft(first).same_as == world.draft(second).same_as
        assert first.lane == second.lane


async def test_a_webhook_goes_first() -> None:
    """What was sent just now is left to its webhook, which says more, and taken in later if none comes."""
    async with phone() as world:
        world.around.clock.advance(10)
        await world.double.text("just now", calls=False, at=at(5))
        await world.channel.reconcile(world.around.intake)
        assert [] == world.around.intake.accepted
        assert ["just now"] == await took_in(world)


async def test_many_pages() -> None:
    """However many were missed, they are taken in, and older ones are not asked for."""
    async with phone() as world:
        await world.double.text("long ago", calls=False, at=at(-7200))
        await took_in(world)
        for n in range(250):
            await world.double.text(f"{n}", calls=False, at=at(n))
        world.around.clock.advance(600)
        assert [str(n) for n in range(250)] == await took_in(world)


async def test_media_of_missed_messages() -> None:
    """They are fetched as those of a webhook are."""
    async with phone() as world:
        await took_in(world)
        await world.double.text(
            "see", calls=False, at=at(1), media=(("image/png", b"1"), ("audio/ogg", b"2"))
        )
        assert ["see"] == await took_in(world)
        await world.channel._fetching.work_off(world.around.intake)
        draft = world.draft(world.around.intake.accepted[-1])
        assert [b"1", b"2"] == [one.data for one in draft.attachments]
        assert ["image/png", "audio/ogg"] == [one.media_type for one in draft.attachments]


async def test_a_missed_stop_counts() -> None:
    """Unless a later word of theirs is known already."""
    async with phone() as world:
        await took_in(world)
        await world.double.text("STOP", calls=False, at=at(5))
        world.around.clock.advance(60)
        await world.channel.reconcile(world.around.intake)
        [parsed] = world.read(world.around.intake.accepted[-1])
        assert isinstance(parsed, Ignored)
        with pytest.raises(Rejected):
            await world.channel.send(a_reply())
        later = await world.double.text("START", calls=False, at=at(61))
        await world.post("/messages", world.double.webhooks.fields(later))
        world.restart()
        await world.double.text("STOP", calls=False, at=at(6))
        await world.channel.reconcile(world.around.intake)
        await world.channel.send(a_reply())


async def test_our_own_texts_are_not_taken_in() -> None:
    """The list has what we sent as well."""
    async with phone() as world:
        await took_in(world)
        await world.channel.send(a_reply())
        assert [] == await took_in(world)


async def test_what_fails_leaves_the_cursor() -> None:
    """A provider that cannot be asked is told as such, and asked for all of it the next time."""
    async with phone() as world:
        await took_in(world)
        await world.double.text("missed", calls=False, at=at(1))
        world.around.clock.advance(60)
        world.around.http.down = True
        with pytest.raises(Unreachable):
            await world.channel.reconcile(world.around.intake)
        world.around.http.down = False
        assert ["missed"] == await took_in(world)


async def test_a_strange_list_is_no_crash() -> None:
    """What is no message is told as the provider's fault."""
    async with phone() as world:
        message = await world.double.text("x", calls=False, at=at(1))
        message.sid = "nonsense"
        with pytest.raises(TargetBroken) as told:
            await world.channel.reconcile(world.around.intake)
        assert "unreadable_answer" == told.value.reason_code


async def until(condition: Callable[[], object]) -> None:
    """Let others run until something is so."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0.01)


async def test_it_goes_on_by_itself() -> None:
    """While the channel runs it asks now and then, and goes on after a failure."""
    async with phone(reconcile_seconds=0.02) as world:
        running = asyncio.create_task(world.channel.run(world.around.intake))
        try:
            world.around.http.down = True
            lines = world.around.log.lines
            await until(lambda: any(event == "reconcile.failed" for _, event, _ in lines))
            world.around.http.down = False
            await world.double.text("missed", calls=False, at=at(-60), sender=THEIRS, to=OURS)
            await until(lambda: world.around.intake.accepted)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

"""Timers ring once, events reach subscribers at least once, and plugin state is compared and set."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.core import following
from gateway.core.events import subscribed
from gateway.core.state import StoredState
from gateway.domain.answers import (
    Action,
    AddNote,
    ForwardTo,
    SetPriority,
    SetState,
    SetTier,
    SetTimer,
)
from gateway.domain.changes import Changes
from gateway.domain.conversation import Conversation
from gateway.domain.event import Event
from gateway.domain.timer import Timer
from gateway.errors import StoreUnavailable
from gateway.hooks.specs import Trigger
from tests.unit.core.workshop import TENANT, Workshop, letter, until, workshop


class Warden:
    """Answers prepared actions for each timer by its name."""

    def __init__(self, **actions: Any) -> None:
        self.actions, self.rung = actions, []  # type: ignore[var-annotated]

    async def evaluate_conversation(
        self, conversation: Conversation, trigger: Trigger
    ) -> tuple[Action, ...] | None:
        if not isinstance(trigger, Timer):
            return None
        name = trigger.data.get("name", trigger.name)
        self.rung.append(name)
        return self.actions.get(name)


async def set_timer(shop: Workshop, name: str, seconds: float, conversation: int | None) -> None:
    """Set a timer."""
    due = shop.clock.now() + int(seconds * 1000)
    timer = Timer(
        id=shop.new_id(),
        tenant=TENANT,
        owner="core",
        name=name,
        due_at=due,
        conversation=conversation,
    )
    await shop.store.commit([Changes(tenant=TENANT, timers=(timer,))])


async def test_timer_does_everything_that_a_plugin_asks(database: Path) -> None:
    """State, tier, priority, note, further backends and the next timer, in one commit."""
    warden = Warden(
        overdue=(
            SetTier(tier="L2", reason="nobody answered"),
            SetPriority(priority="urgent", reason="it is late"),
            SetState(state="held", reason="we wait for parts"),
            AddNote(text="This is overdue"),
            ForwardTo(backends=("other", "tickets"), reason="the second line"),
            SetTimer(name="later", due=0),
        )
    )
    async with workshop(database, plugins=(warden,)) as shop:
        await shop.take(letter())
        [before] = await shop.conversations()
        await set_timer(shop, "overdue", 60, before.id)
        shop.run(shop.timers.run())
        await asyncio.sleep(0.03)
        assert [] == warden.rung
        shop.clock.advance(61)

        async def rang() -> bool:
            return warden.rung == ["overdue", "later"]

        await until(rang)
        [after] = await shop.conversations()
        assert ("L2", "urgent", "held") == (after.tier, after.priority, after.state)
        assert [("warden 1", "L2", "nobody answered")] == [
            (entry.who, entry.tier, entry.text) for entry in after.work_order
        ]
        assert ("tickets", "other") == after.route.backends
        first, note = await shop.messages()
        assert ("internal", "This is overdue") == (note.audience, note.text)
        targets = [(d.target, d.message) for d in await shop.deliveries()]
        assert sorted(
            [
                ("backend/tickets", first.id),
                ("backend/tickets", note.id),
                ("backend/other", first.id),
            ]
        ) == sorted(targets)


async def test_timer_survives_a_restart_and_rings_once(database: Path) -> None:
    """A timer that came due while nobody ran rings at the next start, and never again."""
    async with workshop(database) as shop:
        await shop.take(letter())
        [conversation] = await shop.conversations()
        await set_timer(shop, "overdue", 60, conversation.id)
        clock = shop.clock
    clock.advance(3600)
    for expected in (["overdue"], []):
        warden = Warden()
        async with workshop(database, clock=clock, node=2, plugins=(warden,)) as shop:
            shop.run(shop.timers.run())

            async def nothing_due() -> bool:
                return not await shop.store.due_timers(now=clock.now(), limit=1)

            await until(nothing_due)
            assert expected == warden.rung


async def test_timer_that_cannot_be_done_does_not_stop_the_others(database: Path) -> None:
    """A plugin's impossible wish costs its own timer, and the next ones ring."""
    warden = Warden(bad=(ForwardTo(backends=5, reason="?"),), good=(AddNote(text="done"),))  # type: ignore[arg-type]
    async with workshop(database, plugins=(warden,)) as shop:
        await shop.take(letter())
        [conversation] = await shop.conversations()
        await set_timer(shop, "bad", 1, conversation.id)
        await set_timer(shop, "good", 2, conversation.id)
        await set_timer(shop, "of nobody", 3, 12345)
        shop.clock.advance(5)
        shop.run(shop.timers.run())

        async def done() -> bool:
            return not await shop.store.due_timers(now=shop.clock.now(), limit=9)

        await until(done)
        assert ["in", "internal"] == [message.direction for message in await shop.messages()]
        failed = [d.reason for d in await shop.decisions("state") if d.outcome == "timer failed"]
        assert ["bad: TypeError"] == failed


class Listener:
    """Is told of events, and fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.told: list[Event] = []
        self.failures = failures

    async def on_event(self, event: Event) -> None:
        self.told.append(event)
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the other side is away")


async def test_events_reach_a_subscriber_in_order(database: Path) -> None:
    """A subscriber is told of what happened, in the order of the commits, with ids and no text."""
    listener = Listener()
    async with workshop(database, plugins=(listener,)) as shop:
        for follower in shop.followers:
            shop.run(follower.run())
        await shop.take(letter())
        await shop.take(letter("bob"))

        async def told() -> bool:
            return len(listener.told) == 4

        await until(told)
        kinds = ["conversation.opened", "message.stored"] * 2
        assert kinds == [event.kind for event in listener.told]
        assert "printer" not in str(listener.told).lower()


async def test_failed_event_is_told_again_and_a_restart_goes_on(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a subscriber failed at is told again; after a restart it goes on where it was."""
    monkeypatch.setattr(following, "LONGEST_PAUSE", 0.01)
    failing = Listener(failures=1)
    real_sleep = asyncio.sleep

    async def short(seconds: float) -> None:
        await real_sleep(min(seconds, 0.01))

    async with workshop(database, plugins=(failing,)) as shop:
        monkeypatch.setattr(asyncio, "sleep", short)
        for follower in shop.followers:
            shop.run(follower.run())
        await shop.take(letter())

        async def kept() -> bool:
            done = await subscribed("listener").read(shop.store)
            return len(failing.told) == 3 and done == failing.told[-1].id

        await until(kept)
        first, again, second = failing.told
        assert (first, "conversation.opened", "message.stored") == (again, again.kind, second.kind)
        clock = shop.clock
    fresh = Listener()
    async with workshop(database, clock=clock, node=2, plugins=(fresh,)) as shop:
        for follower in shop.followers:
            shop.run(follower.run())
        await shop.take(letter("bob"))

        async def told() -> bool:
            return len(fresh.told) == 2

        await until(told)
        assert second.id < fresh.told[0].id


async def test_a_new_subscriber_is_not_told_of_what_was_before(database: Path) -> None:
    """It begins with what happens once it is there; a known one goes on where it was."""
    async with workshop(database) as shop:
        await shop.take(letter())
        clock = shop.clock
    for node, expected in ((2, "bob"), (3, "eve")):
        listener = Listener()
        async with workshop(database, clock=clock, node=node, plugins=(listener,)) as shop:
            [follower] = shop.followers
            await follower.begin()
            before = await shop.store.last_event()
            await shop.take(letter(expected))
            shop.run(follower.run())

            async def kept() -> bool:
                return (
                    await subscribed("listener").read(shop.store) == await shop.store.last_event()
                )

            await until(kept)
            assert ["conversation.opened", "message.stored"] == [e.kind for e in listener.told]
            assert before is not None
            assert before < listener.told[0].id


async def test_a_sick_store_costs_a_follower_nothing(database: Path) -> None:
    """After an error of the store it goes on from what was stored, and tells again what was not."""
    listener = Listener()
    async with workshop(database, plugins=(listener,)) as shop:
        await shop.take(letter())
        [follower] = shop.followers
        commit = shop.store.commit
        refused: list[Any] = []

        async def once_refused(changes: Any) -> Any:
            if not refused:
                refused.append(changes)
                raise StoreUnavailable("the disk is full")
            return await commit(changes)

        shop.store.commit = once_refused  # type: ignore[method-assign]
        shop.run(follower.run())

        async def kept() -> bool:
            return await subscribed("listener").read(shop.store) == await shop.store.last_event()

        await until(kept)
        assert 1 == len(refused)
        kinds = ["conversation.opened", "message.stored"] * 2
        assert kinds == [event.kind for event in listener.told]


async def test_state_is_compared_and_set(shop: Workshop) -> None:
    """Writes that rest on an old version do nothing, alone or together."""
    state = StoredState(shop.store, tenant=TENANT, owner="plugin/x")
    assert (None, 0) == _both(await state.get("key"))
    assert await state.put("key", {"a": [1]}, expected=0)
    assert not await state.put("key", "other", expected=0)
    found = await state.get("key")
    assert ({"a": [1]}, 1) == _both(found)
    assert not await state.put_all([("new", 1, None), ("key", 2, 7)])
    assert (None, 0) == _both(await state.get("new"))
    assert await state.put_all([("new", 1, 0), ("key", 2, found.version)])
    races = await asyncio.gather(*(state.put("key", n, expected=2) for n in range(10)))
    assert 1 == sum(races)
    await state.delete("key")
    assert None is (await state.get("key")).value


async def test_state_is_each_owners_own(shop: Workshop) -> None:
    """Nobody reads or lists another one's keys."""
    mine, other = (StoredState(shop.store, tenant=TENANT, owner=f"plugin/{n}") for n in "xy")
    for key in ("a/1", "a/2", "b/1", "a/3"):
        await mine.put(key, key)
    assert None is (await other.get("a/1")).value
    assert [] == await other.list("")
    assert ["a/1", "a/2"] == [key for key, _ in await mine.list("a/", limit=2)]
    assert ["a/3"] == [key for key, _ in await mine.list("a/", after="a/2")]


def _both(stored: Any) -> tuple[Any, int]:
    return stored.value, stored.version

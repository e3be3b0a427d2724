"""Retention in a running core: by tenant, again after a crash, noted, and plugins forget as well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.config.connectors import TenantSettings
from gateway.config.retention import RetentionSettings, TenantRetention
from gateway.core.forgetting import Forgetter
from gateway.core.purging import PURGING
from gateway.core.retention import Retention, rules
from gateway.domain.changes import Changes
from gateway.domain.decision import Decision
from gateway.domain.forgetting import Forgotten, Remains
from gateway.domain.message import Attachment
from gateway.errors import StoreUnavailable
from gateway.store import sweeping
from gateway.store.keeper import Keeper
from gateway.store.walking import OWNER, Step, Walk
from tests.unit.core.workshop import TENANT, Workshop, letter, until, workshop

DAY = 86_400
KEPT = RetentionSettings(
    raw_days=30, attachment_days=30, conversation_days=90, delivery_days=60, decision_days=60,
    event_days=10, recognition_days=365,
)  # fmt: skip


class Archive:
    """A plugin that keeps something, and fails at first."""

    def __init__(self, failures: int = 0) -> None:
        self.failures, self.asked = failures, []  # type: ignore[var-annotated]

    async def forget_conversation(self, forgotten: Forgotten) -> list[Remains]:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the archive is closed")
        self.asked.append(forgotten)
        return [Remains(where="plugin/archive", what=forgotten.conversation)]


def retention(shop: Workshop, kept: RetentionSettings = KEPT, **more: Any) -> Retention:
    """Retention of a shop."""
    forgetter = Forgetter(
        store=shop.store, channels=shop.channels, backends=shop.backends, hooks=shop.hooks,
        log=shop.log,
    )  # fmt: skip
    return Retention(
        **{
            "store": shop.store, "clock": shop.clock, "new_id": shop.new_id, "kept": kept,
            "tenants": {}, "forgetter": forgetter, "log": shop.log, "owner": "here",
            "on_committed": shop.committed.append, **more,
        }
    )  # fmt: skip


async def told(shop: Workshop, text: str = "It is broken", by: str = "ann") -> int:
    """Say something, and wait until it was delivered; gives the arrival."""
    if not shop.senders:
        shop.send_to("backend/tickets")
    many = len(await shop.deliveries("backend/tickets"))
    arrival = await shop.take(letter(by, text=text))
    await shop.settled("backend/tickets", "delivered", many + 1)
    return arrival


def noted(shop: Workshop) -> list[dict[str, int]]:
    """What was noted of removals, in order."""
    return [one.facts for one in shop_decisions(shop) if one.kind == "retention"]


def shop_decisions(shop: Workshop) -> list[Decision]:
    """Every decision that was committed."""
    return [one for changes in shop.committed for one in changes.decisions]


async def test_everything_goes_when_its_time_is_over(database: Path) -> None:
    """First the bytes, then the rest, each counted once in a decision and an event."""
    archive = Archive()
    async with workshop(database, plugins=(archive,)) as shop:
        await told(shop)
        keeping = retention(shop)
        assert {} == await keeping.once()
        shop.clock.advance(40 * DAY)
        removed = await keeping.once() or {}
        assert 1 == removed.pop("arrivals")
        assert {"events"} == set(removed)
        [message] = await shop.messages()
        assert "It is broken" == message.text
        shop.clock.advance(60 * DAY)
        assert 1 == (await keeping.once() or {})["conversations"]
        assert [] == await shop.conversations()
        assert [("retention", True)] == [(one.reason, one.whole) for one in archive.asked]
        assert 1 == noted(shop)[0]["arrivals"]
        assert 1 == sum(one.get("conversations", 0) for one in noted(shop))
        events = await shop.store.events_after(0, limit=500)
        assert {"retention.removed"} == {one.kind for one in events}


async def test_tenants_have_rules_of_their_own() -> None:
    """Who has a rule is kept apart; a rule for other tenants is another one and begins anew."""
    own = TenantRetention(raw_days=7)
    tenants = {"acme": TenantSettings(retention=own), "basic": TenantSettings()}
    first, rest = rules(KEPT, tenants)
    assert (frozenset({"acme"}), own, "acme") == (first.tenants, first.kept, first.name)
    assert (None, frozenset({"acme"}), "basic") == (rest.tenants, rest.apart, rest.tenant)
    [only] = rules(KEPT, {})
    assert ("default", "*", frozenset()) == (only.tenant, only.name, only.apart)
    assert rest.name != only.name
    assert {} == rules(RetentionSettings(), {})[0].walks(0)


@pytest.mark.parametrize("step", range(1, 12))
async def test_a_crash_at_any_step_costs_nothing(
    database: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Whatever a run was doing when it ended, the next one goes on, and all is counted once."""
    async with workshop(database) as shop:
        for number in range(5):
            await told(shop, f"Letter {number}", f"person{number}")
        shop.clock.advance(100 * DAY)
        calls = 0

        def dying(name: str) -> Any:
            real = getattr(Keeper, name)

            async def method(self: Keeper, walk: Walk, *arguments: Any) -> Step:
                nonlocal calls
                calls += 1
                done: Step = await real(self, msgspec.structs.replace(walk, limit=1), *arguments)
                if calls == step:
                    raise StoreUnavailable("the power is gone")
                return done

            return method

        with monkeypatch.context() as patch:
            for name in ("walk_on", "walk_again"):
                patch.setattr(Keeper, name, dying(name))
            with pytest.raises(StoreUnavailable):
                await retention(shop).once()
        await retention(shop).once()
        assert [] == await shop.conversations()
        assert 5 == sum(one.get("conversations", 0) for one in noted(shop))


async def test_plugins_are_asked_until_they_have_forgotten(database: Path) -> None:
    """One that fails is asked again the next time, the others' work is not lost."""
    archive = Archive(failures=1)
    async with workshop(database, plugins=(archive,)) as shop:
        await told(shop)
        shop.clock.advance(100 * DAY)
        keeping = retention(shop)
        await keeping.once()
        assert [] == archive.asked
        await keeping.once()
        assert 1 == len(archive.asked)
        await keeping.once()
        assert 1 == len(archive.asked)


async def test_one_process_removes_at_a_time(database: Path) -> None:
    """While another process holds the lease, this one leaves it alone."""
    async with workshop(database) as shop:
        now = shop.clock.now()
        held = await shop.store.acquire_lease("retention", "there", now=now, ttl=60_000)
        assert held is not None
        assert None is await retention(shop).once()
        await shop.store.release_lease(held)
        assert {} == await retention(shop).once()


async def test_nothing_is_purged_during_a_backup(database: Path) -> None:
    """Who makes a backup holds the lease without which no content leaves the disk."""
    async with workshop(database) as shop:
        blob = await shop.blobs.put(b"a picture")
        await told(shop)
        [message] = await shop.messages()
        [view] = await shop.conversations()
        attachment = Attachment(name="a.png", blob=blob)
        revised = msgspec.structs.replace(message, revision=1, attachments=(attachment,))
        changed = msgspec.structs.replace(view, version=view.version + 1)
        changes = Changes(tenant=TENANT, conversations=(changed,), messages=(revised,))
        assert [None] == await shop.store.commit([changes])
        shop.clock.advance(40 * DAY)
        now = shop.clock.now()
        held = await shop.store.acquire_lease(PURGING, "backup", now=now, ttl=60_000)
        assert held is not None
        assert 1 == (await retention(shop).once() or {})["attachments"]
        assert 1 == len(await unused(shop))
        await shop.store.release_lease(held)
        await retention(shop).once()
        shop.clock.advance(7200)
        await retention(shop).once()
        assert [] == await unused(shop)


async def test_it_runs_by_itself_when_it_is_due(database: Path) -> None:
    """After a restart it is known when it ran last; it runs every hour, and not before."""
    async with workshop(database) as shop:
        await told(shop)
        keeping = retention(shop, RetentionSettings(conversation_days=20))
        await keeping.once()
        again = retention(shop, RetentionSettings(conversation_days=20))
        assert 3600 == round(await again._due())
        shop.clock.advance(30 * DAY)
        shop.run(again.run())

        async def gone() -> bool:
            return not await shop.conversations()

        await until(gone)
        await until(lambda: ran(shop))


async def unused(shop: Workshop) -> list[Any]:
    """Blobs that have to be looked at, now or later."""
    read = shop.store._read  # type: ignore[attr-defined]
    found: list[Any] = await read(
        sweeping.unused_blobs, now=shop.clock.now() + sweeping.REST_MS, limit=9
    )
    return found


async def ran(shop: Workshop) -> bool:
    """Whether a run has ended now."""
    row = await shop.store.get_state(OWNER, "run")
    return row is not None and msgspec.json.decode(row.value) == shop.clock.now()

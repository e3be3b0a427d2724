"""Retention: what has become old is removed in small steps, and it is noted how much and why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from gateway.config.connectors import TenantSettings
from gateway.config.retention import RetentionSettings, TenantRetention
from gateway.contracts.services import Clock, Log
from gateway.core.following import Place
from gateway.core.forgetting import Forgetter
from gateway.core.pace import Pace
from gateway.core.pipeline.work import Work
from gateway.core.purging import PURGING, TTL_MS
from gateway.domain.changes import Changes, StateWrite
from gateway.domain.ids import Ids, key_hash
from gateway.errors import StoreBroken, StoreError
from gateway.store.operations import Lease, Store
from gateway.store.walking import OWNER, Walk, What

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
PAUSE_SECONDS, LONGEST_PAUSE = 0.01, 1.0
SICK_SECONDS, IDLES = 60.0, 300
LEASE = "retention"
RUN, CLAIMED = "run", "claims"  # when it was done last; all claims are gone through once a day
CLAIMS, EVENTS = 2000, 500
# What goes first takes most of the rest along.
WHATS: tuple[tuple[What, str, int], ...] = (
    ("conversations", "conversation_days", 10), ("arrivals", "raw_days", 50),
    ("attachments", "attachment_days", 50), ("deliveries", "delivery_days", 100),
    ("decisions", "decision_days", 200),
)  # fmt: skip


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for some tenants.

    Args:
        tenant: who is named in the record of what was done.
        tenants: whose records; None for everybody's but those of `apart`.
    """

    tenant: str
    tenants: frozenset[str] | None
    apart: frozenset[str] = frozenset()
    kept: TenantRetention

    @property
    def name(self) -> str:
        """Name it so that a rule for other tenants is another one, and begins anew."""
        if self.tenants is not None:
            return ",".join(sorted(self.tenants))
        return f"*{key_hash(*sorted(self.apart)).hex()[:12]}" if self.apart else "*"

    def walks(self, now: int) -> dict[Walk, float]:
        """What is to be walked through, each with the days that count."""
        return {
            Walk(
                what=what, name=f"{what}/{self.name}", tenants=self.tenants, apart=self.apart,
                until=int(now - days * DAY_MS), limit=limit,
            ): days
            for what, setting, limit in WHATS
            if (days := getattr(self.kept, setting)) is not None
        }  # fmt: skip


def rules(kept: RetentionSettings, tenants: Mapping[str, TenantSettings]) -> list[Rule]:
    """Make the rules of a configuration: one for each tenant that has its own, one for the rest."""
    own = {name: one.retention for name, one in tenants.items() if one.retention is not None}
    others = sorted(set(tenants) - set(own)) or ["default"]
    return [
        *(
            Rule(tenant=name, tenants=frozenset({name}), kept=retention)
            for name, retention in own.items()
        ),
        Rule(tenant=others[0], tenants=None, apart=frozenset(own), kept=kept),
    ]


class Retention:
    """Removes what has become old; one process does it at a time.

    Args:
        owner: names this process.
        followers: the places of those who follow events; what one has not done yet is kept.
        idle: seconds, of which it looks every 300th whether it is due though it should not be yet.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        new_id: Ids,
        kept: RetentionSettings,
        tenants: Mapping[str, TenantSettings],
        forgetter: Forgetter,
        log: Log,
        owner: str,
        followers: Collection[Place] = (),
        on_committed: Callable[[Changes], None] = lambda _: None,
        idle: float = Pace().idle,
    ) -> None:
        self._store, self._clock, self._new_id = store, clock, new_id
        self._kept, self._rules = kept, rules(kept, tenants)
        self._forgetter, self._log, self._owner = forgetter, log, owner
        self._followers, self._on_committed = followers, on_committed
        self._longest = idle * IDLES
        self._wake, self._renew_at, self._rested = asyncio.Event(), 0, 0.0

    def wake(self) -> None:
        """Say that something is to be forgotten."""
        self._wake.set()

    async def run(self) -> None:
        """Do what is due until cancelled."""
        while True:
            self._wake.clear()
            try:
                due = await self._due()
                if due <= 0:
                    await self.once()
                    due = self._kept.every_hours * 3600
                pause = due
            except StoreBroken:
                raise
            except StoreError as error:
                self._log.warning("retention.store", error=str(error))
                pause = SICK_SECONDS
            try:
                async with asyncio.timeout(min(pause, self._longest)):
                    await self._wake.wait()
                await self._forgetter.ask()
            except TimeoutError:
                pass

    async def _due(self) -> float:
        last = await self._last(RUN)
        return (last + self._kept.every_hours * HOUR_MS - self._clock.now()) / 1000

    async def once(self) -> dict[str, int] | None:
        """Remove everything whose time is over; None if another process is at it.

        Returns:
            How many of what were removed.
        """
        lease = await self._acquire(LEASE)
        if lease is None:
            return None
        try:
            return await self._remove(lease)
        finally:
            await self._store.release_lease(lease)

    async def _remove(self, lease: Lease) -> dict[str, int]:
        now, self._rested = self._clock.now(), asyncio.get_running_loop().time()
        removed: dict[str, int] = {}
        for rule in self._rules:
            for walk in rule.walks(now):
                await self._walk(walk, lease)
            for what, many in (await self._note(rule, now)).items():
                removed[what] = removed.get(what, 0) + many
        removed |= {what: many for what, many in (await self._common(now, lease)).items() if many}
        await self._forgetter.ask()
        await self._sweep(lease)
        await self._note_last(RUN, now)
        return removed

    async def _last(self, what: str) -> int:
        row = await self._store.get_state(OWNER, what)
        return msgspec.json.decode(row.value, type=int) if row else 0

    async def _note_last(self, what: str, now: int) -> None:
        write = StateWrite(owner=OWNER, key=what, value=msgspec.json.encode(now))
        await self._store.commit([Changes(tenant="default", state=(write,))])

    async def _walk(self, walk: Walk, lease: Lease) -> None:
        after: int | None = 0
        while after is not None:
            after = (await self._store.keeper.walk_again(walk, after)).last
            await self._breathe(lease)
        while (await self._store.keeper.walk_on(walk)).last is not None:
            await self._breathe(lease)

    async def _common(self, now: int, lease: Lease) -> dict[str, int]:
        """Remove what belongs to no tenant."""
        removed = {"events": 0, "claims": 0}
        keeper = self._store.keeper
        if self._kept.event_days is not None:
            until = int(now - self._kept.event_days * DAY_MS)
            while many := await keeper.expire_events(until, told=await self._told(), limit=EVENTS):
                removed["events"] += many
                await self._breathe(lease)
        if self._kept.recognition_days is not None and await self._last(CLAIMED) < now - DAY_MS:
            until = int(now - self._kept.recognition_days * DAY_MS)
            after: bytes | None = b""
            while after is not None:
                many, after = await keeper.expire_claims(until, after=after, limit=CLAIMS)
                removed["claims"] += many
                await self._breathe(lease)
            await self._note_last(CLAIMED, now)
        if any(removed.values()):
            work = Work(tenant=self._rules[-1].tenant, now=now, new_id=self._new_id)
            _record(work, {what: many for what, many in removed.items() if many})
            await self._commit(work)
        return removed

    async def _told(self) -> list[int]:
        """The last event that each of those has done who follow events."""
        return [await place.read(self._store) or 0 for place in self._followers]

    async def _note(self, rule: Rule, now: int) -> dict[str, int]:
        """Note what a rule has removed since that was noted last, whatever came between."""
        work = Work(tenant=rule.tenant, now=now, new_id=self._new_id)
        removed: dict[str, int] = {}
        for walk in rule.walks(now):
            place, version = await self._store.keeper.place(walk.name)
            if place.removed:
                removed[walk.what] = place.removed
                told = msgspec.json.encode(msgspec.structs.replace(place, removed=0))
                work.state.append(
                    StateWrite(owner=OWNER, key=walk.name, value=told, expected=version)
                )
        if removed:
            _record(work, removed)
            await self._commit(work)
        return removed

    async def _sweep(self, lease: Lease) -> None:
        """Purge contents nothing refers to, unless a backup is being made that may need them."""
        purging = await self._acquire(PURGING)
        if purging is None:
            return
        try:
            while await self._store.keeper.sweep_blobs(now=self._clock.now(), limit=100):
                await self._breathe(lease)
        finally:
            await self._store.release_lease(purging)

    async def _commit(self, work: Work) -> None:
        changes = work.changes()
        [conflict] = await self._store.commit([changes])
        if conflict is None:
            self._on_committed(changes)

    async def _acquire(self, name: str) -> Lease | None:
        return await self._store.acquire_lease(name, self._owner, now=self._clock.now(), ttl=TTL_MS)

    async def _breathe(self, lease: Lease) -> None:
        """Leave as much time to what customers wait for as a step took, and keep the lease."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(min(max(PAUSE_SECONDS, loop.time() - self._rested), LONGEST_PAUSE))
        self._rested = loop.time()
        if self._clock.now() < self._renew_at:
            return
        kept = await self._acquire(lease.name)
        if kept is None or kept.token != lease.token:
            raise StoreError("another process took retention over")


def _record(work: Work, removed: Mapping[str, int]) -> None:
    words = ", ".join(f"{many} {what}" for what, many in removed.items())
    facts: dict[str, Any] = dict(removed)
    work.decide("retention", "removed", f"their time was over: {words}", **facts)
    work.tell("retention.removed", data=dict(removed))

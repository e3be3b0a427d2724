"""Following events: in the order of their commits, each until it is done with, from a durable place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from gateway.contracts.services import Log
from gateway.core.pace import Pace
from gateway.domain.changes import Changes, StateWrite
from gateway.domain.event import Event
from gateway.domain.partition import Fence
from gateway.errors import HookFailure, StoreBroken, StoreError, StoreUnavailable
from gateway.store.operations import Store

BATCH = 100
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0

Each = Callable[[Event, Fence | None], Awaitable[None]]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where in the state it stands which event a follower has done last."""

    owner: str
    key: str

    def at(self, event: int) -> StateWrite:
        """Say that an event is done."""
        return StateWrite(owner=self.owner, key=self.key, value=msgspec.json.encode(event))

    async def read(self, store: Store) -> int | None:
        """Read which event was the last; None if the follower has not begun."""
        row = await store.get_state(self.owner, self.key)
        return msgspec.json.decode(row.value, type=int) if row else None


class Follower:
    """Hands on one event after the other.

    Args:
        name: of the part that it is, among those that one process runs.
        each: gets an event, and the fence for what it commits. `HookFailure` and `StoreError` say
            that the event has to come again.
        idle: seconds between looks that nothing asked for.
    """

    def __init__(
        self,
        *,
        name: str,
        place: Place,
        each: Each,
        store: Store,
        log: Log,
        idle: float = Pace().idle,
    ) -> None:
        self.name, self.place = name, place
        self._each, self._store, self._log, self._idle = each, store, log, idle
        self._wake = asyncio.Event()
        self._done: int | None = None

    def wake(self) -> None:
        """Say that there are events."""
        self._wake.set()

    async def begin(self) -> None:
        """Begin with what happens from now on, unless it has begun before."""
        if await self.place.read(self._store) is None:
            first = self.place.at(await self._store.last_event() or 0)
            first = msgspec.structs.replace(first, expected=0)
            await self._store.commit([Changes(tenant="default", state=(first,))])

    async def run(self, fence: Fence | None = None) -> None:
        """Follow until cancelled."""
        self._done = None
        pause = FIRST_PAUSE
        while True:
            self._wake.clear()
            moved = failed = False
            try:
                moved, failed = await self._go_on(fence)
            except StoreBroken:
                raise
            except StoreError as error:
                self._done = None
                self._log.warning("events.store", follower=self.name, error=str(error))
            if moved:
                pause = FIRST_PAUSE
            if failed:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            elif not moved:
                await self._rest()

    async def _go_on(self, fence: Fence | None) -> tuple[bool, bool]:
        """Do what there is; whether there was anything, and whether it failed."""
        if self._done is None:
            self._done = await self.place.read(self._store) or 0
        before, failed = self._done, False
        for event in await self._store.events_after(before, limit=BATCH):
            try:
                await self._each(event, fence)
            except HookFailure:
                failed = True
                break
            self._done = event.id
        if self._done != before:
            await self._keep(self._done, fence)
        return self._done != before, failed

    async def _keep(self, event: int, fence: Fence | None) -> None:
        changes = Changes(tenant="default", state=(self.place.at(event),), fence=fence)
        [conflict] = await self._store.commit([changes])
        if conflict is not None:
            raise StoreUnavailable("another process follows the events now")

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._idle):
                await self._wake.wait()
        except TimeoutError:
            pass

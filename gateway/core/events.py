"""Events: told to each subscriber at least once, in order, from where it left off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from gateway.contracts.services import Log
from gateway.core.pace import Pace
from gateway.domain.changes import Changes, StateWrite
from gateway.domain.partition import Fence
from gateway.errors import HookFailure, StoreBroken, StoreError, StoreUnavailable
from gateway.hooks.calls import Hooks
from gateway.store.operations import Store

OWNER = "core/events"
BATCH = 100
LONGEST_PAUSE = 300.0


class EventFeed:
    """Tells one plugin of events; each has a durable cursor of its own."""

    def __init__(
        self, *, plugin: str, store: Store, hooks: Hooks, log: Log, idle: float = Pace().idle
    ) -> None:
        self.plugin = plugin
        self._store, self._hooks, self._log = store, hooks, log
        self._idle, self._wake = idle, asyncio.Event()

    def wake(self) -> None:
        """Say that there are events."""
        self._wake.set()

    async def run(self, fence: Fence | None = None) -> None:
        """Tell until cancelled."""
        row = await self._store.get_state(OWNER, self.plugin)
        cursor = msgspec.json.decode(row.value, type=int) if row else 0
        pause = 1.0
        while True:
            self._wake.clear()
            told, failed = await self._tell(cursor)
            if told != cursor:
                cursor, pause = told, 1.0
                await self._keep(cursor, fence)
            if failed:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            elif told == cursor:
                await self._rest()

    async def _tell(self, cursor: int) -> tuple[int, bool]:
        try:
            events = await self._store.events_after(cursor, limit=BATCH)
        except StoreBroken:
            raise
        except StoreError as error:
            self._log.warning("events.store", plugin=self.plugin, error=str(error))
            return cursor, True
        for event in events:
            try:
                await self._hooks.tell(self.plugin, event)
            except HookFailure:
                return cursor, True
            cursor = event.id
        return cursor, False

    async def _keep(self, cursor: int, fence: Fence | None) -> None:
        write = StateWrite(owner=OWNER, key=self.plugin, value=msgspec.json.encode(cursor))
        changes = Changes(tenant="default", state=(write,), fence=fence)
        [conflict] = await self._store.commit([changes])
        if conflict is not None:
            raise StoreUnavailable(f"another process tells {self.plugin} of events now")

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._idle):
                await self._wake.wait()
        except TimeoutError:
            pass


class Events:
    """The feeds of all subscribers."""

    def __init__(self, make: Callable[[str], EventFeed], plugins: tuple[str, ...]) -> None:
        self.feeds = [make(plugin) for plugin in plugins]

    def notice(self, changes: Changes) -> None:
        """Wake the feeds after a commit that tells of something."""
        if changes.events:
            for feed in self.feeds:
                feed.wake()

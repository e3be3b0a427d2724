"""Evaluating conversations when something happened to them.

The events are read like any subscriber's, from a durable place in their order. What a plugin wants
done is committed together with that place, so that it is done once; events that its own actions
caused are passed over, or it would go round in circles.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from gateway.contracts.services import Clock, Log
from gateway.core.actions import BY, apply
from gateway.core.pace import Pace
from gateway.core.pipeline.work import Work
from gateway.domain.changes import Changes, StateWrite
from gateway.domain.event import Event
from gateway.domain.partition import Fence
from gateway.errors import NotFound, StoreBroken, StoreError
from gateway.hooks.calls import Hooks
from gateway.store.operations import Store

OWNER, PLACE = "core/evaluating", "place"
BATCH, RACES = 100, 20


class Evaluations:
    """Asks `evaluate_conversation` about every event of a conversation, in order."""

    def __init__(
        self,
        *,
        store: Store,
        hooks: Hooks,
        clock: Clock,
        new_id: Callable[[], int],
        log: Log,
        on_committed: Callable[[Changes], None],
        idle: float = Pace().idle,
    ) -> None:
        self._store, self._hooks, self._clock = store, hooks, clock
        self._new_id, self._log, self._on_committed = new_id, log, on_committed
        self._idle, self._wake = idle, asyncio.Event()

    def notice(self, changes: Changes) -> None:
        """Look again after a commit that tells of something."""
        if changes.events:
            self.wake()

    def wake(self) -> None:
        """Look again."""
        self._wake.set()

    async def run(self, fence: Fence | None = None) -> None:
        """Evaluate until cancelled."""
        row = await self._store.get_state(OWNER, PLACE)
        place = msgspec.json.decode(row.value, type=int) if row else 0
        while True:
            self._wake.clear()
            try:
                events = await self._store.events_after(place, limit=BATCH)
                for event in events:
                    await self._evaluate(event, fence)
                    place = event.id
                if events:
                    at = Changes(tenant="default", state=(_at(place),), fence=fence)
                    await self._store.commit([at])
            except StoreBroken:
                raise
            except StoreError as error:
                self._log.warning("evaluating.store", error=str(error))
                events = []
            if not events:
                await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._idle):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _evaluate(self, event: Event, fence: Fence | None) -> None:
        for _ in range(RACES):
            work = Work(
                tenant=event.tenant, now=self._clock.now(), new_id=self._new_id, fence=fence
            )
            work.state.append(_at(event.id))
            try:
                if BY in event.data or not await self._ask(work, event):
                    return
            except StoreError:
                raise
            except Exception as error:
                # One that cannot be done must not keep the ones behind it from being looked at.
                self._log.error(
                    "evaluating.failed", number=event.id, error=repr(error), exc_info=error
                )
                return
            changes = work.changes()
            [conflict] = await self._store.commit([changes])
            if conflict is None:
                self._on_committed(changes)
                return
        self._log.warning("evaluating.races", conversation=event.conversation, number=event.id)

    async def _ask(self, work: Work, event: Event) -> bool:
        """Ask the plugins; False if nothing is to be done."""
        if event.conversation is None:
            return False
        try:
            view = await self._store.conversation(None, event.conversation)
        except NotFound:
            return False
        answered = await self._hooks.evaluate_conversation(view.conversation, event)
        if answered is None or not answered.value:
            return False
        plugin = f"{answered.plugin} {answered.version}"
        await apply(self._store, work, view, answered.value, plugin=plugin)
        return True


def _at(place: int) -> StateWrite:
    return StateWrite(owner=OWNER, key=PLACE, value=msgspec.json.encode(place))

"""Evaluating conversations when something happened to them.

What a plugin wants done is committed together with the place in the events, so that it is done once;
events that its own actions caused are passed over, or it would go round in circles.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.contracts.services import Clock, Log
from gateway.core.actions import BY, apply
from gateway.core.following import Place
from gateway.core.pipeline.work import Work
from gateway.domain.changes import Changes
from gateway.domain.event import Event
from gateway.domain.ids import Ids
from gateway.domain.partition import Fence
from gateway.errors import NotFound, StoreError
from gateway.hooks.calls import Hooks
from gateway.store.operations import Store

PLACE = Place(owner="core/evaluating", key="place")
RACES = 20


class Evaluations:
    """Asks `evaluate_conversation` about every event of a conversation, in order."""

    def __init__(
        self,
        *,
        store: Store,
        hooks: Hooks,
        clock: Clock,
        new_id: Ids,
        log: Log,
        on_committed: Callable[[Changes], None],
        targets: frozenset[str],
    ) -> None:
        self._store, self._hooks, self._clock = store, hooks, clock
        self._new_id, self._log, self._on_committed = new_id, log, on_committed
        self._targets = targets

    async def look(self, event: Event, fence: Fence | None) -> None:
        """Evaluate the conversation of an event."""
        for _ in range(RACES):
            work = Work(
                tenant=event.tenant, now=self._clock.now(), new_id=self._new_id, fence=fence
            )
            work.state.append(PLACE.at(event.id))
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
        await apply(self._store, work, view, answered.value, plugin=plugin, targets=self._targets)
        return True

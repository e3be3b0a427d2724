"""Timers: what comes due is done once, by whichever process is first to write so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.contracts.services import Clock, Log
from gateway.core.actions import apply
from gateway.core.pace import Pace
from gateway.core.partitions import ALONE, Partitions
from gateway.core.pipeline.work import Work
from gateway.domain.changes import Changes
from gateway.domain.ids import Ids
from gateway.domain.partition import Fence, of_conversation
from gateway.domain.timer import Timer
from gateway.errors import NotFound, StoreBroken, StoreError
from gateway.hooks.calls import Hooks
from gateway.store.operations import Store


class Timers:
    """Evaluates conversations whose timers ran out.

    Args:
        targets: where plugins may forward to, as ``backend/NAME``.
        idle: seconds after which to look though nothing happened.
    """

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
        idle: float = Pace().idle,
        partitions: Partitions = ALONE,
    ) -> None:
        self._store, self._hooks, self._clock = store, hooks, clock
        self._new_id, self._log, self._on_committed = new_id, log, on_committed
        self._idle, self._wake = idle, asyncio.Event()
        self._partitions, self._targets = partitions, targets
        partitions.on_change(self.wake)

    def notice(self, changes: Changes) -> None:
        """Look again after a commit that set timers."""
        if changes.timers:
            self.wake()

    def wake(self) -> None:
        """Look again."""
        self._wake.set()

    async def run(self) -> None:
        """Do what comes due until cancelled."""
        while True:
            self._wake.clear()
            try:
                share = self._partitions.share
                due = await self._store.due_timers(now=self._clock.now(), limit=50, share=share)
                for timer in due:
                    await self._ring(timer)
                moment = None if due else await self._store.next_moment(targets=(), share=share)
            except StoreBroken:
                raise
            except StoreError as error:
                self._log.warning("timers.store", error=str(error))
                due, moment = [], None
            if not due:
                await self._sleep(moment)

    async def _sleep(self, moment: int | None) -> None:
        pause = self._idle
        if moment is not None:
            pause = min(pause, max(0.001, (moment - self._clock.now()) / 1000))
        try:
            async with asyncio.timeout(pause):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _ring(self, timer: Timer) -> None:
        place = of_conversation(timer.conversation or 0)
        if self._partitions.ours(place):
            with self._partitions.under_way(place):
                await self._do(timer, self._partitions.tenure(place).fence)

    async def _do(self, timer: Timer, fence: Fence | None) -> None:
        work = self._sheet(timer, fence)
        if timer.conversation is not None:
            try:
                await self._evaluate(work, timer, timer.conversation)
            except StoreError:
                raise
            except Exception as error:
                # One that cannot be done must not keep the others from being done.
                self._log.error("timer.failed", timer=timer.name, error=repr(error), exc_info=error)
                work = self._sheet(timer, fence)
                work.decide(
                    "state", "timer failed", f"{timer.name}: {type(error).__name__}",
                    conversation=timer.conversation,
                )  # fmt: skip
        changes = work.changes()
        [conflict] = await self._store.commit([changes])
        if conflict is None:
            self._on_committed(changes)

    def _sheet(self, timer: Timer, fence: Fence | None) -> Work:
        work = Work(tenant=timer.tenant, now=self._clock.now(), new_id=self._new_id, fence=fence)
        work.timers_done.append(timer.id)
        return work

    async def _evaluate(self, work: Work, timer: Timer, conversation: int) -> None:
        try:
            view = await self._store.conversation(None, conversation)
        except NotFound:
            return
        answered = await self._hooks.evaluate_conversation(view.conversation, timer)
        if answered is not None:
            await apply(
                self._store, work, view, answered.value,
                plugin=f"{answered.plugin} {answered.version}", targets=self._targets,
            )  # fmt: skip

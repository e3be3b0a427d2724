"""Watching the store, the machine's clock, and whether there is every target that deliveries wait for."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from gateway.contracts.services import Clock
from gateway.core.health import HealthBoard
from gateway.core.pace import Pace
from gateway.domain.changes import Changes
from gateway.domain.health import Health
from gateway.errors import StoreBroken, StoreError
from gateway.store.operations import Store

SICK_SECONDS = 1.0
LOOK_SECONDS, APART_MS = 60.0, 60_000


async def watch_store(store: Store, board: HealthBoard, well: float = Pace().store) -> None:
    """Write something of no note now and then; a full disk is found free again that way."""
    while True:
        pause = well
        try:
            await store.ping()
        except StoreBroken:
            raise
        except StoreError as error:
            board.report("store", Health(state="down", code=error.code, reason=str(error)))
            pause = SICK_SECONDS
        else:
            board.report("store", Health())
        await asyncio.sleep(pause)


async def watch_clock(clock: Clock, wall: Clock, board: HealthBoard) -> None:
    """Tell when the gateway's time and the machine's are far apart, since the machine's was set."""
    while True:
        apart = wall.now() - clock.now()
        if abs(apart) > APART_MS:
            reason = (
                f"the machine's clock was set by {apart / 1000:+.0f} seconds; times of messages and "
                "schedules come to agree with it slowly, or at once when the gateway is restarted"
            )
            board.report("clock", Health(state="degraded", code="clock_set", reason=reason))
        else:
            board.report("clock", Health())
        await asyncio.sleep(LOOK_SECONDS)


class Missing:
    """Names targets that deliveries wait for, and that the configuration does not have.

    Args:
        targets: those that it has, whether they run or not.
        every: seconds between looks that nothing asked for.
    """

    def __init__(
        self,
        store: Store,
        board: HealthBoard,
        targets: frozenset[str],
        every: float = Pace().missing,
    ) -> None:
        self._store, self._board, self._targets = store, board, targets
        self._every = every
        self._named: frozenset[str] = frozenset()
        self._wake = asyncio.Event()

    def notice(self, changes: Changes) -> None:
        """Look again soon if a commit says something new of such a target."""
        new = {one.target for one in changes.deliveries} - self._targets - self._named
        if new or {one.target for one in changes.settled} & self._named:
            self._wake.set()

    async def run(self) -> None:
        """Look at the start, after news, and now and then: other processes commit as well."""
        while True:
            self._wake.clear()
            try:
                await self.look()
            except StoreBroken:
                raise
            except StoreError:
                pass  # `watch_store` tells of that
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._wake.wait()

    async def look(self) -> None:
        """Report what is missing, and what is not missing any more."""
        waiting = (await self._store.counts()).deliveries_waiting
        found = frozenset(waiting) - self._targets
        for target in found:
            reason = (
                f"deliveries wait for it ({waiting[target]}), but the configuration does not have it, "
                "or has it switched off; put it back, or discard them: "
                f"gateway deliveries list --state queued --target {target}"
            )
            self._board.report(
                f"outbox/{target}", Health(state="down", code="no_such_target", reason=reason)
            )
        for target in self._named - found:
            self._board.report(f"outbox/{target}", Health())
        self._named = found

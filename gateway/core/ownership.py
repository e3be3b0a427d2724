"""Who runs what: node numbers for ids, and one owner for what must not be run twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gateway.contracts.services import Clock, Log
from gateway.core.health import HealthBoard
from gateway.core.pace import Pace
from gateway.domain.health import Health
from gateway.errors import StoreBroken
from gateway.store.leasing import Node, renew_node
from gateway.store.operations import Lease, Store

STANDING_BY = "standing_by"


async def keep_node(
    store: Store,
    node: Node,
    clock: Clock,
    on_lost: Callable[[BaseException], None],
    pace: Pace | None = None,
) -> None:
    """Renew this process's node number; without it no id may be made any more."""
    pace = pace or Pace()
    while True:
        await asyncio.sleep(pace.renew)
        kept = await renew_node(store, node, clock.now(), pace.node_ttl)
        if kept is None:
            on_lost(StoreBroken("this process's node number was taken over; it must start anew"))
            return
        node = kept


class Ownership:
    """Runs something in at most one process: whoever holds the lease, the others stand by.

    Args:
        owner: names this process.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        owner: str,
        board: HealthBoard,
        log: Log,
        pace: Pace | None = None,
    ) -> None:
        self._store, self._clock, self._owner = store, clock, owner
        self._board, self._log, self._pace = board, log, pace or Pace()

    async def run(self, part: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run a part while its lease is ours; wait for the lease while it is another's."""
        while not await self._run_owned(part, work):
            pass

    async def _run_owned(self, part: str, work: Callable[[], Awaitable[None]]) -> bool:
        """Run it until it ends, or the lease is lost; whether it has ended."""
        lease = await self._acquire(part)
        before = self._board.parts.get(part)
        if before is not None and before.code == STANDING_BY:
            self._board.report(part, Health())
        task = asyncio.ensure_future(work())
        keeper = asyncio.ensure_future(self._keep(part, lease))
        try:
            done, _ = await asyncio.wait([task, keeper], return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
            return task in done
        finally:
            for one in (task, keeper):
                one.cancel()
            await asyncio.gather(task, keeper, return_exceptions=True)
            await self._store.release_lease(lease)

    async def _acquire(self, part: str) -> Lease:
        while True:
            lease = await self._store.acquire_lease(
                f"own/{part}", self._owner, now=self._clock.now(), ttl=self._pace.owner_ttl
            )
            if lease is not None:
                return lease
            self._board.report(
                part, Health(code=STANDING_BY, reason="another process runs it; this one waits")
            )
            await asyncio.sleep(self._pace.renew / 2)

    async def _keep(self, part: str, lease: Lease) -> None:
        while True:
            await asyncio.sleep(self._pace.renew)
            kept = await self._store.acquire_lease(
                lease.name, self._owner, now=self._clock.now(), ttl=self._pace.owner_ttl
            )
            if kept is None or kept.token != lease.token:
                self._log.warning("ownership.lost", part=part)
                return

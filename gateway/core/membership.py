"""Being one of several processes: staying alive, and dividing the work with the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.contracts.services import Clock, Log
from gateway.core.pace import Pace
from gateway.core.partitions import LeasedPartitions
from gateway.domain.ids import IdGenerator
from gateway.domain.partition import Process, Share, Standing
from gateway.errors import StoreBroken, StoreError
from gateway.store.operations import Store

DRAINING_SECONDS, BEAT_SECONDS = 0.05, 10.0


def _nobody() -> None:
    pass


class Membership:
    """Keeps this process among the living, and its share of the partitions up to date.

    A process that was taken for dead drops what it had in hand, joins anew under another number
    and takes what is free by then.

    Args:
        process: as `Store.join` gave it.
        new_id: makes ids under this process's node number.
    """

    def __init__(
        self, *, store: Store, process: Process, clock: Clock, log: Log, pace: Pace
    ) -> None:
        self._store, self.process, self._clock = store, process, clock
        self._log, self._pace = log, pace
        self.new_id = IdGenerator(process.node, clock.now)
        self._partitions: LeasedPartitions | None = None
        self._tell: Callable[[], None] = _nobody
        self._known: frozenset[int] = frozenset()
        self._leaving: set[int] = set()
        self._wake, self._gone = asyncio.Event(), False
        self._lapse: asyncio.TimerHandle | None = None

    @classmethod
    async def join(
        cls, store: Store, name: str, *, clock: Clock, log: Log, pace: Pace | None = None
    ) -> Membership:
        """Join those that live; beat from now on, or be taken for dead.

        Args:
            name: names this process and no other, not even its own predecessor.

        Raises:
            StoreError: the store does not answer, or has no more room.
        """
        pace = pace or Pace()
        process = await store.join(name, ttl=int(pace.lease * 1000))
        return cls(store=store, process=process, clock=clock, log=log, pace=pace)

    def take_part(self, partitions: LeasedPartitions, tell: Callable[[], None]) -> None:
        """Work as well, from the next beat on; a command leaves that to others.

        Args:
            tell: says to the other processes that there is something to take.
        """
        self._partitions, self._tell = partitions, tell
        self._wake.set()

    def wake(self) -> None:
        """Look at once: processes or partitions have come or gone."""
        self._wake.set()

    async def run(self) -> None:
        """Beat until cancelled."""
        while not self._gone:
            self._wake.clear()
            try:
                async with asyncio.timeout(max(self._pace.lease, BEAT_SECONDS)):
                    await self.beat()
                pause = self._pace.renew
            except StoreBroken:
                raise
            except (StoreError, TimeoutError) as error:
                self._log.warning("membership.store", error=str(error) or "it took too long")
                pause = min(1.0, self._pace.renew)
            if self._leaving:
                pause = min(pause, DRAINING_SECONDS)
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def leave(self) -> None:
        """Let the others have everything, for this process ends."""
        self._gone = True
        self._lose()
        await self._store.leave(self.process.id)
        self._tell()

    async def beat(self) -> None:
        """Beat once.

        Raises:
            StoreError: the store does not answer; the lease runs out by itself.
        """
        partitions = self._partitions
        began = asyncio.get_running_loop().time()
        ttl = int(self._pace.lease * 1000)
        in_time = await self._store.beat(self.process.id, ttl=ttl, works=partitions is not None)
        if in_time is None:
            self._log.warning("membership.lost", process=self.process.id)
            self._lose()
            self.process = await self._store.join(self.process.name, ttl=ttl)
            self.new_id.move(self.process.node)
            self._wake.set()
        elif partitions is not None:
            self._renew(partitions, began + self._pace.lease)
            standing = await self._store.divide(self.process.id, bury=in_time)
            await self._settle(partitions, standing)

    def _renew(self, partitions: LeasedPartitions, until: float) -> None:
        if self._lapse is not None:
            self._lapse.cancel()
        self._lapse = asyncio.get_running_loop().call_at(until, partitions.lapse)
        partitions.renew(self.process.id, until)

    def _lose(self) -> None:
        """Drop everything: what is under way is refused by its fence, and is the next owner's."""
        if self._lapse is not None:
            self._lapse.cancel()
            self._lapse = None
        self._known, self._leaving = frozenset(), set()
        if self._partitions is not None:
            self._partitions.lose()

    async def _settle(self, partitions: LeasedPartitions, standing: Standing) -> None:
        """Take up what is new, and give up what is too much once nothing of it is under way."""
        held = standing.partitions
        if gained := held - self._known:
            # What the one before had claimed must not be waited for.
            share = Share(process=self.process.id, partitions=gained)
            await self._store.recover_deliveries(now=self._clock.now(), share=share, but=None)
            self._log.info("partitions.gained", many=len(gained), of=standing.workers)
        self._known = held
        too_many = len(held) - standing.due
        # Those that are leaving already go on leaving; of the others the idlest go.
        order = sorted(held, key=lambda one: (one not in self._leaving, partitions.busy(one), one))
        self._leaving = set(order[: max(0, too_many)])
        partitions.settle(held - self._leaving)
        idle = {one for one in self._leaving if not partitions.busy(one)}
        if idle:
            await self._store.hand_over(self.process.id, idle)
            self._known -= idle
            self._leaving -= idle
            self._log.info("partitions.handed_over", many=len(idle), of=standing.workers)
            self._tell()

"""The high-water mark: a tenant for whom too much waits already takes in no more for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from gateway.contracts.services import Log
from gateway.core.health import HealthBoard
from gateway.core.pace import Pace
from gateway.domain.counts import Counts
from gateway.domain.health import Health
from gateway.errors import Overloaded, StoreBroken, StoreError
from gateway.store.operations import Store

PART = "intake"
LOW_WATER = 0.9  # closed until so much of the mark is left, or the door would flutter
COUNTING_SHARE = 20  # of large backlogs counting takes time: at most a twentieth of it


class HighWater:
    """Knows for which tenants more waits than may.

    Args:
        mark: arrivals of one tenant's customers that may wait; 0 for as many as come.
        idle: seconds after which to count again.
    """

    def __init__(
        self, *, store: Store, board: HealthBoard, log: Log, mark: int, idle: float = Pace().idle
    ) -> None:
        self._store, self._board, self._log, self._mark = store, board, log, mark
        self._idle = idle
        self._closed: frozenset[str] = frozenset()
        self._news = asyncio.Event()
        self._news.set()

    def notice(self, _partitions: Collection[int] = ()) -> None:
        """Count again, since arrivals were taken in."""
        self._news.set()

    def admit(self, tenant: str) -> None:
        """Let customers of a tenant in.

        Raises:
            Overloaded: too much waits for this tenant.
        """
        if tenant in self._closed:
            raise Overloaded(
                f"over {self._mark} messages wait to be worked on already; come back later"
            )

    async def run(self) -> None:
        """Count what waits until cancelled, whenever it may have become more, or less of too much."""
        now = asyncio.get_running_loop().time
        while self._mark:
            if not self._closed:
                await self._news.wait()
            self._news.clear()
            began = now()
            try:
                self.judge(await self._store.counts())
            except StoreBroken:
                raise
            except StoreError as error:
                self._log.warning("intake.counting", error=str(error))
            await asyncio.sleep(max(self._idle, (now() - began) * COUNTING_SHARE))

    def judge(self, counts: Counts) -> None:
        """Close and open by what waits."""
        self._closed = frozenset(
            tenant
            for tenant, waiting in counts.customers_waiting.items()
            if waiting > self._mark * (LOW_WATER if tenant in self._closed else 1)
        )
        if not self._closed:
            self._board.report(PART, Health())
            return
        self._board.report(
            PART,
            Health(
                state="degraded", code="high_water",
                reason=f"over {self._mark} messages of {', '.join(sorted(self._closed))} wait to be "
                "worked on (intake.high_water); senders are asked to come back later",
            ),
        )  # fmt: skip

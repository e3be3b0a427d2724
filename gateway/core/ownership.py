"""What must not be run twice: its one owner runs it, the others stand by."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gateway.contracts.services import Log
from gateway.core.health import HealthBoard
from gateway.core.partitions import Partitions, Tenure
from gateway.domain.health import Health
from gateway.domain.partition import Fence, of_part

STANDING_BY = "standing_by"


class Ownership:
    """Runs a part in at most one process: whoever has the partition its name falls into."""

    def __init__(self, *, partitions: Partitions, board: HealthBoard, log: Log) -> None:
        self._partitions, self._board, self._log = partitions, board, log

    async def run(self, part: str, work: Callable[[Fence | None], Awaitable[None]]) -> None:
        """Run a part while it is ours; wait for it while it is another's.

        Args:
            work: given the fence behind which it writes.
        """
        partition = of_part(part)
        while True:
            await self._ours(part, partition)
            with self._partitions.under_way(partition):
                if await self._run_owned(partition, part, work):
                    return

    async def _ours(self, part: str, partition: int) -> None:
        if self._partitions.ours(partition):
            return
        self._board.report(
            part, Health(code=STANDING_BY, reason="another process runs it; this one waits")
        )
        while not self._partitions.ours(partition):
            await self._partitions.changed()
        self._board.report(part, Health())

    async def _run_owned(
        self, partition: int, part: str, work: Callable[[Fence | None], Awaitable[None]]
    ) -> bool:
        """Run it until it ends, or is ours no longer; whether it has ended."""
        tenure = self._partitions.tenure(partition)
        self._log.info("ownership.gained", part=part)
        task = asyncio.ensure_future(work(tenure.fence))
        keeper = asyncio.ensure_future(self._keep(tenure))
        try:
            done, _ = await asyncio.wait([task, keeper], return_when=asyncio.FIRST_COMPLETED)
            if task in done:
                task.result()
                return True
            self._log.info("ownership.lost", part=part)
            return False
        finally:
            for one in (task, keeper):
                one.cancel()
            await asyncio.gather(task, keeper, return_exceptions=True)

    async def _keep(self, tenure: Tenure) -> None:
        while self._partitions.holds(tenure):
            await self._partitions.changed()

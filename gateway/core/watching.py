"""Watching the store: whether it takes writes, and told at once when it does not."""

from __future__ import annotations

import asyncio

from gateway.core.health import HealthBoard
from gateway.core.pace import Pace
from gateway.domain.health import Health
from gateway.errors import StoreBroken, StoreError
from gateway.store.operations import Store

SICK_SECONDS = 1.0


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


async def report_orphans(store: Store, board: HealthBoard, targets: frozenset[str]) -> None:
    """Name targets that deliveries wait for, and that the configuration no longer has."""
    counts = await store.counts()
    for target, number in counts.deliveries_waiting.items():
        if target not in targets:
            board.report(
                f"outbox/{target}",
                Health(
                    state="down", code="no_such_target",
                    reason=f"{number} deliveries wait for it, but the configuration does not have "
                    "it any more; put it back, or discard them",
                ),
            )  # fmt: skip

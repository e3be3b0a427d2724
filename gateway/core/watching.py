"""Watching the store, whether it takes writes, and the machine's clock, whether it was set."""

from __future__ import annotations

import asyncio

from gateway.contracts.services import Clock
from gateway.core.health import HealthBoard
from gateway.core.pace import Pace
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

"""Holding back the purge of contents that nothing refers to, while a backup may need them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from gateway.contracts.services import Clock
from gateway.errors import Refused
from gateway.store.operations import Lease, Store

PURGING, TTL_MS = "blobs/purging", 120_000
RENEW_SECONDS, TRIES, PAUSE_SECONDS = 30.0, 60, 1.0


@asynccontextmanager
async def nothing_purged(store: Store, clock: Clock, owner: str) -> AsyncGenerator[None]:
    """Keep every content on the disk around a block.

    Raises:
        Refused: contents are being purged, or another backup is made, for a minute now.
    """
    lease = await _acquire(store, clock, owner)
    keeper = asyncio.create_task(_keep(store, clock, lease))
    try:
        yield
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper
        await store.release_lease(lease)


async def _acquire(store: Store, clock: Clock, owner: str) -> Lease:
    for _ in range(TRIES):
        lease = await store.acquire_lease(PURGING, owner, now=clock.now(), ttl=TTL_MS)
        if lease is not None:
            return lease
        await asyncio.sleep(PAUSE_SECONDS)
    raise Refused("contents are being purged, or another backup is made; try again later")


async def _keep(store: Store, clock: Clock, lease: Lease) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        await store.acquire_lease(lease.name, lease.owner, now=clock.now(), ttl=TTL_MS)

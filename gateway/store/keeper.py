"""What keeping data only for so long asks of a store: walks, sweeps, and what is left to forget."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from gateway.domain.forgetting import Forgotten
from gateway.store import expiring, sweeping, walking
from gateway.store.blobs import BlobStore
from gateway.store.removing import list_forgotten
from gateway.store.walking import Place, Step, Walk

Run = Callable[..., Awaitable[Any]]


class Keeper:
    """Operations on what is stored, beside those of the daily work.

    Args:
        read: runs a function over a connection that only reads.
        write: runs a function in a transaction of its own.
    """

    def __init__(self, read: Run, write: Run, blobs: BlobStore) -> None:
        self._read, self._write, self._blobs = read, write, blobs

    async def walk_on(self, walk: Walk) -> Step:
        """Look at the next rows that have become old, and remove what nothing waits for."""
        step: Step = await self._write(walking.walk_on, walk)
        return step

    async def walk_again(self, walk: Walk, after: int) -> Step:
        """Look again at rows that were kept back, those with an id above `after`."""
        step: Step = await self._write(walking.walk_again, walk, after)
        return step

    async def place(self, name: str) -> tuple[Place, int]:
        """Read how far a walk has come, with the version of that."""
        place: tuple[Place, int] = await self._read(walking.read_place, name)
        return place

    async def expire_events(self, until: int, *, told: Sequence[int], limit: int) -> int:
        """Delete the oldest events, if everybody has been told of them; gives how many."""
        removed: int = await self._write(expiring.expire_events, until, told=told, limit=limit)
        return removed

    async def expire_claims(
        self, until: int, *, after: bytes, limit: int
    ) -> tuple[int, bytes | None]:
        """Delete old claims in the order of their keys; gives how many, and where to go on."""
        removed: tuple[int, bytes | None] = await self._write(
            expiring.expire_claims, until, after=after, limit=limit
        )
        return removed

    async def sweep_blobs(self, *, now: int, limit: int) -> int:
        """Retire blobs that nothing refers to, purge those retired an hour ago; gives how many were looked at."""
        found: list[sweeping.Unused] = await self._read(sweeping.unused_blobs, now=now, limit=limit)
        retired: list[str] = []
        settled: list[str] = []
        for one in found:
            if one.used and one.retired:
                await self._blobs.restore(one.blob)
            elif one.retired:
                await self._blobs.purge(one.blob)
            elif not one.used:
                await self._blobs.retire(one.blob)
            (retired if not one.used and not one.retired else settled).append(one.blob)
        if retired:
            await self._write(sweeping.note_retired, retired, now=now)
        if settled:
            await self._write(sweeping.note_settled, settled)
        return len(found)

    async def forgotten(self, *, after: str, limit: int) -> list[tuple[str, Forgotten]]:
        """Read what plugins have to be asked to forget, by key."""
        found: list[tuple[str, Forgotten]] = await self._read(
            list_forgotten, after=after, limit=limit
        )
        return found

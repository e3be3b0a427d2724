"""What keeping data only for so long asks of a store: walks, sweeps, and what is left to forget."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from gateway.domain.forgetting import Forgotten
from gateway.domain.message import Address
from gateway.store import erasing, expiring, people, sweeping, walking
from gateway.store.blobs import BlobStore
from gateway.store.erasing import Erased
from gateway.store.people import Person
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

    async def find_people(
        self,
        tenants: frozenset[str] | None,
        *,
        contact: int | None = None,
        address: Address | None = None,
    ) -> list[Person]:
        """Find a contact, or everybody who has an address."""
        found: list[Person] = await self._read(
            people.find_people, tenants, contact=contact, address=address
        )
        return found

    async def conversations_of(self, person: Person) -> list[int]:
        """Find the conversations that name a person, in order."""
        found: list[int] = await self._read(people.conversations_of, person)
        return found

    async def survey(self, person: Person, conversation: int) -> tuple[Erased, Forgotten]:
        """Count what one conversation holds of a person, and say what plugins would be asked."""
        found: tuple[Erased, Forgotten] = await self._read(erasing.survey, person, conversation)
        return found

    async def erase_from(self, person: Person, conversation: int, job: str) -> Erased:
        """Erase a person from one conversation; it is counted in the job that goes on after a crash.

        Raises:
            Refused: something of it is being sent at this very moment.
        """
        counted: Erased = await self._write(erasing.erase_from, person, conversation, job)
        return counted

    async def erase_quarantined(self, person: Person, *, dry: bool) -> int:
        """Bury what a person sent and what rests in quarantine; gives how many."""
        run = self._read if dry else self._write
        many: int = await run(people.erase_quarantined, person, dry=dry)
        return many

    async def erase_identities(self, person: Person) -> bool:
        """Delete a contact with its identities; False while one of them takes part in something."""
        erased: bool = await self._write(people.erase_identities, person)
        return erased

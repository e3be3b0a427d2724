"""A connector's own durable state, on the store's operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.contracts.services import Stored
from gateway.domain.changes import Changes, StateWrite
from gateway.store.operations import StateRow, Store


class StoredState:
    """Namespaced key-value state with compare-and-set.

    Args:
        owner: ``channel/NAME``, ``backend/NAME``, ``plugin/NAME`` or ``core``.
    """

    def __init__(self, store: Store, *, tenant: str, owner: str) -> None:
        self._store, self._tenant, self._owner = store, tenant, owner

    async def get(self, key: str) -> Stored:
        """Read one value; a missing key is ``Stored(value=None, version=0)``."""
        row = await self._store.get_state(self._owner, key)
        return Stored(value=None, version=0) if row is None else _stored(row)

    async def put(self, key: str, value: Any, *, expected: int | None = None) -> bool:
        """Write one value; False if `expected` is no longer the version."""
        return await self.put_all([(key, value, expected)])

    async def put_all(self, writes: Sequence[tuple[str, Any, int | None]]) -> bool:
        """Write (key, value, expected version) triples at once; False if any version moved."""
        state = tuple(
            StateWrite(
                owner=self._owner, key=key, value=msgspec.json.encode(value), expected=expected
            )
            for key, value, expected in writes
        )
        [conflict] = await self._store.commit([Changes(tenant=self._tenant, state=state)])
        return conflict is None

    async def delete(self, key: str) -> None:
        """Delete one key."""
        write = StateWrite(owner=self._owner, key=key, value=None)
        await self._store.commit([Changes(tenant=self._tenant, state=(write,))])

    async def list(
        self, prefix: str, *, after: str = "", limit: int = 100
    ) -> list[tuple[str, Stored]]:
        """Read keys that begin with a prefix, in order, after a given key; at most 1,000."""
        rows = await self._store.list_state(
            self._owner, prefix=prefix, after=after, limit=min(limit, 1000)
        )
        return [(row.key, _stored(row)) for row in rows]


def _stored(row: StateRow) -> Stored:
    return Stored(value=msgspec.json.decode(row.value), version=row.version)

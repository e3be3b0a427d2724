"""A machine for probing while the store cannot be used: nothing of it is read or written."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gateway.config.settings import Settings
from gateway.core.machine import Machine
from gateway.domain.changes import Changes, Conflict
from gateway.errors import StoreBroken, StoreError, StoreUnavailable
from gateway.store.base import Bounds
from gateway.store.blobs import BlobStore
from gateway.store.operations import StateRow, Store
from gateway.store.sqlite import SqliteStore


class Storeless(Machine):
    """A machine whose store is an empty one in a folder that is thrown away.

    What a connector keeps there it does not get to see: with an empty state it might, say, use up a
    token that was replaced long ago. Its probe then tells of the store.

    Args:
        folder: takes the empty store.
        fault: why the real one cannot be used.
    """

    def __init__(self, settings: Settings, data: Path, *, folder: Path, fault: StoreError) -> None:
        super().__init__(settings, data)
        self._folder, self._fault = folder, fault

    def reply_keys(self) -> list[bytes]:
        """A key that nothing is signed with."""
        return [secrets.token_hex(32).encode()]

    def instance(self) -> str:
        """A name that nobody reads."""
        return secrets.token_hex(8)

    async def open_store(
        self, blobs: BlobStore, *, on_broken: Callable[[StoreBroken], None] | None, **_asked: bool
    ) -> Store:
        """Open the empty store; it is made, whatever is asked."""
        store = _Stateless(
            self._folder / "empty.db", blobs=blobs, clock=self.clock, bounds=Bounds(),
            create=True, on_broken=on_broken,
        )  # fmt: skip
        store.fault = self._fault
        await store.open()
        return store


class _Stateless(SqliteStore):
    fault: StoreError

    async def get_state(self, owner: str, key: str) -> StateRow | None:  # noqa: ARG002
        """Refuse what would be an answer out of an empty store."""
        raise StoreUnavailable(str(self.fault))

    async def list_state(self, owner: str, **_page: Any) -> list[StateRow]:  # noqa: ARG002
        """Refuse what would be an answer out of an empty store."""
        raise StoreUnavailable(str(self.fault))

    async def commit(self, changes: Sequence[Changes]) -> list[Conflict | None]:
        """Refuse what would be thrown away."""
        if changes:
            raise StoreUnavailable(str(self.fault))
        return []

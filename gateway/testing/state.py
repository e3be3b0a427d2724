"""A connector's durable state, in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.contracts.services import Stored

MOST = 1000


class MemoryState:
    """State with compare-and-set; values pass through JSON, as they do in a database.

    Every call lets others run first, so that races show. Set `fails` to an error to have it raised
    by every later call, or `loses` to have it raised once, after the next write was done: its
    answer got lost.
    """

    def __init__(self) -> None:
        self.rows: dict[str, tuple[bytes, int]] = {}
        self.calls: list[str] = []
        self.fails: Exception | None = None
        self.loses: Exception | None = None

    async def get(self, key: str) -> Stored:
        """Read one value; a missing key is ``Stored(value=None, version=0)``."""
        await self._called("get")
        return self._stored(key)

    async def put(self, key: str, value: Any, *, expected: int | None = None) -> bool:
        """Write one value; False if `expected` is no longer the version."""
        await self._called("put")
        return self._wrote([(key, value, expected)])

    async def put_all(self, writes: Sequence[tuple[str, Any, int | None]]) -> bool:
        """Write (key, value, expected version) triples at once; False if any version moved."""
        await self._called("put_all")
        return self._wrote(writes)

    async def delete(self, key: str) -> None:
        """Delete one key."""
        await self._called("delete")
        self.rows.pop(key, None)

    async def list(
        self, prefix: str, *, after: str = "", limit: int = 100
    ) -> list[tuple[str, Stored]]:
        """Read keys that begin with a prefix, in order, after a given key; at most 1,000."""
        await self._called("list")
        keys = sorted(key for key in self.rows if key.startswith(prefix) and key > after)
        return [(key, self._stored(key)) for key in keys[: min(limit, MOST)]]

    def write(self, writes: Sequence[tuple[str, Any, int | None]]) -> bool:
        """Write at once, as part of somebody else's commit."""
        versions = {key: self.rows.get(key, (b"", 0))[1] for key, _, _ in writes}
        written = dict(self.rows)
        for key, value, expected in writes:
            if expected is not None and versions[key] != expected:
                return False
            versions[key] += 1
            written[key] = (msgspec.json.encode(value), versions[key])
        self.rows = written
        return True

    def _stored(self, key: str) -> Stored:
        content, version = self.rows.get(key, (b"null", 0))
        return Stored(value=msgspec.json.decode(content), version=version)

    async def _called(self, name: str) -> None:
        self.calls.append(name)
        await asyncio.sleep(0)  # others come in between, as with a database
        if self.fails is not None:
            raise self.fails

    def _wrote(self, writes: Sequence[tuple[str, Any, int | None]]) -> bool:
        done = self.write(writes)
        if self.loses is not None:
            lost, self.loses = self.loses, None
            raise lost
        return done

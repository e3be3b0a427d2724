"""The book of what was handed over: written before each request, so that nothing goes out twice.

One entry a delivery says which of its parts the provider took and which one is being handed over. An id
belongs to one delivery, by compare-and-set: two replies with the same words do not take one message for both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from gateway import Clock, State, Stored, Unreachable

OUT, TAKEN, CALLED = "out/", "taken/", "called/"
KEPT_MS = 7 * 86_400_000
PAGE = 500


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one delivery.

    Args:
        digest: hash of its text; what was begun is not gone on with in other words.
        ids: the provider's id of each part, empty for one that is not known to be taken.
        posting: the part that is being handed over, counted from 1; 0 for none.
        posted_at: since when, in milliseconds since the Unix epoch.
    """

    digest: str
    ids: tuple[str, ...]
    posting: int = 0
    posted_at: int = 0
    at: int = 0
    version: int = 0

    @property
    def begun(self) -> bool:
        """Whether any of it may be with the provider."""
        return bool(self.posting) or any(self.ids)

    @property
    def complete(self) -> bool:
        """Whether the provider took every part."""
        return all(self.ids)


class Book:
    """Reads and writes entries.

    Args:
        state: the channel's own.
    """

    def __init__(self, state: State, clock: Clock) -> None:
        self._state, self._clock = state, clock

    async def entry(self, delivery: str) -> Entry | None:
        """Read a delivery's entry."""
        return _entry(await self._state.get(OUT + delivery))

    async def open(self, delivery: str, texts: Sequence[str]) -> Entry:
        """Read a delivery's entry, or make one that is not written yet."""
        found = await self.entry(delivery)
        if found is not None and (found.begun or found.digest == digest_of(texts)):
            return found
        version = 0 if found is None else found.version
        return Entry(
            digest=digest_of(texts), ids=("",) * len(texts), at=self._clock.now(), version=version
        )

    async def post(self, delivery: str, entry: Entry, part: int) -> Entry:
        """Note that a part is being handed over; only then may it be.

        Raises:
            Unreachable: somebody else hands it over.
        """
        noted = msgspec.structs.replace(entry, posting=part, posted_at=self._clock.now())
        return await self._write(delivery, noted)

    async def unpost(self, delivery: str, entry: Entry) -> Entry:
        """Note that the part was certainly not taken."""
        return await self._write(delivery, msgspec.structs.replace(entry, posting=0))

    async def take(self, delivery: str, entry: Entry, part: int, identifier: str) -> Entry | None:
        """Note a part's id; None if that id is another delivery's."""
        ids = (*entry.ids[: part - 1], identifier, *entry.ids[part:])
        noted = msgspec.structs.replace(entry, ids=ids, posting=0)
        claim = (TAKEN + identifier, {"delivery": delivery, "at": self._clock.now()}, 0)
        mine = (OUT + delivery, _plain(noted), entry.version)
        if await self._state.put_all([mine, claim]):
            return msgspec.structs.replace(noted, version=entry.version + 1)
        holder = (await self._state.get(TAKEN + identifier)).value
        if isinstance(holder, dict) and holder.get("delivery") == delivery:
            return await self._write(delivery, noted)
        if holder is not None:
            return None
        raise _elsewhere(delivery)

    async def _write(self, delivery: str, entry: Entry) -> Entry:
        if await self._state.put(OUT + delivery, _plain(entry), expected=entry.version):
            return msgspec.structs.replace(entry, version=entry.version + 1)
        raise _elsewhere(delivery)

    async def called(self, delivery: str, part: int) -> str:
        """Give the id under which the provider itself spoke of a part, empty if it did not."""
        value = (await self._state.get(f"{CALLED}{delivery}/{part}")).value
        return str(value.get("id", "")) if isinstance(value, dict) else ""

    async def call(self, delivery: str, part: int, identifier: str) -> list[tuple[str, Any]]:
        """Say what to write when the provider speaks of a part whose id is not known yet."""
        entry = await self.entry(delivery)
        if entry is None or not 1 <= part <= len(entry.ids) or entry.ids[part - 1]:
            return []
        key = f"{CALLED}{delivery}/{part}"
        return [(key, {"id": identifier, "at": self._clock.now()})]

    async def sweep(self) -> int:
        """Delete what is too old to be asked for; how much that was."""
        oldest, swept = self._clock.now() - KEPT_MS, 0
        for prefix in (OUT, TAKEN, CALLED):
            after = ""
            while rows := await self._state.list(prefix, after=after, limit=PAGE):
                for key, stored in rows:
                    if isinstance(stored.value, dict) and stored.value.get("at", 0) < oldest:
                        await self._state.delete(key)
                        swept += 1
                after = rows[-1][0]
        return swept


def digest_of(texts: Sequence[str]) -> str:
    """Hash the parts of a text."""
    digest = hashlib.blake2b(digest_size=16)
    for text in texts:
        digest.update(f"{len(text)} ".encode() + text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _entry(stored: Stored) -> Entry | None:
    if not isinstance(stored.value, dict):
        return None
    return msgspec.structs.replace(msgspec.convert(stored.value, Entry), version=stored.version)


def _plain(entry: Entry) -> dict[str, Any]:
    return {
        "digest": entry.digest, "ids": list(entry.ids), "posting": entry.posting,
        "posted_at": entry.posted_at, "at": entry.at,
    }  # fmt: skip


def _elsewhere(delivery: str) -> Unreachable:
    return Unreachable(f"{delivery} is being sent by another process", code="sent_elsewhere")

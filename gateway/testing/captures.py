"""Services that keep what they are given, for a test to look at."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

from gateway.contracts.continuation import Matter
from gateway.domain.arrival import NewArrival
from gateway.domain.contact import Proof
from gateway.domain.message import Address, Attachment
from gateway.errors import NotFound
from gateway.testing.state import MemoryState


class MemoryMatters:
    """Customers' matters, as a test sets them.

    Set `open_` to what an address would be told if it were proven.
    """

    def __init__(self) -> None:
        self.open_: dict[Address, tuple[Matter, ...]] = {}
        self.known: dict[int, Matter] = {}
        self.asked: list[tuple[Address, Proof]] = []

    async def open_for(self, address: Address, *, least: Proof = "proven") -> tuple[Matter, ...]:
        """The matters that were set for an address; remembers how much proof was asked for."""
        self.asked.append((address, least))
        return self.open_.get(address, ())

    async def get(self, conversation: int) -> Matter | None:
        """The matter that was set."""
        return self.known.get(conversation)


class CapturingIntake:
    """An intake that keeps what it accepts, and writes the state that comes with it.

    Set `fails` to an error to have it raised instead of accepting anything.
    """

    def __init__(self, state: MemoryState) -> None:
        self._state = state
        self.accepted: list[NewArrival] = []
        self.fails: Exception | None = None

    async def accept(
        self, arrivals: Sequence[NewArrival], *, state: Sequence[tuple[str, Any]] = ()
    ) -> list[int]:
        """Keep arrivals in `accepted`; their ids are 1, 2, 3 …"""
        await asyncio.sleep(0)
        if self.fails is not None:
            raise self.fails
        first = len(self.accepted) + 1
        self.accepted.extend(arrivals)
        self._state.write([(key, value, None) for key, value in state])
        return list(range(first, first + len(arrivals)))


class CapturingLog:
    """A log that keeps its lines as (level, event, facts)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def info(self, event: str, **facts: Any) -> None:
        """Keep what happened."""
        self.lines.append(("info", event, facts))

    def warning(self, event: str, **facts: Any) -> None:
        """Keep what an operator should look at."""
        self.lines.append(("warning", event, facts))

    def error(self, event: str, **facts: Any) -> None:
        """Keep what failed."""
        self.lines.append(("error", event, facts))


class MemoryBlobs:
    """Attachment contents, by their hash."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def add(
        self, data: bytes, *, name: str = "file", media_type: str = "application/octet-stream"
    ) -> Attachment:
        """Keep bytes and describe them as an attachment."""
        digest = hashlib.sha256(data).hexdigest()
        self.contents[digest] = data
        return Attachment(
            name=name, media_type=media_type, size=len(data), sha256=digest, blob=digest
        )

    async def read(self, attachment: Attachment) -> bytes:
        """Read an attachment's bytes.

        Raises:
            NotFound: if nobody added them.
        """
        if attachment.sha256 not in self.contents:
            raise NotFound(f"{attachment.name} is gone")
        return self.contents[attachment.sha256]

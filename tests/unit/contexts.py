"""A connector's surroundings, in memory: what a test gives it and can look at afterwards."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp
import msgspec

from gateway import (
    Arrival,
    Attachment,
    Context,
    Health,
    NewArrival,
    NotFound,
    Stored,
)

S = TypeVar("S", bound=msgspec.Struct)


class FakeClock:
    """A clock that moves only when told to."""

    def __init__(self, now: int = 1_780_000_000_000) -> None:
        self.moment = now

    def now(self) -> int:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += round(seconds * 1000)


class MemoryState:
    """A connector's state with compare-and-set; values pass through JSON, as in a database.

    Every call lets others run first, so that races show.

    Set `fails` to an error to have it raised by every later call.
    """

    def __init__(self) -> None:
        self.rows: dict[str, tuple[str, int]] = {}
        self.calls: list[str] = []
        self.fails: Exception | None = None

    async def get(self, key: str) -> Stored:
        await self._called("get")
        text, version = self.rows.get(key, ("null", 0))
        return Stored(value=json.loads(text), version=version)

    async def put(self, key: str, value: Any, *, expected: int | None = None) -> bool:
        await self._called("put")
        return self._write([(key, value, expected)])

    async def put_all(self, writes: Sequence[tuple[str, Any, int | None]]) -> bool:
        await self._called("put_all")
        return self._write(writes)

    async def delete(self, key: str) -> None:
        await self._called("delete")
        self.rows.pop(key, None)

    async def list(
        self, prefix: str, *, after: str = "", limit: int = 100
    ) -> list[tuple[str, Stored]]:
        await self._called("list")
        assert 1 <= limit <= 1000
        keys = sorted(key for key in self.rows if key.startswith(prefix) and key > after)
        return [
            (key, Stored(value=json.loads(self.rows[key][0]), version=self.rows[key][1]))
            for key in keys[:limit]
        ]

    async def _called(self, name: str) -> None:
        self.calls.append(name)
        await asyncio.sleep(0)  # others come in between, as with a database
        if self.fails:
            raise self.fails

    def _write(self, writes: Sequence[tuple[str, Any, int | None]]) -> bool:
        for key, _, expected in writes:
            if expected is not None and self.rows.get(key, ("", 0))[1] != expected:
                return False
        for key, value, _ in writes:
            self.rows[key] = (json.dumps(value), self.rows.get(key, ("", 0))[1] + 1)
        return True


class ListIntake:
    """An intake that keeps what it accepts, and writes the state that comes with it.

    Set `fails` to an error to have it raised instead.
    """

    def __init__(self, state: MemoryState) -> None:
        self._state = state
        self.accepted: list[NewArrival] = []
        self.fails: Exception | None = None

    async def accept(
        self, arrivals: Sequence[NewArrival], *, state: Sequence[tuple[str, Any]] = ()
    ) -> list[int]:
        await asyncio.sleep(0)
        if self.fails:
            raise self.fails
        first = len(self.accepted) + 1
        self.accepted.extend(arrivals)
        self._state._write([(key, value, None) for key, value in state])
        return list(range(first, first + len(arrivals)))


class PlainTokens:
    """Reply tokens that are readable and prove nothing."""

    def make(self, tenant: str, conversation: int) -> str:
        return f"{tenant}{conversation}".ljust(40, "a")

    def make_short(self, tenant: str, conversation: int) -> str:
        return f"{tenant}{conversation}"


class MemoryBlobs:
    """Attachment contents, by their hash."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    async def read(self, attachment: Attachment) -> bytes:
        if attachment.sha256 not in self.contents:
            raise NotFound(f"{attachment.name} is gone")
        return self.contents[attachment.sha256]


class PlainHttp:
    """Outgoing HTTP without an egress guard, since tests talk to loopback servers."""

    def __init__(self) -> None:
        self.opened = 0
        self.in_use = asyncio.Event()

    @asynccontextmanager
    async def session(
        self, *, trusted: bool = False, **options: Any
    ) -> AsyncIterator[aiohttp.ClientSession]:
        self.opened += 1
        async with aiohttp.ClientSession(**options) as session:
            self.in_use.set()
            yield session


class ListLog:
    """A log that keeps its lines as (level, event, facts)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def info(self, event: str, **facts: Any) -> None:
        self.lines.append(("info", event, facts))

    def warning(self, event: str, **facts: Any) -> None:
        self.lines.append(("warning", event, facts))

    def error(self, event: str, **facts: Any) -> None:
        self.lines.append(("error", event, facts))


@dataclass
class Surroundings:
    """A context and everything in it, as what it is."""

    clock: FakeClock = field(default_factory=FakeClock)
    state: MemoryState = field(default_factory=MemoryState)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    http: PlainHttp = field(default_factory=PlainHttp)
    log: ListLog = field(default_factory=ListLog)
    reports: list[Health] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.intake = ListIntake(self.state)

    def report(self, health: Health) -> None:
        self.reports.append(health)

    def context(self, settings: S, *, name: str = "here", **more: Any) -> Context[S]:
        """Make a context over these surroundings; several may share them, as processes would."""
        return Context(
            name=name,
            tenant="default",
            settings=settings,
            clock=self.clock,
            state=self.state,
            tokens=PlainTokens(),
            blobs=self.blobs,
            http=self.http,
            log=self.log,
            report=self.report,
            **more,
        )


def make_context(settings: S, *, name: str = "here", **more: Any) -> Context[S]:
    """Make a context that a test does not want to look into."""
    return Surroundings().context(settings, name=name, **more)


def as_stored(new: NewArrival, *, source: str = "here", identifier: int = 1) -> Arrival:
    """Make the arrival that the store would give back for one that was accepted."""
    return Arrival(
        id=identifier,
        tenant="default",
        source=source,
        source_kind="backend",
        kind=new.kind,
        key=new.key,
        lane=new.lane,
        received_at=1_780_000_000_000,
        headers=new.headers,
        content_type=new.content_type,
        body=new.body,
        remote=new.remote,
    )

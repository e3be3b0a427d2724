"""What the core gives a connector: its services, by constructor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import msgspec

from gateway.contracts.continuation import Codes, Matters
from gateway.domain.arrival import NewArrival
from gateway.domain.health import Health
from gateway.domain.message import Attachment

if TYPE_CHECKING:
    import aiohttp  # a quarter of a second to import, which no command needs

S = TypeVar("S", bound=msgspec.Struct)


class Clock(Protocol):
    """The time of day; timeouts use the event loop's own monotonic clock."""

    def now(self) -> int:
        """Milliseconds since the Unix epoch."""
        ...


class Intake(Protocol):
    """The way in. When `accept` returns, the arrivals are on disk and may be acknowledged."""

    async def accept(
        self, arrivals: Sequence[NewArrival], *, state: Sequence[tuple[str, Any]] = ()
    ) -> list[int]:
        """Store arrivals durably, together with the connector's own cursor.

        Args:
            arrivals: in the order they should be processed; may be empty to move a cursor only.
            state: (key, value) pairs of the connector's state, committed with the arrivals.

        Raises:
            Overloaded: ask the sender to come back later.
            StoreUnavailable: nothing was stored; do not acknowledge.
        """
        ...


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A value of a connector's state with the version for a compare-and-set; 0: not there."""

    value: Any
    version: int


class State(Protocol):
    """A connector's own durable key-value state; values are anything JSON can hold."""

    async def get(self, key: str) -> Stored:
        """Read one value; a missing key is ``Stored(value=None, version=0)``."""
        ...

    async def put(self, key: str, value: Any, *, expected: int | None = None) -> bool:
        """Write one value; False if `expected` is no longer the version."""
        ...

    async def put_all(self, writes: Sequence[tuple[str, Any, int | None]]) -> bool:
        """Write (key, value, expected version) triples at once; False if any version moved."""
        ...

    async def delete(self, key: str) -> None:
        """Delete one key."""
        ...

    async def list(
        self, prefix: str, *, after: str = "", limit: int = 100
    ) -> list[tuple[str, Stored]]:
        """Read keys that begin with a prefix, in order, after a given key; at most 1,000."""
        ...


class Tokens(Protocol):
    """Reply tokens: opaque ``[a-z2-7]+`` strings signed for a conversation."""

    def make(self, tenant: str, conversation: int) -> str:
        """Make a token with a 128-bit MAC (40 characters)."""
        ...

    def make_short(self, tenant: str, conversation: int) -> str:
        """Make a token with a 40-bit MAC for Message-IDs; it joins only with a known sender."""
        ...


class Blobs(Protocol):
    """Attachment contents."""

    async def read(self, attachment: Attachment) -> bytes:
        """Read an attachment's bytes.

        Raises:
            NotFound: if they are not there any more, or never were.
        """
        ...


class Http(Protocol):
    """Outgoing HTTP that cannot be turned against this machine's own network."""

    def session(
        self, *, trusted: bool = False, ssl: Any = True, **options: Any
    ) -> AbstractAsyncContextManager[aiohttp.ClientSession]:
        """Open a client session; every connection's final address passes the egress guard.

        Args:
            trusted: the addresses come from the operator's configuration, so that they may lie in
                a private network; never for an address that came with a message.
            ssl: as for `aiohttp.TCPConnector`.
            options: as for `aiohttp.ClientSession`.
        """
        ...


class Log(Protocol):
    """A structured log; never give it secrets or bodies."""

    def info(self, event: str, **facts: Any) -> Any:
        """Log what happened."""
        ...

    def warning(self, event: str, **facts: Any) -> Any:
        """Log what an operator should look at."""
        ...

    def error(self, event: str, **facts: Any) -> Any:
        """Log what failed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Context(Generic[S]):
    """Everything a connector instance gets.

    Args:
        name: the instance's name in the config.
        tenant: whose it is.
        codes: continuation codes, to go on by another channel.
        matters: what may be told a customer of their own matters.
        settings: the plugin's own settings type, validated.
        instance_id: of this gateway installation; for loop headers.
        own_addresses: gives every address any channel of this gateway answers to, lower case.
        public_url: the configured public URL, without a slash at the end.
        shared: other processes may run the same instance: what listens shares its address
            (``SO_REUSEPORT``).
    """

    name: str
    tenant: str
    settings: S
    clock: Clock
    state: State
    tokens: Tokens
    codes: Codes
    matters: Matters
    blobs: Blobs
    http: Http
    log: Log
    report: HealthReport
    public_url: str = ""
    instance_id: str = ""
    shared: bool = False
    own_addresses: Callable[[], frozenset[str]] = frozenset


class HealthReport(Protocol):
    """How a connector tells how it is while it runs."""

    def __call__(self, health: Health, /) -> None:
        """Report; shown in /readyz, the console and the log when it changes."""
        ...

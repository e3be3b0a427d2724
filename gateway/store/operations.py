"""The operations every store has; no query text exists outside this package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from gateway.domain.arrival import Arrival, ArrivalState, Quarantined
from gateway.domain.changes import Changes, Conflict, StateWrite
from gateway.domain.contact import Contact, Identity
from gateway.domain.conversation import Conversation, Link, Participant, Thread, Ticket
from gateway.domain.decision import Decision
from gateway.domain.delivery import Delivery, DeliveryState
from gateway.domain.event import Event
from gateway.domain.known import Known, Question
from gateway.domain.message import Message
from gateway.domain.timer import Timer

if TYPE_CHECKING:
    from gateway.store.keeper import Keeper


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a listing: newest first, ids below `before`, at most `limit` (1 to 500)."""

    before: int | None = None
    limit: int = 50


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """A named lease; `token` grows with every owner and fences off the ones before."""

    name: str
    owner: str
    token: int
    expires_at: int


class QuarantinedArrival(msgspec.Struct, frozen=True, kw_only=True):
    """An arrival in quarantine with its reason."""

    arrival: Arrival
    reason: Quarantined


class StateRow(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a plugin's state."""

    key: str
    value: bytes
    version: int


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What waits and how long, for metrics and readiness.

    Args:
        oldest_arrival, oldest_delivery: when the oldest waiting one came in, or None.
    """

    arrivals_waiting: int = 0
    arrivals_quarantined: int = 0
    deliveries_waiting: dict[str, int] = {}
    deliveries_dead: dict[str, int] = {}
    deliveries_unknown: dict[str, int] = {}
    oldest_arrival: int | None = None
    oldest_delivery: int | None = None


class ConversationFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which conversations to list; empty fields do not narrow."""

    state: str = ""
    tier: str = ""
    channel: str = ""
    identity: str = ""
    text: str = ""


Tenants = frozenset[str] | None


class DeliveryFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which deliveries to list; empty fields do not narrow."""

    states: tuple[DeliveryState, ...] = ()
    target: str = ""
    conversation: int | None = None
    message: int | None = None


class ConversationView(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation with everything around it."""

    conversation: Conversation
    contact: Contact | None = None
    participants: tuple[Participant, ...] = ()
    identities: tuple[Identity, ...] = ()
    threads: tuple[Thread, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    links: tuple[Link, ...] = ()


class StoredArrival(msgspec.Struct, frozen=True, kw_only=True):
    """An arrival with what became of it.

    Args:
        messages: ids of the messages it became part of.
    """

    arrival: Arrival
    state: ArrivalState
    reason: Quarantined | None = None
    messages: tuple[int, ...] = ()


class Store(Protocol):
    """Everything the core asks of a database.

    Every method raises `StoreUnavailable` when the database does not answer and `StoreBroken` when
    a commit failed in a way that must end the process.
    """

    # the hot path
    async def accept(self, arrivals: Sequence[Arrival], state: Sequence[StateWrite] = ()) -> None:
        """Append arrivals (and a connector's `StateWrite`s) durably; group commit.

        Raises:
            Overloaded: the bounded queue is full.
        """
        ...

    async def waiting_arrivals(self, *, after: int, limit: int, max_bytes: int) -> list[Arrival]:
        """Read waiting arrivals with an id above `after`, oldest first, bounded in bytes.

        At least one is returned if any waits.
        """
        ...

    async def look_up(self, questions: Sequence[Question]) -> list[Known]:
        """Answer a batch of questions with a bounded number of statements."""
        ...

    async def commit(self, changes: Sequence[Changes]) -> list[Conflict | None]:
        """Commit units of work; each whole or not at all, the batch in one fsync."""
        ...

    async def claim_deliveries(
        self, *, target: str, now: int, limit: int, until: int, lease: int
    ) -> list[Delivery]:
        """Lease due deliveries of a target, oldest first; per conversation only the head of its line.

        A delivery is claimable if it is ``queued`` or ``unknown``, `next_at` has come, and no older
        delivery of the same target and conversation still ``blocks``. The row becomes ``leased``
        with the fencing token `lease` until `until`; the returned value carries the new lease and
        keeps the state it was found in, so that an ``unknown`` one is looked up first.
        """
        ...

    async def recover_deliveries(self, *, now: int, every: bool) -> int:
        """Turn leased deliveries whose lease ran out (or all of them) into ``unknown``, due now."""
        ...

    # work that comes due
    async def due_timers(self, *, now: int, limit: int) -> list[Timer]:
        """Read timers that are due, oldest first."""
        ...

    async def next_moment(self, *, targets: Sequence[str]) -> int | None:
        """When the next timer or waiting delivery of these targets comes due, None if none waits."""
        ...

    async def events_after(self, event: int, *, limit: int) -> list[Event]:
        """Read events with an id above `event`, in order."""
        ...

    # plugin state and leases
    async def get_state(self, owner: str, key: str) -> StateRow | None:
        """Read one value of a plugin instance's state; it is written through `commit`."""
        ...

    async def list_state(
        self, owner: str, *, prefix: str, after: str, limit: int
    ) -> list[StateRow]:
        """Read values whose key begins with a prefix, in key order, after a key."""
        ...

    async def acquire_lease(self, name: str, owner: str, *, now: int, ttl: int) -> Lease | None:
        """Take or renew a named lease; None while another owner holds it.

        Args:
            ttl: milliseconds.
        """
        ...

    async def release_lease(self, lease: Lease) -> None:
        """Give a lease back, if it is still ours."""
        ...

    # reading, for people; `tenants` None means all
    async def conversations(
        self, tenants: Tenants, wanted: ConversationFilter, page: Cursor
    ) -> list[Conversation]:
        """List conversations, newest first."""
        ...

    async def conversation(self, tenants: Tenants, identifier: int) -> ConversationView:
        """Read a conversation with everything around it but its messages.

        Raises:
            NotFound: it is not there, or another tenant's.
        """
        ...

    async def in_context(
        self, wanted: Sequence[tuple[int, int]]
    ) -> list[tuple[Message, ConversationView] | None]:
        """Read messages with their conversations, by the ids of both; None for what is not there."""
        ...

    async def messages(
        self, tenants: Tenants, conversation: int, *, after_seq: int, limit: int
    ) -> list[Message]:
        """List a conversation's messages by seq, those of merged conversations in their place."""
        ...

    async def message(self, tenants: Tenants, identifier: int) -> Message:
        """Read one message; raises NotFound."""
        ...

    async def decisions(
        self,
        tenants: Tenants,
        *,
        message: int | None = None,
        arrival: int | None = None,
        conversation: int | None = None,
    ) -> list[Decision]:
        """List decisions about a message (and its arrivals), an arrival or a conversation, in order."""
        ...

    async def deliveries(
        self, tenants: Tenants, wanted: DeliveryFilter, page: Cursor
    ) -> list[Delivery]:
        """List deliveries, newest first."""
        ...

    async def delivery(self, tenants: Tenants, identifier: int) -> Delivery:
        """Read one delivery; raises NotFound."""
        ...

    async def quarantine(self, tenants: Tenants, page: Cursor) -> list[QuarantinedArrival]:
        """List quarantined arrivals, newest first, without their bodies."""
        ...

    async def arrival(self, tenants: Tenants, identifier: int) -> StoredArrival:
        """Read one arrival with its body, state and reason; raises NotFound."""
        ...

    async def arrivals(
        self, tenants: Tenants, *, source: str, since: int, until: int, page: Cursor
    ) -> list[StoredArrival]:
        """List arrivals received in a span, newest first, without their bodies."""
        ...

    async def set_arrival_state(
        self, tenants: Tenants, identifier: int, state: ArrivalState, *, when: ArrivalState
    ) -> None:
        """Put an arrival from one state into another (replay: ``waiting``, or ``discarded``).

        Raises:
            NotFound: it is not there, or another tenant's.
            Refused: it is not in the state `when`.
        """
        ...

    async def counts(self) -> Counts:
        """Count what waits; cheap enough to be called every few seconds."""
        ...

    # housekeeping
    @property
    def keeper(self) -> Keeper:
        """What keeping data only for so long asks of a store."""
        ...

    async def open(self) -> None:
        """Connect and check the schema.

        Raises:
            SchemaMismatch: the schema is newer, or older and not to be migrated here.
        """
        ...

    async def close(self) -> None:
        """Finish what is queued and disconnect."""
        ...

    async def ping(self) -> None:
        """Write and commit nothing of note, to see whether the store takes writes."""
        ...

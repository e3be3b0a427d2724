"""The operations every store has; no query text exists outside this package."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from gateway.domain.arrival import Arrival, ArrivalState, Mark, Quarantined, Waiting
from gateway.domain.changes import Changes, Conflict, StateWrite
from gateway.domain.contact import Contact, Identity
from gateway.domain.conversation import Conversation, Link, Participant, Thread, Ticket
from gateway.domain.counts import Counts
from gateway.domain.decision import Decision
from gateway.domain.delivery import Delivery, DeliveryState
from gateway.domain.event import Event
from gateway.domain.known import Known, Question
from gateway.domain.message import Message
from gateway.domain.partition import Fence, Process, Share, Standing
from gateway.domain.signal import Signal
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
    async def accept(
        self,
        arrivals: Sequence[Arrival],
        state: Sequence[StateWrite] = (),
        fence: Fence | None = None,
    ) -> None:
        """Append arrivals (and a connector's `StateWrite`s) durably; group commit.

        Args:
            fence: of a connector that only one process runs.

        Raises:
            Overloaded: the bounded queue is full.
            Refused: the fence fell, or a state moved on; nothing was stored.
        """
        ...

    async def waiting_arrivals(
        self,
        *,
        after: Mapping[str, Mark],
        limit: int,
        max_bytes: int,
        share: Share | None = None,
        but: Collection[int] = (),
    ) -> list[Waiting]:
        """Read waiting arrivals, the oldest of each flow in turn, bounded in bytes but one at least.

        Args:
            after: by flow, the mark behind which to begin.
            share, but: only those of these partitions; without these ids.
        """
        ...

    async def look_up(self, questions: Sequence[Question]) -> list[Known]:
        """Answer a batch of questions with a bounded number of statements."""
        ...

    async def commit(self, changes: Sequence[Changes]) -> list[Conflict | None]:
        """Commit units of work; each whole or not at all, the batch in one fsync."""
        ...

    async def claim_deliveries(
        self, *, target: str, now: int, limit: int, lease: int, share: Share | None = None
    ) -> list[Delivery]:
        """Lease due deliveries of a target, oldest first; per conversation only the head of its line.

        A delivery is claimable if it is ``queued`` or ``unknown``, `next_at` has come, and no older
        delivery of the same target and conversation still ``blocks``. The row becomes ``leased``
        with the fencing token `lease`; the returned value carries the new lease and keeps the state
        it was found in, so that an ``unknown`` one is looked up first.

        Args:
            share: only those of these partitions, as far as they are still the process's.
        """
        ...

    async def recover_deliveries(
        self,
        *,
        now: int,
        target: str | None = None,
        share: Share | None = None,
        but: Collection[int] | None = (),
    ) -> int:
        """Turn leased deliveries that nobody works on into ``unknown``, due now.

        These are those whose process is dead, and the process's own that it knows nothing of,
        whosever they are by now.

        Args:
            target: of this one only.
            share: the dead ones' of these partitions; None stands for the only process there is.
            but: those that the process works on; None leaves all of its own alone.
        """
        ...

    # work that comes due
    async def due_timers(self, *, now: int, limit: int, share: Share | None = None) -> list[Timer]:
        """Read timers that are due, oldest first; of some partitions, if these are given."""
        ...

    async def next_moment(
        self, *, targets: Sequence[str], share: Share | None = None
    ) -> int | None:
        """When the next timer or waiting delivery of these targets comes due, None if none waits."""
        ...

    async def events_after(self, event: int, *, limit: int) -> list[Event]:
        """Read events with an id above `event`, in order."""
        ...

    async def last_event(self) -> int | None:
        """Read the id of the event committed last, None if there is none."""
        ...

    # processes and the work they divide
    async def join(self, name: str, *, ttl: int) -> Process:
        """Count a process among the living for so many milliseconds.

        Raises:
            StoreUnavailable: every node number is taken.
        """
        ...

    async def beat(self, process: int, *, ttl: int, works: bool) -> bool | None:
        """Go on living; whether we were in time, and None if we were given up for dead.

        Args:
            ttl: milliseconds.
            works: take part in the work.
        """
        ...

    async def divide(self, process: int, *, bury: bool) -> Standing:
        """Find out which partitions are ours, and take what is free and due to us.

        Args:
            bury: give up for dead those that did not beat.
        """
        ...

    async def hand_over(self, process: int, partitions: Collection[int]) -> None:
        """Give up partitions of which nothing is under way any more."""
        ...

    async def leave(self, process: int) -> None:
        """Count a process no longer among the living; its partitions are free at once."""
        ...

    def tell(self, signal: Signal) -> None:
        """Tell the other processes as soon as may be; it may get lost."""
        ...

    async def listen(self, heard: Callable[[Signal], None]) -> None:
        """Hear what other processes tell until cancelled; an error means that the line is cut."""
        ...

    # plugin state
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

        For what is done in one place at a time, commands included. The time is the database's own
        where it has a clock.

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

    async def identities(
        self, tenants: Tenants, identifiers: Collection[int]
    ) -> dict[int, Identity]:
        """Read identities by id; missing ones, and other tenants', are left out."""
        ...

    async def in_context(
        self, wanted: Sequence[tuple[int, int, int | None]]
    ) -> list[tuple[Message, ConversationView] | None]:
        """Read messages with their conversations; None for what is not there.

        Args:
            wanted: ids of a message, of the conversation to show with it, and of a thread that is
                shown there even if a merge has moved it to another one.
        """
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

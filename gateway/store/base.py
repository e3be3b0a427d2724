"""What both engines share: every operation is a synchronous function over a connection.

An engine adds only how such a function is run: `_read`, `_write`, and `_append` for the hot path.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec

from gateway.contracts.services import Clock
from gateway.domain.arrival import Arrival, ArrivalState, Mark, Waiting
from gateway.domain.changes import Changes, Conflict, StateWrite
from gateway.domain.contact import Identity
from gateway.domain.conversation import Conversation
from gateway.domain.counts import Counts
from gateway.domain.decision import Decision
from gateway.domain.delivery import Delivery
from gateway.domain.event import Event
from gateway.domain.known import Known, Question
from gateway.domain.message import Message
from gateway.domain.partition import Fence, Process, Share, Standing
from gateway.domain.signal import Signal
from gateway.domain.timer import Timer
from gateway.errors import Overloaded
from gateway.store import arrivals as journal
from gateway.store import claims, listing, sharing, viewing, writing
from gateway.store import state as keeping
from gateway.store.arrivals import Appended, Found
from gateway.store.blobs import BlobStore
from gateway.store.keeper import Keeper
from gateway.store.operations import (
    ConversationFilter,
    ConversationView,
    Cursor,
    DeliveryFilter,
    Lease,
    QuarantinedArrival,
    StateRow,
    StoredArrival,
    Tenants,
)
from gateway.store.questions import look_up
from gateway.store.rows import BIG_BODY, arrival_row, arrival_state_row
from gateway.store.waiting import waiting

R = TypeVar("R")


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How much may wait to be committed before senders are asked to come back later.

    Args:
        arrivals: how many.
        bytes: of their bodies.
    """

    arrivals: int = 10_000
    bytes: int = 256 * 1024 * 1024


class BaseStore(ABC):
    """The operations of `Store` over an engine's way of running them.

    Args:
        blobs: takes bodies over 256 KiB, before the row that names them.
    """

    def __init__(self, *, blobs: BlobStore, clock: Clock, bounds: Bounds) -> None:
        self._blobs, self._clock, self._bounds = blobs, clock, bounds
        self._arrivals_held, self._bytes_held = 0, 0

    @property
    def keeper(self) -> Keeper:
        """What keeping data only for so long asks."""
        return Keeper(self._read, self._write, self._blobs)

    @abstractmethod
    async def _read(self, function: Callable[..., R], *args: Any, **named: Any) -> R:
        """Run a function that only reads, with a connection before its arguments."""

    async def _read_of(
        self, tenants: Tenants, function: Callable[..., R], *args: Any, **named: Any
    ) -> R:
        """Run a function that reads for people, who may see these tenants."""
        return await self._read(function, tenants, *args, **named)

    @abstractmethod
    async def _write(self, function: Callable[..., R], *args: Any, **named: Any) -> R:
        """Run a function in a transaction; it is committed durably when this returns."""

    async def _beat(self, function: Callable[..., R], *args: Any, **named: Any) -> R:
        """Run what keeps this process alive, whatever else waits to be written."""
        return await self._write(function, *args, **named)

    @abstractmethod
    async def _append(self, rows: Appended) -> None:
        """Append arrivals by group commit."""

    async def accept(
        self,
        arrivals: Sequence[Arrival],
        state: Sequence[StateWrite] = (),
        fence: Fence | None = None,
    ) -> None:
        """Append arrivals (and a connector's `StateWrite`s) durably; group commit.

        Raises:
            Overloaded: too much waits to be committed already.
            Refused: a `StateWrite` expected a version that has moved on, or the fence fell; nothing
                was stored.
        """
        if not arrivals and not state:
            return
        with self._admitted(len(arrivals), sum(len(arrival.body) for arrival in arrivals)):
            rows = Appended([], [])
            for arrival in arrivals:
                big = len(arrival.body) > BIG_BODY
                blob = await self._blobs.put(arrival.body) if big else None
                rows.arrivals.append(arrival_row(arrival, blob))
                rows.states.append(arrival_state_row(arrival))
            if state or fence:
                await self._write(journal.append_with_state, rows, state, fence)
            else:
                await self._append(rows)

    @contextmanager
    def _admitted(self, many: int, size: int) -> Iterator[None]:
        held, bounds = self._arrivals_held, self._bounds
        # Whatever its size, one alone is let in: its own limit was checked before.
        if held and (held + many > bounds.arrivals or self._bytes_held + size > bounds.bytes):
            raise Overloaded(f"{held} arrivals wait to be stored; come back in a moment")
        self._arrivals_held += many
        self._bytes_held += size
        try:
            yield
        finally:
            self._arrivals_held -= many
            self._bytes_held -= size

    async def waiting_arrivals(
        self,
        *,
        after: Mapping[str, Mark],
        limit: int,
        max_bytes: int,
        share: Share | None = None,
        but: Collection[int] = (),
    ) -> list[Waiting]:
        """Read waiting arrivals behind `after`, the oldest of each flow in turn, bounded in bytes."""
        found = await self._read(
            waiting, after=after, limit=limit, max_bytes=max_bytes, share=share, but=but
        )
        return [Waiting(arrival=await self._with_body(one), mark=mark) for one, mark in found]

    async def _with_body(self, found: Found) -> Arrival:
        if found.blob is None:
            return found.arrival
        return msgspec.structs.replace(found.arrival, body=await self._blobs.read(found.blob))

    async def look_up(self, questions: Sequence[Question]) -> list[Known]:
        """Answer a batch of questions with a bounded number of statements."""
        return await self._read(look_up, questions) if questions else []

    async def commit(self, changes: Sequence[Changes]) -> list[Conflict | None]:
        """Commit units of work; each whole or not at all, the batch in one fsync."""
        return await self._write(writing.commit, changes) if changes else []

    async def claim_deliveries(
        self, *, target: str, now: int, limit: int, lease: int, share: Share | None = None
    ) -> list[Delivery]:
        """Lease due deliveries of a target, oldest first; only heads of their lines."""
        return await self._write(
            claims.claim, target=target, now=now, limit=limit, lease=lease, share=share
        )

    async def recover_deliveries(
        self,
        *,
        now: int,
        target: str | None = None,
        share: Share | None = None,
        but: Collection[int] | None = (),
    ) -> int:
        """Turn leased deliveries that nobody works on into ``unknown``, due now."""
        return await self._write(claims.recover, now=now, target=target, share=share, but=but)

    async def due_timers(self, *, now: int, limit: int, share: Share | None = None) -> list[Timer]:
        """Read timers that are due, oldest first; of some partitions, if these are given."""
        return await self._read(claims.due_timers, now=now, limit=limit, share=share)

    async def next_moment(
        self, *, targets: Sequence[str], share: Share | None = None
    ) -> int | None:
        """When the next timer or waiting delivery of these targets comes due, None if none waits."""
        return await self._read(claims.next_moment, targets, share)

    async def join(self, name: str, *, ttl: int) -> Process:
        """Count a process among the living for so many milliseconds."""
        return await self._beat(sharing.join, name, now=self._clock.now(), ttl=ttl)

    async def beat(self, process: int, *, ttl: int, works: bool) -> bool | None:
        """Go on living; whether we were in time, and None if we were given up for dead."""
        now = self._clock.now()
        return await self._beat(sharing.beat, process, now=now, ttl=ttl, works=works)

    async def divide(self, process: int, *, bury: bool) -> Standing:
        """Find out which partitions are ours, and take what is free and due to us."""
        return await self._beat(sharing.divide, process, now=self._clock.now(), bury=bury)

    async def hand_over(self, process: int, partitions: Collection[int]) -> None:
        """Give up partitions of which nothing is under way any more."""
        await self._beat(sharing.hand_over, process, partitions)

    async def leave(self, process: int) -> None:
        """Count a process no longer among the living; its partitions are free at once."""
        await self._beat(sharing.leave, process)

    async def events_after(self, event: int, *, limit: int) -> list[Event]:
        """Read the events committed after the one with an id, in the order of the commits."""
        return await self._read(claims.events_after, event, limit=limit)

    async def last_event(self) -> int | None:
        """Read the id of the event committed last, None if there is none."""
        return await self._read(claims.last_event)

    def tell(self, signal: Signal) -> None:
        """Tell the other processes as soon as may be; on an embedded database there are none."""
        del signal

    async def listen(self, heard: Callable[[Signal], None]) -> None:  # noqa: ARG002 - nobody talks
        """Hear what other processes tell, until cancelled."""
        await asyncio.get_running_loop().create_future()

    async def get_state(self, owner: str, key: str) -> StateRow | None:
        """Read one value of a plugin instance's state."""
        return await self._read(keeping.get_state, owner, key)

    async def list_state(
        self, owner: str, *, prefix: str, after: str, limit: int
    ) -> list[StateRow]:
        """Read values whose key begins with a prefix, in key order, after a key."""
        return await self._read(keeping.list_state, owner, prefix=prefix, after=after, limit=limit)

    async def acquire_lease(self, name: str, owner: str, *, now: int, ttl: int) -> Lease | None:
        """Take or renew a named lease; None while another owner holds it."""
        return await self._write(keeping.acquire_lease, name, owner, now=now, ttl=ttl)

    async def release_lease(self, lease: Lease) -> None:
        """Give a lease back, if it is still ours."""
        await self._write(keeping.release_lease, lease)

    async def conversations(
        self, tenants: Tenants, wanted: ConversationFilter, page: Cursor
    ) -> list[Conversation]:
        """List conversations, newest first."""
        return await self._read_of(tenants, listing.list_conversations, wanted, page)

    async def conversation(self, tenants: Tenants, identifier: int) -> ConversationView:
        """Read a conversation with everything around it but its messages."""
        return await self._read_of(tenants, listing.view_conversation, identifier)

    async def identities(
        self, tenants: Tenants, identifiers: Collection[int]
    ) -> dict[int, Identity]:
        """Read identities by id; missing ones, and other tenants', are left out."""
        if not identifiers:
            return {}
        return await self._read_of(tenants, listing.read_identities, identifiers)

    async def in_context(
        self, wanted: Sequence[tuple[int, int, int | None]]
    ) -> list[tuple[Message, ConversationView] | None]:
        """Read messages with their conversations; None for what is not there."""
        return await self._read(viewing.in_context, wanted) if wanted else []

    async def messages(
        self, tenants: Tenants, conversation: int, *, after_seq: int, limit: int
    ) -> list[Message]:
        """List a conversation's messages by seq, those of merged conversations in their place."""
        return await self._read_of(
            tenants, listing.list_messages, conversation, after_seq=after_seq, limit=limit
        )

    async def message(self, tenants: Tenants, identifier: int) -> Message:
        """Read one message."""
        return await self._read_of(tenants, listing.read_message, identifier)

    async def decisions(
        self,
        tenants: Tenants,
        *,
        message: int | None = None,
        arrival: int | None = None,
        conversation: int | None = None,
    ) -> list[Decision]:
        """List decisions about a message (and its arrivals), an arrival or a conversation."""
        return await self._read_of(
            tenants,
            listing.list_decisions,
            message=message,
            arrival=arrival,
            conversation=conversation,
        )

    async def deliveries(
        self, tenants: Tenants, wanted: DeliveryFilter, page: Cursor
    ) -> list[Delivery]:
        """List deliveries, newest first."""
        return await self._read_of(tenants, listing.list_deliveries, wanted, page)

    async def delivery(self, tenants: Tenants, identifier: int) -> Delivery:
        """Read one delivery."""
        return await self._read_of(tenants, listing.read_delivery, identifier)

    async def quarantine(self, tenants: Tenants, page: Cursor) -> list[QuarantinedArrival]:
        """List quarantined arrivals, newest first, without their bodies."""
        return await self._read_of(tenants, journal.list_quarantine, page)

    async def arrival(self, tenants: Tenants, identifier: int) -> StoredArrival:
        """Read one arrival with its body, state and reason."""
        found, stored = await self._read_of(tenants, journal.read_arrival, identifier)
        return msgspec.structs.replace(stored, arrival=await self._with_body(found))

    async def arrivals(
        self, tenants: Tenants, *, source: str, since: int, until: int, page: Cursor
    ) -> list[StoredArrival]:
        """List arrivals received in a span, newest first, without their bodies."""
        return await self._read_of(
            tenants, journal.list_arrivals, source=source, since=since, until=until, page=page
        )

    async def set_arrival_state(
        self, tenants: Tenants, identifier: int, state: ArrivalState, *, when: ArrivalState
    ) -> None:
        """Put an arrival from one state into another."""
        await self._write(journal.set_state, tenants, identifier, state, when=when)

    async def counts(self) -> Counts:
        """Count what waits."""
        return await self._read(listing.count)

    async def ping(self) -> None:
        """Write and commit nothing of note, to see whether the store takes writes."""
        await self._write(keeping.note, "last_ping", str(self._clock.now()))

"""Intake: arrivals become durable here, and only then may they be acknowledged."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from gateway.contracts.services import Clock
from gateway.core.deadlines import Deadlines
from gateway.core.turns import Turns
from gateway.domain.arrival import Arrival, NewArrival, SourceKind
from gateway.domain.changes import StateWrite
from gateway.domain.partition import Fence, of_lane
from gateway.errors import Overloaded
from gateway.store.operations import Store

LARGE = 256 * 1024


class IntakeDoor:
    """The way in for one connector instance.

    Args:
        source: the instance's name.
        on_accepted: told after the commit of the partitions of what was stored, one for each
            arrival, so that the pipeline wakes up.
        patience: seconds a sender is kept waiting for the commit.
        admit: raises `Overloaded` while a tenant's customers are asked to come back later.
        turns: shared with the pipeline, which lets senders go first.
        fence: behind which a connector stores that only one process runs.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        new_id: Callable[[], int],
        tenant: str,
        source: str,
        kind: SourceKind,
        on_accepted: Callable[[Sequence[int]], None],
        patience: float = 8.0,
        turns: Turns | None = None,
        admit: Callable[[str], None] = lambda _tenant: None,
        fence: Fence | None = None,
    ) -> None:
        self._store, self._clock, self._new_id = store, clock, new_id
        self._tenant, self._source, self._kind = tenant, source, kind
        self._on_accepted, self._fence = on_accepted, fence
        self._deadlines = Deadlines(patience)
        self._turns, self._admit = turns or Turns(clock), admit

    async def accept(
        self, arrivals: Sequence[NewArrival], *, state: Sequence[tuple[str, Any]] = ()
    ) -> list[int]:
        """Store arrivals durably, together with the connector's own state.

        Raises:
            Overloaded: ask the sender to come back later.
            StoreUnavailable: nothing was stored; do not acknowledge.
        """
        if arrivals and self._kind == "channel":
            self._admit(self._tenant)
        now = self._clock.now()
        stored = [self._stamp(new, now, await _digest(new.body)) for new in arrivals]
        owner = f"{self._kind}/{self._source}"
        writes = [
            StateWrite(owner=owner, key=key, value=msgspec.json.encode(value))
            for key, value in state
        ]
        loop = asyncio.get_running_loop()
        # What a sender no longer waits for may still be committed: it is then sent again, and the
        # redelivery key makes one message of both.
        waiting: asyncio.Future[None] = loop.create_future()
        committing = asyncio.ensure_future(self._store.accept(stored, writes, self._fence))
        committing.add_done_callback(partial(self._committed, stored, waiting))
        began, number = loop.time(), self._deadlines.begin(partial(self._give_up, waiting))
        try:
            await waiting
        finally:
            self._deadlines.end(number)
            self._turns.waited(began)
        return [arrival.id for arrival in stored]

    def _committed(
        self, stored: Sequence[Arrival], waiting: asyncio.Future[None], done: asyncio.Future[None]
    ) -> None:
        gone = waiting.done()  # nobody waits any more
        if done.cancelled():
            waiting.cancel()
        elif (error := done.exception()) is not None:
            if not gone:
                waiting.set_exception(error)
        else:
            if stored:
                self._on_accepted([of_lane(one.tenant, one.lane) for one in stored])
            if not gone:
                waiting.set_result(None)

    def _give_up(self, waiting: asyncio.Future[None]) -> None:
        if not waiting.done():
            after = f"{self._deadlines.seconds:g} seconds"
            waiting.set_exception(
                Overloaded(f"the store took longer than {after}; try again later")
            )

    def _stamp(self, new: NewArrival, now: int, digest: bytes) -> Arrival:
        return Arrival(
            id=self._new_id(),
            tenant=self._tenant,
            source=self._source,
            source_kind=self._kind,
            kind=new.kind,
            key=new.key,
            lane=new.lane or new.key,
            received_at=now,
            headers=new.headers,
            content_type=new.content_type,
            body=new.body,
            remote=new.remote,
            sha256=digest,
        )


async def _digest(body: bytes) -> bytes:
    """Hash a body; in a thread if it is so large that others would notice."""
    if len(body) <= LARGE:
        return hashlib.sha256(body).digest()
    return (await asyncio.to_thread(hashlib.sha256, body)).digest()

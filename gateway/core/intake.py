"""Intake: arrivals become durable here, and only then may they be acknowledged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from gateway.contracts.services import Clock
from gateway.domain.arrival import Arrival, NewArrival, SourceKind
from gateway.domain.changes import StateWrite
from gateway.store.operations import Store


class IntakeDoor:
    """The way in for one connector instance.

    Args:
        source: the instance's name.
        on_accepted: called after the commit, so that the pipeline wakes up.
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
        on_accepted: Callable[[int], None],
    ) -> None:
        self._store, self._clock, self._new_id = store, clock, new_id
        self._tenant, self._source, self._kind = tenant, source, kind
        self._on_accepted = on_accepted

    async def accept(
        self, arrivals: Sequence[NewArrival], *, state: Sequence[tuple[str, Any]] = ()
    ) -> list[int]:
        """Store arrivals durably, together with the connector's own state.

        Raises:
            Overloaded: ask the sender to come back later.
            StoreUnavailable: nothing was stored; do not acknowledge.
        """
        now = self._clock.now()
        stored = [self._stamp(new, now) for new in arrivals]
        owner = f"{self._kind}/{self._source}"
        writes = [
            StateWrite(owner=owner, key=key, value=msgspec.json.encode(value))
            for key, value in state
        ]
        await self._store.accept(stored, writes)
        if stored:
            self._on_accepted(len(stored))
        return [arrival.id for arrival in stored]

    def _stamp(self, new: NewArrival, now: int) -> Arrival:
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
            sha256=hashlib.sha256(new.body).digest(),
        )

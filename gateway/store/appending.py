"""Group commit of arrivals on PostgreSQL: what queued during an insert shares the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store.arrivals import Appended
from gateway.store.faults import store_error
from gateway.store.statements import Row
from gateway.store.transactions import XID

IN_FLIGHT = 2
_MOST_ROWS = 1024
# One statement is one transaction is one round trip.
_APPEND = f"""
WITH stored AS (
    INSERT INTO arrival (id, tenant, source, received_at, blob, doc, body)
    SELECT * FROM unnest(
        $1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bytea[], $7::bytea[]
    )
    RETURNING id
)
INSERT INTO arrival_state (arrival, state, size, reason, partition, flow, xid)
SELECT id, 'waiting', size, NULL, place, flow, {XID}
FROM unnest($1::bigint[], $8::bigint[], $9::smallint[], $10::text[])
    AS waiting (id, size, place, flow)
"""  # noqa: S608 - a constant


class GroupAppender:
    """Append arrivals with at most two inserts under way."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting: deque[tuple[Appended, asyncio.Future[None]]] = deque()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    def start(self) -> None:
        """Begin to work."""
        self._tasks = [
            asyncio.create_task(self._work(), name=f"store-append-{n}") for n in range(IN_FLIGHT)
        ]

    async def stop(self) -> None:
        """Finish what is queued."""
        self._stopping = True
        self._wake.set()
        await asyncio.gather(*self._tasks)

    async def append(self, rows: Appended) -> None:
        """Append rows; they are durable when this returns."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((rows, future))
        self._wake.set()
        await future

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            batch = self._next_batch()
            if not batch:
                if self._stopping:
                    return
                self._wake.clear()
                continue
            error = await self._insert([rows for rows, _ in batch])
            if error is None or store_error(error) is not None or len(batch) == 1:
                for _, future in batch:
                    _settle(future, error)
            else:  # one of them is at fault; the others must not suffer
                for rows, future in batch:
                    _settle(future, await self._insert([rows]))

    def _next_batch(self) -> list[tuple[Appended, asyncio.Future[None]]]:
        batch: list[tuple[Appended, asyncio.Future[None]]] = []
        many = 0
        while self._waiting and many < _MOST_ROWS:
            batch.append(self._waiting.popleft())
            many += len(batch[-1][0].arrivals)
        return batch

    async def _insert(self, batch: Sequence[Appended]) -> Exception | None:
        arrivals = [row for rows in batch for row in rows.arrivals]
        states = [row for rows in batch for row in rows.states]
        marks = [[row[place] for row in states] for place in (2, 4, 5)]  # size, partition, flow
        try:
            async with self._engine.connect() as connection:
                raw = await connection.get_raw_connection()
                driver: Any = raw.driver_connection
                try:
                    await driver.execute(_APPEND, *_columns(arrivals), *marks)
                except BaseException:
                    if driver.is_closed():
                        await connection.invalidate()
                    raise
        except Exception as error:
            return error
        return None


def _columns(rows: Sequence[Row]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _settle(future: asyncio.Future[None], error: Exception | None) -> None:
    with suppress(asyncio.InvalidStateError):  # who asked went away; it is stored all the same
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(store_error(error) or error)

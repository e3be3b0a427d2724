"""What it costs those who send when old arrivals are removed at the same time."""

from __future__ import annotations

import asyncio
import hashlib
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from bench.figures import Figure, Options, Series
from gateway.config.retention import RetentionSettings
from gateway.core.clock import SystemClock
from gateway.core.forgetting import Forgetter
from gateway.core.retention import DAY_MS, Retention
from gateway.domain.arrival import Arrival
from gateway.domain.changes import Changes
from gateway.domain.ids import IdGenerator
from gateway.hooks.calls import Hooks
from gateway.hooks.dispatcher import Dispatcher
from gateway.store.blobs import FileBlobs
from gateway.store.opening import open_store
from gateway.store.operations import Store
from gateway.testing import CapturingLog

OLD, SENDERS, ALONE_SECONDS, PAUSE = 20_000, 4, 8.0, 0.005


async def run(options: Options) -> tuple[list[Figure], list[Series]]:
    """Send alone, then send while everything old is removed."""
    clock = SystemClock()
    with _address(options.engine) as (url, folder):
        store = await open_store(url, blobs=FileBlobs(folder), clock=clock)
        try:
            many = await _fill(store, clock, options.amount(OLD))
            new_id = IdGenerator(2, clock.now)
            async with _sending(store, clock, new_id) as alone:
                await asyncio.sleep(ALONE_SECONDS)
            async with _sending(store, clock, new_id) as during:
                began = time.monotonic()
                removed = await _retention(store, clock, new_id).once() or {}
                took = time.monotonic() - began
        finally:
            await store.close()
    assert removed == {"arrivals": many}, removed
    before, meanwhile = statistics.quantiles(alone, n=100), statistics.quantiles(during, n=100)
    return [
        Figure(name="arrivals removed in a second", value=many / took, unit="/s"),
        Figure(name="commit of an arrival alone, p50", value=before[49], unit="ms"),
        Figure(name="the same while old ones are removed, p50", value=meanwhile[49], unit="ms"),
        Figure(name="commit of an arrival alone, p99", value=before[98], unit="ms"),
        Figure(name="the same while old ones are removed, p99", value=meanwhile[98], unit="ms"),
    ], []


@contextmanager
def _address(engine: str) -> Iterator[tuple[str, Path]]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        if engine == "sqlite":
            yield f"sqlite:///{folder}/gateway.db", Path(folder)
            return
        from tests.servers.postgres import start_postgres

        with start_postgres(Path(folder)) as postgres:
            yield postgres.create_database(), Path(folder)


def _arrival(number: int, now: int, body: bytes) -> Arrival:
    return Arrival(
        id=number, tenant="default", source="bench", key=str(number), lane="lane", received_at=now,
        body=body, sha256=hashlib.sha256(body).digest(),
    )  # fmt: skip


async def _fill(store: Store, clock: SystemClock, many: int) -> int:
    """Store arrivals that came in and were worked on a year ago."""
    past = clock.now() - 365 * DAY_MS
    new_id = IdGenerator(1, lambda: past)
    for start in range(0, many, 500):
        rows = [_arrival(new_id(), past, b"y" * 5000) for _ in range(min(500, many - start))]
        await store.accept(rows)
        done = tuple(row.id for row in rows)
        await store.commit([Changes(tenant="default", arrivals_done=done)])
    return many


@asynccontextmanager
async def _sending(
    store: Store, clock: SystemClock, new_id: IdGenerator
) -> AsyncIterator[list[float]]:
    """Send around a block; the milliseconds that each commit took."""
    took: list[float] = []

    async def send() -> None:
        while True:
            began = time.monotonic()
            await store.accept([_arrival(new_id(), clock.now(), b"z" * 500)])
            took.append((time.monotonic() - began) * 1000)
            await asyncio.sleep(PAUSE)

    tasks = [asyncio.create_task(send()) for _ in range(SENDERS)]
    try:
        yield took
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _retention(store: Store, clock: SystemClock, new_id: IdGenerator) -> Retention:
    hooks, log = Hooks(Dispatcher({"forget_conversation": ()}, clock=clock)), CapturingLog()
    forgetter = Forgetter(store=store, channels={}, backends={}, hooks=hooks, log=log)
    return Retention(
        store=store, clock=clock, new_id=new_id, kept=RetentionSettings(raw_days=30), tenants={},
        forgetter=forgetter, log=log, owner="bench",
    )  # fmt: skip

"""What PostgreSQL alone has to show: several processes, and a server that goes away."""

from __future__ import annotations

import asyncio
import functools
import operator
import secrets
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import msgspec
import pytest
from sqlalchemy import text

from gateway.core.continuation import OWNER, ContinuationCodes
from gateway.core.state import StoredState
from gateway.domain.changes import Changes
from gateway.domain.continuation import ContinuationPolicy
from gateway.domain.signal import EVERYTHING, SILENCE, Signal
from gateway.domain.tokens import Keyring
from gateway.errors import StoreUnavailable
from gateway.store.blobs import MemoryBlobs
from gateway.store.opening import open_store
from gateway.store.operations import Store
from gateway.store.postgres import PostgresStore
from gateway.testing import CapturingLog
from tests.servers.postgres import Postgres, start_postgres
from tests.servers.skipping import require
from tests.unit.store.values import NOW, TENANT, FixedClock, Opened, arrival, event, message

pytestmark = pytest.mark.server("postgresql")


@pytest.fixture
async def stores(postgres_url: str) -> AsyncIterator[list[Store]]:
    """Two stores over one database, as two processes have them."""
    opened = [
        await open_store(postgres_url, blobs=MemoryBlobs(), clock=FixedClock()) for _ in range(2)
    ]
    yield opened
    for store in opened:
        await store.close()


async def test_a_delivery_is_claimed_by_one_of_two(stores: list[Store]) -> None:
    """Two that claim at once share what is due; nothing is claimed twice, no line overtaken."""
    units = [Opened(deliveries=3) for _ in range(40)]
    await stores[0].commit([unit.changes() for unit in units])
    order: dict[int, list[int]] = {}
    deadline = time.monotonic() + 60

    async def work(store: Store, lease: int) -> None:
        idle = 0
        while idle < 3 and time.monotonic() < deadline:
            claimed = await store.claim_deliveries(
                target="backend/desk", now=NOW, limit=7, lease=lease
            )
            idle = 0 if claimed else idle + 1
            for one in claimed:
                order.setdefault(one.conversation, []).append(one.id)
            done = tuple(msgspec.structs.replace(one, state="delivered") for one in claimed)
            answers = await store.commit([Changes(tenant=TENANT, settled=(one,)) for one in done])
            assert not any(answers)

    await asyncio.gather(*(work(store, n) for n, store in enumerate(stores, 1)))
    # One that found nothing may have stopped while the other was at its last ones.
    await work(stores[0], 9)
    assert {unit.conversation.id: [d.id for d in unit.deliveries] for unit in units} == order


async def test_writers_that_cross_do_not_lock_each_other_out(stores: list[Store]) -> None:
    """Batches that touch the same conversations in opposite order end, each version written once."""
    units = [Opened() for _ in range(12)]
    await stores[0].commit([unit.changes() for unit in units])
    changes = [
        Changes(
            tenant=TENANT, conversations=(msgspec.structs.replace(unit.conversation, version=2),)
        )
        for unit in units
    ]
    first, second = await asyncio.gather(
        stores[0].commit(changes), stores[1].commit(list(reversed(changes)))
    )
    won = [answer is None for answer in first]
    also = [answer is None for answer in reversed(second)]
    assert [True] * 12 == [one != other for one, other in zip(won, also, strict=True)]


async def test_a_reader_of_events_waits_for_open_transactions(
    stores: list[Store], postgres: Postgres, postgres_url: str
) -> None:
    """An event is not told while an earlier transaction could still bring one before it."""
    other = await asyncpg.connect(postgres_url)
    slow, quick = event(), event()
    transaction = other.transaction()
    await transaction.start()
    await other.execute(
        "INSERT INTO event (id, doc) VALUES ($1, $2)", slow.id, msgspec.json.encode(slow)
    )
    await stores[0].commit([Changes(tenant=TENANT, events=(quick,))])
    assert [] == await stores[1].events_after(0, limit=9)
    await transaction.commit()
    await other.close()
    deadline = time.monotonic() + 10
    found = await stores[1].events_after(0, limit=9)
    while len(found) < 2 and time.monotonic() < deadline:
        found = await stores[1].events_after(0, limit=9)
    assert [slow, quick] == found


async def test_what_one_tells_the_other_hears(stores: list[Store]) -> None:
    """Told in a burst it is heard as one or a few signals, and by the others only."""
    heard: list[list[Signal]] = [[], []]
    tasks = [
        asyncio.create_task(store.listen(got.append))
        for store, got in zip(stores, heard, strict=True)
    ]
    await _until(lambda: all(heard))
    assert [[EVERYTHING], [EVERYTHING]] == heard  # nobody knows what was told before
    for number in range(50):
        stores[0].tell(Signal(arrivals=1 << number, targets=frozenset({"backend/desk"})))
    await _until(lambda: _all_of(heard[1][1:]).arrivals == (1 << 50) - 1)
    assert len(heard[1]) < 25
    assert [EVERYTHING] == heard[0]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_line_that_is_cut_says_so(
    stores: list[Store], postgres: Postgres, postgres_url: str
) -> None:
    """Whoever listens learns that the connection is gone, and can listen anew."""
    heard: list[Signal] = []
    task = asyncio.create_task(stores[0].listen(heard.append))
    await _until(lambda: heard)
    database = postgres_url.rpartition("/")[2]
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    await asyncio.to_thread(postgres.execute, cut)
    done, _ = await asyncio.wait([task], timeout=30)
    assert isinstance(done.pop().exception(), ConnectionError)
    task = asyncio.create_task(stores[0].listen(heard.append))
    await _until(lambda: len(heard) == 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_process_paused_in_a_transaction_is_not_waited_for(postgres_url: str) -> None:
    """The server ends what stands idle in a transaction longer than a lease, and frees its locks."""
    store = await open_store(postgres_url, blobs=MemoryBlobs(), clock=FixedClock(), lease=1.0)
    assert isinstance(store, PostgresStore)
    async with store._engine.connect() as connection:
        allowed = await connection.scalar(text("SHOW idle_in_transaction_session_timeout"))
    await store.close()
    assert "1s" == allowed


async def test_cut_connections_are_made_anew(
    stores: list[Store], postgres: Postgres, postgres_url: str
) -> None:
    """After the server dropped every connection the next operations work again."""
    store = stores[0]
    await store.accept([arrival()])
    database = postgres_url.rpartition("/")[2]
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    await asyncio.to_thread(postgres.execute, cut)
    await store.accept([arrival()])
    assert [None] == await store.commit([Opened().changes()])
    assert 2 == (await store.counts()).arrivals_waiting


async def test_a_server_that_dies_loses_nothing_acknowledged(template_cache: Path) -> None:
    """While the server is down nothing is acknowledged; once it is back everything is there."""
    require("postgresql")
    with start_postgres(template_cache) as server:
        store = await open_store(server.create_database(), blobs=MemoryBlobs(), clock=FixedClock())
        acknowledged: list[int] = []
        stop = asyncio.Event()

        async def send() -> None:
            while not stop.is_set():
                one = arrival()
                try:
                    await store.accept([one])
                    acknowledged.append(one.id)
                except StoreUnavailable:
                    await asyncio.sleep(0.01)

        senders = [asyncio.create_task(send()) for _ in range(4)]
        await _grows(acknowledged, 50)
        await asyncio.to_thread(server.crash)
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await store.ping()
        await asyncio.to_thread(server.start)
        try:
            await _grows(acknowledged, len(acknowledged) + 50)
            stop.set()
            await asyncio.gather(*senders)
            found = await store.waiting_arrivals(after={}, limit=100_000, max_bytes=1 << 30)
            assert set(acknowledged) <= {one.arrival.id for one in found}
            opened = Opened()
            said = message(opened.conversation, opened.identity)
            assert [None] == await store.commit([opened.changes(messages=(said,))])
        finally:
            stop.set()
            await store.close()


def _all_of(signals: list[Signal]) -> Signal:
    return functools.reduce(operator.or_, signals, SILENCE)


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - polled within the deadline
            await asyncio.sleep(0.005)


async def _grows(acknowledged: list[int], size: int) -> None:
    async with asyncio.timeout(30):
        while len(acknowledged) < size:  # noqa: ASYNC110 - polled within the deadline
            await asyncio.sleep(0.01)


async def test_a_code_is_good_once_between_processes(stores: list[Store]) -> None:
    """Of twenty calls that key in the same code at two gateways one is let in; wrong tries count once each."""
    clock = FixedClock()
    codes = [
        ContinuationCodes(
            tenant="default", state=StoredState(store, tenant="default", owner=OWNER),
            keyring=Keyring([b"k" * 32]), clock=clock, choose=secrets.randbelow,
            policy=ContinuationPolicy(wrong_per_caller=50), log=CapturingLog(),
        )
        for store in stores
    ]  # fmt: skip
    issued = await codes[0].issue(7)
    answers = await asyncio.gather(
        *(codes[n % 2].redeem(issued.code, by=None, use=f"call-{n}") for n in range(20))
    )
    assert [7] == [one.conversation for one in answers if one is not None]
    stored = await StoredState(stores[0], tenant="default", owner=OWNER).get("default")
    assert 19 == len(stored.value["wrong"])

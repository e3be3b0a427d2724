"""Promise 3 where several processes store: what one is slow to commit turns up behind the others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from gateway.domain.arrival import Arrival, Mark, Waiting
from gateway.domain.changes import Changes
from gateway.domain.flow import flow_of
from gateway.store import arrivals as journal
from gateway.store.arrivals import Appended
from gateway.store.blobs import MemoryBlobs
from gateway.store.opening import open_store
from gateway.store.operations import Store
from gateway.store.rows import arrival_row, arrival_state_row
from gateway.store.statements import _text
from gateway.store.waiting import _WAITING
from gateway.testing.clock import FakeClock
from tests.unit.core.workshop import TENANT, Options, Workshop, letter, until
from tests.unit.store.values import FixedClock, arrival, event

pytestmark = pytest.mark.server("postgresql")

CUSTOMERS = flow_of(TENANT, "channel")


class Other:
    """A process that is stopped between the moment in which it stores and the commit."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def stores(self, one: Arrival) -> None:
        """Store an arrival, for nobody to see yet."""
        rows = Appended([arrival_row(one, None)], [arrival_state_row(one)])
        await self._connection.run_sync(journal.append, rows)

    async def wakes(self) -> None:
        """Commit."""
        await self._connection.commit()


@pytest.fixture
async def other(postgres_url: str) -> AsyncIterator[Other]:
    """Another process on the same database."""
    engine = create_async_engine(postgres_url.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.connect() as connection:
        yield Other(connection)
    await engine.dispose()


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[Store]:
    """The store of the process that works."""
    opened = await open_store(postgres_url, blobs=MemoryBlobs(), clock=FixedClock())
    yield opened
    await opened.close()


async def read(store: Store, after: Mark, *but: Arrival) -> list[Waiting]:
    """What waits behind a mark, without what is in hand."""
    return await store.waiting_arrivals(
        after={CUSTOMERS: after}, limit=9, max_bytes=1 << 20, but=[one.id for one in but]
    )


async def test_no_mark_is_set_past_what_may_still_turn_up(store: Store, other: Other) -> None:
    """What others stored meanwhile is read at once; what turns up later comes before what follows."""
    before, slow, quick, follows = (arrival() for _ in range(4))
    await store.accept([before])
    await other.stores(slow)
    await store.accept([quick])
    first, second = await read(store, Mark())
    assert [before, quick] == [first.arrival, second.arrival]
    assert [True, False] == [first.settled, second.settled]
    assert first.mark < second.mark
    await other.wakes()
    await store.accept([follows])
    found = await read(store, second.mark, quick)
    assert [slow, follows] == [one.arrival for one in found]
    assert [True, True] == [one.settled for one in found]
    assert [] == await read(store, found[-1].mark)


async def test_a_clock_that_is_behind_changes_no_order(store: Store, postgres_url: str) -> None:
    """A process whose ids are years older stores after those that were acknowledged before."""
    behind = await open_store(postgres_url, blobs=MemoryBlobs(), clock=FixedClock())
    first, second, third = arrival(), arrival(id=7), arrival()
    for process, one in ((store, first), (behind, second), (store, third)):
        await process.accept([one])
    await behind.close()
    assert [first, second, third] == [one.arrival for one in await read(store, Mark())]


async def test_a_mark_of_another_server_says_nothing(store: Store) -> None:
    """A standby that took over gives numbers that were not handed on to it once more."""
    first, second = arrival(), arrival()
    for one in (first, second):
        await store.accept([one])
    mark = (await read(store, Mark()))[-1].mark
    assert [] == await read(store, mark)
    far = mark._replace(xid=mark.xid + 1000)
    assert [] == await read(store, far)
    found = await read(store, far._replace(server=mark.server - 1))
    assert [first, second] == [one.arrival for one in found]


async def test_a_look_does_not_read_whatever_waits(store: Store, postgres_url: str) -> None:
    """However many wait, and whatever PostgreSQL knows of them: it follows the index from the mark."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(
        "INSERT INTO arrival_state (arrival, state, size, partition, flow, xid)"
        " SELECT n, 'waiting', 9, n % 64, $1, n / 9 FROM generate_series(1, 50000) AS n",
        CUSTOMERS,
    )
    await connection.execute("ANALYZE arrival_state")
    engine = create_async_engine(postgres_url.replace("postgresql:", "postgresql+asyncpg:"))
    words, names, values = _text(engine.dialect, _WAITING["postgresql"])
    values |= {"flow": CUSTOMERS, "xid": 2000, "arrival": 18_000, "most": 512, "mine": -1}
    rows = await connection.fetch(f"EXPLAIN {words}", *(values[name] for name in names))
    plan = [row[0].strip() for row in rows]
    await connection.close()
    assert plan[0].startswith("Limit"), plan
    assert plan[1].startswith("->  Index Scan using arrival_state_state"), plan


async def test_a_dump_of_another_server_keeps_its_order(store: Store, postgres_url: str) -> None:
    """Its transactions may have greater numbers than any here: what it brought still comes first."""
    old, new = [arrival() for _ in range(3)], arrival()
    told, later = [event() for _ in range(2)], event()
    for one in old:
        await store.accept([one])
    for one_told in told:
        await store.commit([Changes(tenant=TENANT, events=(one_told,))])
    connection = await asyncpg.connect(postgres_url)
    for table in ("arrival_state", "event"):
        await connection.execute(f"UPDATE {table} SET xid = xid + 1000000000")
    await connection.close()
    assert [] == await store.events_after(0, limit=9)  # as it would stay
    for _ in range(2):
        opened = await open_store(postgres_url, blobs=MemoryBlobs(), clock=FixedClock())
        await opened.close()
    await store.accept([new])
    await store.commit([Changes(tenant=TENANT, events=(later,))])
    found = await read(store, Mark())
    assert [*old, new] == [one.arrival for one in found]

    async def all_told() -> bool:  # a transaction of others may be open yet
        return len(await store.events_after(0, limit=9)) == 3

    await until(all_told)
    assert [*told, later] == await store.events_after(0, limit=9)


async def test_what_turns_up_between_two_looks_is_worked_on_first(
    postgres_url: str, other: Other
) -> None:
    """The pipeline has passed by others' arrivals when one turns up behind, and then what follows it."""
    async with AsyncExitStack() as stack:
        clock = FakeClock()
        store = await open_store(postgres_url, blobs=MemoryBlobs(), clock=clock)
        stack.push_async_callback(store.close)
        shop = Workshop(store, clock, Options())
        stack.push_async_callback(shop.close)
        slow = written(shop, "first")
        await other.stores(slow)
        look = store.waiting_arrivals
        looks: list[list[Waiting]] = []

        async def between(**how: Any) -> list[Waiting]:
            """Right after the first look that found something the other one wakes."""
            found = await look(**how)
            looks.append(found)
            if sum(map(bool, looks)) == 1 and found:
                await other.wakes()
                await store.accept([written(shop, "second")])
            return found

        store.waiting_arrivals = between  # type: ignore[method-assign]
        await store.accept([written(shop, "passed by", author="bob")])
        shop.run(shop.pipeline.run())
        await shop.quiet()
        said = [message.text for changes in shop.committed for message in changes.messages]
    assert ["passed by"] == [one.arrival.key for one in next(filter(None, looks))]
    assert ["first", "second"] == [text for text in said if text in ("first", "second")]


def written(shop: Workshop, text: str, author: str = "ann") -> Arrival:
    """What somebody wrote."""
    body = msgspec.json.encode([letter(author, text)])
    return Arrival(
        id=shop.new_id(), tenant=TENANT, source="post", key=text, lane=author,
        received_at=shop.clock.now(), body=body,
    )  # fmt: skip

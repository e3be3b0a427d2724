"""Everything is copied from one engine into the other, again after a kill, and compared."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from gateway.domain.changes import Changes, StateWrite
from gateway.errors import Refused, StoreError, StoreUnavailable
from gateway.store import copying, schema
from gateway.store.blobs import MemoryBlobs
from gateway.store.copying import Copied, copy, holds_nothing, used_blobs
from gateway.store.ends import Run, Work, reading, writing
from gateway.store.migrating import migrate
from gateway.store.opening import open_store
from gateway.store.operations import ConversationFilter, Cursor, DeliveryFilter, Store
from tests.servers.ports import free_port
from tests.servers.postgres import Postgres
from tests.unit.store import values
from tests.unit.store.values import FixedClock, Opened

MANY = 450


@pytest.fixture(params=["sqlite-sqlite", "sqlite-postgresql", "postgresql-sqlite"])
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The addresses of two databases with the schema and nothing in them."""
    urls: list[str] = []
    dropping = []
    for number, kind in enumerate(request.param.split("-")):
        if kind == "sqlite":
            urls.append(f"sqlite:///{tmp_path / f'{number}.db'}")
        else:
            server: Postgres = request.getfixturevalue("postgres")
            urls.append(server.create_database())
            dropping.append(partial(server.drop_database, urls[-1]))
        migrate(urls[-1])
    yield urls[0], urls[1]
    for drop in dropping:
        drop()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    """Open a store."""
    store = await open_store(url, blobs=MemoryBlobs(), clock=FixedClock())
    try:
        yield store
    finally:
        await store.close()


async def filled(url: str) -> Opened:
    """Put something into every corner of a database."""
    async with opened(url) as store:
        await store.accept([values.arrival(b"\x00\xff" * 20) for _ in range(MANY)])
        await store.accept([values.arrival(b"x" * 300_000)])
        one = Opened(deliveries=3)
        state = StateWrite(owner="plugin/x", key="k", value=b'{"a":1}')
        await store.commit(
            [
                one.changes(
                    decisions=(values.decision(message=one.message.id),), state=(state,),
                    tickets=(values.ticket(one.conversation),),
                    claims=(values.claim(one.message, "key"),),
                )
            ]
        )  # fmt: skip
        for _ in range(5):
            await store.commit([Changes(tenant="default", events=(values.event(),))])
    return one


async def copied(source: str, target: str, **more: Any) -> list[Copied]:
    """Copy one database into another."""
    async with reading(source) as here, writing(target) as there:
        return await copy(here, there, origin=source, **more)


async def test_everything_is_copied(ends: tuple[str, str]) -> None:
    """What was in one store is in the other, and a gateway goes on with it."""
    source, target = ends
    one = await filled(source)
    told: list[tuple[int, int]] = []
    found = await copied(source, target, on_progress=lambda *step: told.append(step))
    rows = {table.table: table.rows for table in found}
    assert (MANY + 1, 1, 3, 5) == (
        rows["arrival"], rows["message"], rows["delivery"], rows["event"],
    )  # fmt: skip
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] == 2 * sum(rows.values())
    async with opened(source) as here, opened(target) as there:
        asks: tuple[Callable[[Store], Awaitable[Any]], ...] = (
            lambda store: store.conversations(None, ConversationFilter(), Cursor()),
            lambda store: store.messages(None, one.conversation.id, after_seq=0, limit=9),
            lambda store: store.deliveries(None, DeliveryFilter(), Cursor()),
            lambda store: store.decisions(None, message=one.message.id),
            lambda store: store.get_state("plugin/x", "k"),
            lambda store: store.counts(),
            lambda store: store.events_after(0, limit=50),
        )
        for ask in asks:
            assert await ask(here) == await ask(there)
        last = (await there.events_after(0, limit=50))[-1]
        new = values.event()
        await there.commit([Changes(tenant="default", events=(new,))])
        assert [new.id] == [one.id for one in await there.events_after(last.id, limit=9)]


@pytest.mark.parametrize("call", range(2, 14, 3))
async def test_a_copy_that_was_killed_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    """Whichever write it died before or after, nothing is missing and nothing is there twice."""
    source, target = (f"sqlite:///{tmp_path / name}" for name in ("a.db", "b.db"))
    for url in (source, target):
        await asyncio.to_thread(migrate, url)
    await filled(source)
    monkeypatch.setattr(copying, "PAGE", 100)
    for before in (True, False):
        async with reading(source) as here, writing(target) as there:
            with pytest.raises(ConnectionAbortedError):
                await copy(here, dying(there, call, before=before), origin=source)
    rows = {table.table: table.rows for table in await copied(source, target)}
    assert (MANY + 1, 5) == (rows["arrival"], rows["event"])


def dying(run: Run, call: int, *, before: bool) -> Run:
    """An end that dies before or after one of its calls."""
    calls = 0

    async def mortal(work: Work) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and before:
            raise ConnectionAbortedError
        done = await run(work)
        if calls == call:
            raise ConnectionAbortedError
        return done

    return mortal


async def test_a_copy_goes_into_an_empty_database_only(tmp_path: Path) -> None:
    """What holds records, or half a copy of something else, is left alone."""
    urls = [f"sqlite:///{tmp_path / name}" for name in ("a.db", "b.db", "c.db")]
    for url in urls:
        await asyncio.to_thread(migrate, url)
    await filled(urls[0])
    await filled(urls[1])
    with pytest.raises(Refused, match="holds records already"):
        await copied(urls[0], urls[1])
    async with reading(urls[0]) as here, writing(urls[2]) as there:
        with pytest.raises(ConnectionAbortedError):
            await copy(here, dying(there, 5, before=False), origin=urls[0])
    with pytest.raises(Refused, match="a copy of another database that was not finished"):
        await copied(urls[1], urls[2])
    await copied(urls[0], urls[2])
    with pytest.raises(Refused, match="holds records already"):
        await copied(urls[0], urls[2])


async def test_a_source_that_changed_meanwhile_is_noticed(tmp_path: Path) -> None:
    """When a gateway wrote between the kill and the second run, the comparison says so."""
    source, target = (f"sqlite:///{tmp_path / name}" for name in ("a.db", "b.db"))
    for url in (source, target):
        await asyncio.to_thread(migrate, url)
    one = await filled(source)
    async with reading(source) as here, writing(target) as there:
        with pytest.raises(ConnectionAbortedError):
            await copy(here, dying(there, 60, before=False), origin=source)
    async with opened(source) as store:
        await store.set_arrival_state(
            None, (await store.waiting_arrivals(after={}, limit=1, max_bytes=1))[0].arrival.id,
            "discarded", when="waiting",
        )  # fmt: skip
    with pytest.raises(StoreError, match=r"the table arrival_state differs.*empty target"):
        await copied(source, target)
    assert one.message.id


async def test_what_is_read_is_one_moment(ends: tuple[str, str]) -> None:
    """What is written while it is read is not seen."""
    source, _ = ends
    await filled(source)

    def count(connection: Connection) -> int:
        return len(connection.execute(schema.arrival.select()).all())

    async with reading(source) as run:
        assert MANY + 1 == await run(count)
        async with opened(source) as store:
            await store.accept([values.arrival()])
        assert MANY + 1 == await run(count)
    async with reading(source) as run:
        assert MANY + 2 == await run(count)
        assert not await run(holds_nothing)
        assert 1 == len(await run(used_blobs))


async def test_a_database_that_does_not_answer_is_said() -> None:
    """Neither end hangs or shows a traceback of the driver."""
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    for end in (reading, writing):
        with pytest.raises(StoreUnavailable, match="does not answer"):
            async with end(url) as run:
                await run(holds_nothing)

"""The two ends of a copy: a database read as it is at one moment, and one that is written to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.pool import NullPool, StaticPool

from gateway.config.database import parse_url
from gateway.errors import StoreError, StoreUnavailable
from gateway.store.connecting import postgres_engine
from gateway.store.faults import store_error

Work: TypeAlias = Callable[[Connection], Any]
Run: TypeAlias = Callable[[Work], Awaitable[Any]]
_PATIENT = {"idle_in_transaction_session_timeout": "0", "application_name": "intake-gateway copy"}


@asynccontextmanager
async def reading(url: str) -> AsyncGenerator[Run]:
    """Read a database as it is at one moment, whatever is written to it meanwhile.

    Raises:
        StoreUnavailable: it does not answer.
    """
    if parse_url(url).get_backend_name() == "sqlite":
        async with _sqlite(url, "BEGIN", one_transaction=True) as run:
            yield run
    else:
        async with _postgres_snapshot(url) as run:
            yield run


@asynccontextmanager
async def writing(url: str) -> AsyncGenerator[Run]:
    """Write to a database; each call is a transaction of its own.

    Raises:
        StoreUnavailable: it does not answer.
    """
    if parse_url(url).get_backend_name() == "sqlite":
        async with _sqlite(url, "BEGIN IMMEDIATE", one_transaction=False) as run:
            yield run
    else:
        engine = postgres_engine(parse_url(url), poolclass=NullPool)

        async def run(work: Work) -> Any:
            async with engine.begin() as connection:
                return await connection.run_sync(work)

        yield _guarded(run)
        await engine.dispose()


@asynccontextmanager
async def _sqlite(url: str, begin: str, *, one_transaction: bool) -> AsyncGenerator[Run]:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, thread_name_prefix="store-copy") as thread:
        engine = _engine(url, begin)

        def each(work: Work) -> Any:
            with engine.begin() as connection:
                return work(connection)

        if not one_transaction:
            yield _guarded(lambda work: loop.run_in_executor(thread, each, work))
            await loop.run_in_executor(thread, engine.dispose)
            return
        connection = await _guarded(lambda work: loop.run_in_executor(thread, work, None))(  # type: ignore[arg-type]
            lambda _: engine.connect()
        )
        try:
            yield _guarded(lambda work: loop.run_in_executor(thread, work, connection))
        finally:
            await loop.run_in_executor(thread, connection.close)
            await loop.run_in_executor(thread, engine.dispose)


def _engine(url: str, begin: str) -> Engine:
    engine = create_engine(
        parse_url(url), poolclass=StaticPool,
        connect_args={"isolation_level": None, "timeout": 30.0, "check_same_thread": False},
    )  # fmt: skip

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


@asynccontextmanager
async def _postgres_snapshot(url: str) -> AsyncGenerator[Run]:
    engine = postgres_engine(
        parse_url(url), connect={"server_settings": _PATIENT}, poolclass=NullPool
    )
    try:
        async with engine.connect() as opened:
            connection = await opened.execution_options(isolation_level="REPEATABLE READ")
            await connection.execute(text("SET TRANSACTION READ ONLY"))

            async def run(work: Work) -> Any:
                return await connection.run_sync(work)

            yield _guarded(run)
    except StoreError:
        raise
    except Exception as error:
        if (fault := store_error(error)) is None:
            raise
        raise StoreUnavailable(str(fault)) from error
    finally:
        await engine.dispose()


def _guarded(run: Run) -> Run:
    """Say in our words when a database does not answer."""

    async def guarded(work: Work) -> Any:
        try:
            return await run(work)
        except StoreError:
            raise
        except Exception as error:
            if (fault := store_error(error)) is None:
                raise
            raise StoreUnavailable(str(fault)) from error

    return guarded

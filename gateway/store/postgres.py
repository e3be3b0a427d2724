"""The store on PostgreSQL, for any number of processes."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.contracts.services import Clock
from gateway.domain.changes import Changes, Conflict
from gateway.domain.signal import Signal
from gateway.errors import StoreError, StoreUnavailable
from gateway.store import writing
from gateway.store.appending import GroupAppender
from gateway.store.arrivals import Appended
from gateway.store.base import BaseStore, Bounds
from gateway.store.batching import GroupCommits
from gateway.store.blobs import BlobStore
from gateway.store.connecting import postgres_engine
from gateway.store.faults import conflict_of, store_error
from gateway.store.migrating import prepare
from gateway.store.operations import Tenants
from gateway.store.row_security import as_tenants, check_role
from gateway.store.signalling import Signals
from gateway.store.transactions import number_anew

R = TypeVar("R")
CONNECTIONS = 8
COMMAND_SECONDS = 60
_TRIES = 5
_SETTINGS = {
    # Whatever the server's default is: what is acknowledged is on disk.
    "synchronous_commit": "on",
    # The fence around writes rests on it: what is read after a lock is what the lock guards.
    "default_transaction_isolation": "read committed",
    "lock_timeout": "20s",
}


class PostgresStore(BaseStore):
    """A store in a PostgreSQL database.

    Args:
        create: an empty database is given the schema.
        migrate: an older schema is brought up to date.
        lease: seconds after which a process that is silent loses its work. One that is paused in
            the middle of a transaction must not keep the others from that any longer.
        api_role: the role as which people's reads are made; empty for the user itself.
    """

    def __init__(
        self,
        url: URL,
        *,
        blobs: BlobStore,
        clock: Clock,
        bounds: Bounds,
        create: bool = True,
        migrate: bool = False,
        lease: float = 15.0,
        api_role: str = "",
    ) -> None:
        super().__init__(blobs=blobs, clock=clock, bounds=bounds)
        self._url, self._create, self._migrate = url, create, migrate
        session = f"intake-gateway {secrets.token_hex(4)} {os.getpid()}"
        self._engine = _engine(url, CONNECTIONS + 1, session, lease)  # one of them listens
        # Beats must not stand in line behind the work.
        self._heart = _engine(url, 1, session, lease)
        self._appender = GroupAppender(self._engine)
        self._commits = GroupCommits(partial(self._write, writing.commit))
        self._signals = Signals(self._engine)
        self._open, self._api_role = False, api_role

    async def open(self) -> None:
        """Connect and check the schema, and the role of people's reads."""
        url = self._url.render_as_string(hide_password=False)
        await asyncio.to_thread(prepare, url, create=self._create, migrate=self._migrate)
        self._appender.start()
        self._open = True
        await self._write(number_anew)
        if self._api_role:
            await self._read(check_role, self._api_role)

    async def close(self) -> None:
        """Finish what is queued and disconnect."""
        await self._commits.stop()
        self._open = False
        await self._appender.stop()
        await self._engine.dispose()
        await self._heart.dispose()

    def tell(self, signal: Signal) -> None:
        """Tell the other processes as soon as may be."""
        self._signals.tell(signal)

    async def listen(self, heard: Callable[[Signal], None]) -> None:
        """Hear what other processes tell until cancelled; an error means that the line is cut."""
        if not self._open:
            raise StoreUnavailable("the store is closed")
        await self._signals.run(heard)

    async def _read(self, function: Callable[..., R], *args: Any, **named: Any) -> R:
        return await self._run(self._engine, function, args, named)

    async def _read_of(
        self, tenants: Tenants, function: Callable[..., R], *args: Any, **named: Any
    ) -> R:
        if not self._api_role or tenants is None:
            return await super()._read_of(tenants, function, *args, **named)

        def read(connection: Connection) -> R:
            return function(connection, tenants, *args, **named)

        return await self._read(as_tenants, self._api_role, tenants, read)

    async def _write(self, function: Callable[..., R], *args: Any, **named: Any) -> R:
        return await self._run(self._engine, function, args, named)

    async def _beat(self, function: Callable[..., R], *args: Any, **named: Any) -> R:
        return await self._run(self._heart, function, args, named)

    async def commit(self, changes: Sequence[Changes]) -> list[Conflict | None]:
        """Commit units of work, together with those of whoever commits at the same time."""
        return await self._commits.commit(changes) if changes else []

    async def _run(
        self,
        engine: AsyncEngine,
        function: Callable[..., R],
        args: tuple[Any, ...],
        named: dict[str, Any],
    ) -> R:
        def call(connection: Connection) -> R:
            return function(connection, *args, **named)

        if not self._open:
            raise StoreUnavailable("the store is closed")
        for _ in range(_TRIES):
            try:
                async with engine.begin() as connection:
                    return await connection.run_sync(call)
            except StoreError:
                raise
            except Exception as error:
                if fault := store_error(error):
                    raise fault from error
                # Rolled back for another's sake: nothing was done, so it can be done again.
                if not _may_repeat(error):
                    raise
        raise StoreUnavailable("other processes keep changing what this one needs; try again")

    async def _append(self, rows: Appended) -> None:
        if not self._open:
            raise StoreUnavailable("the store is closed")
        await self._appender.append(rows)


def _engine(url: URL, size: int, session: str, lease: float) -> AsyncEngine:
    settings = {
        **_SETTINGS,
        "application_name": session,
        "idle_in_transaction_session_timeout": f"{max(1000, int(lease * 1000))}ms",
    }
    return postgres_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=COMMAND_SECONDS,
        # A connection that a restart of the server cut is noticed before it is used.
        pool_pre_ping=True,
        connect={
            "command_timeout": COMMAND_SECONDS,
            "server_settings": settings,
            "prepared_statement_cache_size": 500,
        },
    )


def _may_repeat(error: Exception) -> bool:
    conflict = conflict_of(error) if isinstance(error, DBAPIError) else None
    return conflict is not None and conflict.on == "deadlock"

"""The store on SQLite: one writer with group commit, a few readers with their own connections."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from gateway.contracts.services import Clock
from gateway.domain.changes import Changes, Conflict
from gateway.errors import StoreBroken, StoreUnavailable
from gateway.store import state
from gateway.store.arrivals import Appended
from gateway.store.base import BaseStore, Bounds
from gateway.store.blobs import BlobStore
from gateway.store.committing import GroupCommitter
from gateway.store.faults import store_error
from gateway.store.folders import make_folder, sync_folder
from gateway.store.migrating import prepare

R = TypeVar("R")
READERS = 2
# synchronous=NORMAL loses acknowledged messages at power loss; FULL costs nothing in a group commit.
_WRITER = (
    "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON",
    "PRAGMA wal_autocheckpoint=1000", "PRAGMA cache_size=-65536", "PRAGMA temp_store=MEMORY",
)  # fmt: skip
_READER = ("PRAGMA query_only=ON", "PRAGMA cache_size=-16384", "PRAGMA temp_store=MEMORY")


def connect_file(path: Path) -> sqlite3.Connection:
    """Open a database file with transactions that begin and end only where we say so."""
    return sqlite3.connect(
        path, timeout=5.0, isolation_level=None, check_same_thread=False, cached_statements=512
    )


class SqliteStore(BaseStore):
    """A store in a SQLite file.

    Args:
        create: an empty or missing file is given the schema.
        migrate: a file with an older schema is brought up to date.
        on_broken: called once when a commit failed with an I/O error and the process must end.
        connect: opens the writer's connection.
    """

    def __init__(
        self,
        path: Path,
        *,
        blobs: BlobStore,
        clock: Clock,
        bounds: Bounds,
        create: bool = True,
        migrate: bool = False,
        on_broken: Callable[[StoreBroken], None] | None = None,
        connect: Callable[[Path], sqlite3.Connection] = connect_file,
    ) -> None:
        super().__init__(blobs=blobs, clock=clock, bounds=bounds)
        self._path, self._create, self._migrate = path, create, migrate
        self._writer = _engine(
            partial(connect, path), _WRITER, "BEGIN IMMEDIATE", size=1, check=_check_journal
        )
        self._reader = _engine(partial(connect_file, path), _READER, "BEGIN", size=READERS)
        self._committer = GroupCommitter(self._writer.connect, on_broken=on_broken)
        self._threads: ThreadPoolExecutor | None = None

    async def open(self) -> None:
        """Open the file, making it and its folder if they may be made, and check the schema."""
        await asyncio.to_thread(self._prepare)
        await self._committer.start()
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")

    def _prepare(self) -> None:
        if self._create:
            _make_private(self._path)
        elif not self._path.exists():
            raise StoreUnavailable(
                f"there is no database at {self._path}; `gateway run` or `gateway db migrate` makes "
                "one, unless the data folder was moved"
            )
        prepare(f"sqlite:///{self._path}", create=self._create, migrate=self._migrate)

    async def close(self) -> None:
        """Finish what is queued and close the file."""
        await self._committer.stop()
        threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.to_thread(threads.shutdown)
        await asyncio.to_thread(self._reader.dispose)
        await asyncio.to_thread(self._writer.dispose)

    async def _read(self, function: Callable[..., R], *args: Any, **named: Any) -> R:
        if self._threads is None:
            raise StoreUnavailable("the store is closed")
        loop = asyncio.get_running_loop()
        run = partial(self._read_now, partial(function, **named), args)
        return await loop.run_in_executor(self._threads, run)

    def _read_now(self, function: Callable[..., R], args: tuple[Any, ...]) -> R:
        try:
            with self._reader.begin() as connection:
                return function(connection, *args)
        except DBAPIError as error:
            fault = store_error(error)
            if fault is None:
                raise
            # Nothing was written, so nothing is broken that was acknowledged.
            raise StoreUnavailable(str(fault)) from error

    async def _write(self, function: Callable[..., R], *args: Any, **named: Any) -> R:
        def run(connection: Connection) -> R:
            return function(connection, *args, **named)

        result: R = await self._committer.run(run, probe=function is state.note)
        return result

    async def commit(self, changes: Sequence[Changes]) -> list[Conflict | None]:
        """Commit units of work, together with those of whoever commits at the same time."""
        if not changes:
            return []
        answers: list[Conflict | None] = await self._committer.commit(changes)
        return answers

    async def _append(self, rows: Appended) -> None:
        await self._committer.append(rows)


def _engine(
    connect: Callable[[], sqlite3.Connection], pragmas: tuple[str, ...], begin: str, *, size: int,
    check: Callable[[sqlite3.Connection], None] | None = None,
) -> Engine:  # fmt: skip
    engine = create_engine(
        "sqlite://", creator=connect, poolclass=QueuePool, pool_size=size, max_overflow=0
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: Any) -> None:
        for pragma in pragmas:
            connection.execute(pragma).fetchall()  # to its end, where it may fail yet
        if check is not None:
            check(connection)

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _check_journal(connection: sqlite3.Connection) -> None:
    """Refuse a writer without its write-ahead log.

    Where SQLite cannot have one it says no word and keeps the journal of before, with which a power
    cut takes back what was acknowledged.
    """
    [mode] = connection.execute("PRAGMA journal_mode").fetchone()
    if mode != "wal":
        raise StoreUnavailable(
            f"the database has a journal of mode {mode!r} instead of a write-ahead log; check the "
            "disk, and that it is a local one, then start again"
        )


def _make_private(path: Path) -> None:
    """Make the file readable by nobody else before anything is in it."""
    try:
        make_folder(path.parent, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        sync_folder(path.parent)
    except OSError as error:
        raise StoreUnavailable(
            f"the database {path} cannot be written: {error.strerror}; check its folder, and that "
            "the user who runs the gateway owns both"
        ) from error

"""Bring a database's schema up to date, and refuse one that is newer than this gateway.

Everything here blocks; from the event loop it is called in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import URL, Connection, create_engine, event, inspect, make_url, text
from sqlalchemy.pool import NullPool

from gateway.errors import SchemaMismatch, StoreError, StoreUnavailable
from gateway.store.faults import store_error

if TYPE_CHECKING:  # importing Alembic takes a tenth of a second, and most starts do not need it
    from alembic.config import Config

R = TypeVar("R")
_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_305_180_521  # any number; every gateway asks PostgreSQL for the same one


def newest_schema() -> str:
    """Name the schema that this gateway works with: the last migration's number."""
    numbers = [path.name.partition("_")[0] for path in _FOLDER.glob("versions/[0-9]*.py")]
    if not numbers:
        raise SchemaMismatch("this installation of the gateway is without its migrations")
    return max(numbers)


def current_schema(url: str) -> str | None:
    """Name the schema that a database has, None if it is empty.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    return _run(url, _current)


def refuse_foreign(url: str) -> None:
    """Refuse a database that is empty, or of a schema that this gateway does not know.

    Raises:
        SchemaMismatch: what to do is in the words.
        StoreUnavailable: the database does not answer.
    """
    found = current_schema(url)
    if found is None:
        raise _empty()
    _refuse_newer(found)


def migrate(url: str) -> str:
    """Bring a database up to date, from empty or from any released schema; gives its name.

    Processes that try it at the same time wait for one another.

    Raises:
        SchemaMismatch: the database is newer than this gateway.
        StoreUnavailable: the database does not answer.
    """
    return _run(url, _upgrade)


def prepare(url: str, *, create: bool, migrate: bool) -> None:
    """Check that a database has this gateway's schema.

    Args:
        create: give an empty database the schema.
        migrate: bring an older one up to date.

    Raises:
        SchemaMismatch: what to do is in the words.
        StoreUnavailable: the database does not answer.
    """
    found = current_schema(url)
    newest = newest_schema()
    if found == newest:
        return
    if found is None:
        if not create:
            raise _empty()
    else:
        _refuse_newer(found)
        if not migrate:
            raise SchemaMismatch(
                f"the database has schema {found}, this gateway needs {newest}: "
                "make a backup (`gateway db backup`), then run `gateway db migrate`"
            )
    _run(url, _upgrade)


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", _FOLDER.as_posix().replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _empty() -> SchemaMismatch:
    return SchemaMismatch("the database is empty: run `gateway db migrate` to set it up")


def _refuse_newer(found: str) -> None:
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found not in known:
        raise SchemaMismatch(
            f"the database has schema {found}, which this gateway does not know: a newer gateway "
            "has used it. Install that version again, or restore a backup made with this one"
        )


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _upgrade(connection: Connection) -> str:
    from alembic import command

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if found := _current(connection):
        _refuse_newer(found)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return newest_schema()


def _run(url: str, function: Callable[[Connection], R]) -> R:
    address = make_url(url)
    try:
        if address.get_backend_name() == "sqlite":
            return _run_sqlite(address, function)
        return asyncio.run(_run_postgres(address, function))
    except StoreError:
        raise
    except Exception as error:
        if (fault := store_error(error)) is None:
            raise
        where = f"{address.database}: " if address.get_backend_name() == "sqlite" else ""
        raise StoreUnavailable(f"{where}{fault}") from error


def _run_sqlite(address: URL, function: Callable[[Connection], R]) -> R:
    engine = create_engine(address, poolclass=NullPool, connect_args={"isolation_level": None})

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.begin() as connection:
        return function(connection)


async def _run_postgres(address: URL, function: Callable[[Connection], R]) -> R:
    from gateway.store.connecting import postgres_engine

    engine = postgres_engine(address, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(function)
    finally:
        await engine.dispose()

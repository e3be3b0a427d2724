"""Migrations, and what is said when a schema does not fit."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from gateway.errors import SchemaMismatch, StoreUnavailable
from gateway.store import migrating
from gateway.store.blobs import MemoryBlobs
from gateway.store.migrating import current_schema, migrate, newest_schema
from gateway.store.opening import open_store
from gateway.store.schema import metadata
from tests.servers.ports import free_port
from tests.unit.store.values import FixedClock


def on(url: str, function: Callable[[Connection], Any]) -> Any:
    """Run a function on a database."""
    return migrating._run(url, function)


def test_an_empty_database_gets_the_schema(empty_url: str) -> None:
    """Migrating sets up an empty database, and is nothing when done again."""
    assert None is current_schema(empty_url)
    assert newest_schema() == migrate(empty_url)
    assert newest_schema() == current_schema(empty_url)
    assert newest_schema() == migrate(empty_url)


def test_the_migrations_make_what_the_code_expects(empty_url: str) -> None:
    """The tables that migrations leave behind are those of the schema, to the last index."""
    migrate(empty_url)
    assert [] == on(empty_url, lambda c: compare_metadata(MigrationContext.configure(c), metadata))


async def test_processes_that_migrate_at_once_wait_for_one_another(empty_url: str) -> None:
    """Two processes that start on an empty database both find it set up."""
    done = await asyncio.gather(*(asyncio.to_thread(migrate, empty_url) for _ in range(2)))
    assert [newest_schema()] * 2 == done


async def test_a_newer_schema_is_refused(empty_url: str) -> None:
    """A database that a newer gateway has used is left alone, with words that help."""
    await asyncio.to_thread(migrate, empty_url)
    change = text("UPDATE alembic_version SET version_num = '9999'")
    await asyncio.to_thread(on, empty_url, lambda connection: connection.execute(change))
    with pytest.raises(SchemaMismatch, match="a newer gateway has used it"):
        await open_store(empty_url, blobs=MemoryBlobs(), clock=FixedClock(), migrate=True)
    with pytest.raises(SchemaMismatch, match="Install that version again, or restore a backup"):
        await asyncio.to_thread(migrate, empty_url)


async def test_an_older_schema_is_migrated_only_when_asked(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without leave the operator is told to make a backup and migrate."""
    await asyncio.to_thread(migrate, empty_url)
    monkeypatch.setattr(migrating, "newest_schema", lambda: "9999")
    with pytest.raises(SchemaMismatch, match=r"gateway db backup.*gateway db migrate"):
        await open_store(empty_url, blobs=MemoryBlobs(), clock=FixedClock())


async def test_an_empty_database_is_set_up_only_when_it_may_be(tmp_path: Path) -> None:
    """A command that only reads makes no database, and says what to run."""
    path = tmp_path / "g.db"
    with pytest.raises(StoreUnavailable, match="there is no database at"):
        await open_store(f"sqlite:///{path}", blobs=MemoryBlobs(), clock=FixedClock(), create=False)
    assert not path.exists()
    sqlite3.connect(path).close()
    with pytest.raises(SchemaMismatch, match="run `gateway db migrate`"):
        await open_store(f"sqlite:///{path}", blobs=MemoryBlobs(), clock=FixedClock(), create=False)


async def test_a_file_that_is_no_database_is_said_so(tmp_path: Path) -> None:
    """A wrong path in the config does not end in a traceback."""
    path = tmp_path / "notes.txt"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await open_store(f"sqlite:///{path}", blobs=MemoryBlobs(), clock=FixedClock())


async def test_a_server_that_is_not_there_is_said_so() -> None:
    """An address where nothing listens is an answer in seconds, not a hang."""
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    with pytest.raises(StoreUnavailable, match="does not answer"):
        await open_store(url, blobs=MemoryBlobs(), clock=FixedClock())


def test_the_newest_schema_is_the_last_migration() -> None:
    """The numbers of the files, which a start goes by, are in the order of the migrations."""
    scripts = ScriptDirectory.from_config(migrating._config())
    assert newest_schema() == scripts.get_current_head()

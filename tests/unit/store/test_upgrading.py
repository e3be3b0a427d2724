"""Databases of every released schema are brought up to date with all that is in them."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select

from gateway.errors import SchemaMismatch
from gateway.store import migrating, schema
from gateway.store.blobs import MemoryBlobs
from gateway.store.migrating import current_schema, migrate, newest_schema
from gateway.store.opening import open_store
from gateway.store.operations import ConversationFilter, Cursor, DeliveryFilter
from tests.servers.postgres import Postgres
from tests.servers.processes import run
from tests.unit.store.values import FixedClock

SCHEMAS = Path(__file__).parent / "schemas"
PICTURE = hashlib.sha256(b"a picture").hexdigest()


@pytest.fixture(params=sorted(SCHEMAS.glob("*.sql")), ids=lambda path: path.stem)
def released(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database as a released version left it, of each schema and engine in turn."""
    path: Path = request.param
    if ".sqlite" in path.name:
        with sqlite3.connect(tmp_path / "gateway.db") as connection:
            connection.executescript(path.read_text())
        connection.close()
        yield f"sqlite:///{tmp_path / 'gateway.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.create_database()
    options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    run([str(server.binaries / "psql"), url, *options, "--file", str(path)])
    yield url
    server.drop_database(url)


def test_every_schema_before_the_newest_has_its_databases() -> None:
    """Who adds a migration adds the databases it has to cope with."""
    script = ScriptDirectory.from_config(migrating._config())
    older = {one.revision for one in script.walk_revisions()} - {newest_schema()}
    there = {path.name for path in SCHEMAS.glob("*.sql")}
    unreleased = {
        "0002",
        "0003",
        "0004",
        "0005",
    }  # part of the next release together with the newest
    assert (
        set()
        == {
            f"{revision}.{engine}.sql"
            for revision in older - unreleased
            for engine in ("sqlite", "postgresql")
        }
        - there
    )


async def test_a_released_database_is_brought_up_to_date(released: str) -> None:
    """It is refused until it is migrated; then its tables are today's, and all is still in it."""
    before = await asyncio.to_thread(current_schema, released)
    assert before != newest_schema()
    with pytest.raises(SchemaMismatch, match=r"gateway db backup.*gateway db migrate"):
        await open_store(released, blobs=MemoryBlobs(), clock=FixedClock())
    assert newest_schema() == await asyncio.to_thread(migrate, released)
    differences = await asyncio.to_thread(
        migrating._run,
        released,
        lambda connection: compare_metadata(
            MigrationContext.configure(connection), schema.metadata
        ),
    )
    assert [] == differences
    store = await open_store(released, blobs=MemoryBlobs(), clock=FixedClock())
    found = await store.conversations(None, ConversationFilter(), Cursor())
    assert ["acme", "default", "default", "default", "default"] == sorted(
        one.tenant for one in found
    )
    [kettle] = [one for one in found if one.subject == "The kettle"]
    [message] = await store.messages(None, kettle.id, after_seq=0, limit=10)
    assert (1, PICTURE) == (message.revision, message.attachments[0].blob)
    assert 2 == len(await store.quarantine(None, Cursor()))
    counts = await store.counts()
    assert (1, {"backend/sick": 1}) == (counts.arrivals_waiting, counts.deliveries_dead)
    [dead] = await store.deliveries(None, DeliveryFilter(states=("dead",)), Cursor())
    assert await store.decisions(None, message=dead.message)
    await store.close()


async def test_the_blobs_of_a_released_database_are_known(released: str) -> None:
    """After the migration it is known which messages use which blob, so that none is purged."""
    await asyncio.to_thread(migrate, released)
    uses = await asyncio.to_thread(
        migrating._run,
        released,
        lambda connection: connection.execute(select(schema.blob_use.c.blob)).scalars().all(),
    )
    assert [PICTURE] == uses

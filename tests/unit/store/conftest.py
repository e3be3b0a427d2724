from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.store.blobs import MemoryBlobs
from gateway.store.migrating import migrate
from gateway.store.opening import open_store
from gateway.store.operations import Store
from tests.servers.postgres import Postgres
from tests.unit.store.values import FixedClock, new_id


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema and nothing in it."""
    path = tmp_path_factory.mktemp("template") / "gateway.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """The name of a PostgreSQL database with the schema and nothing in it."""
    url = postgres.create_database()
    migrate(url)
    return url.rpartition("/")[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database with the schema and nothing in it, of each engine in turn."""
    if request.param == "sqlite":
        path = tmp_path / "gateway.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    template = request.getfixturevalue("postgres_template")
    name = f"store_{new_id()}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.url(name)
    server.drop_database(server.url(name))


@pytest.fixture
def blobs() -> MemoryBlobs:
    """A blob store that a test can look into."""
    return MemoryBlobs()


@pytest.fixture
async def store(store_url: str, blobs: MemoryBlobs) -> AsyncIterator[Store]:
    """An open store of each engine in turn."""
    opened = await open_store(store_url, blobs=blobs, clock=FixedClock())
    yield opened
    await opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without anything, of each engine in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'gateway.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url

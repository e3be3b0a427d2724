from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store.migrating import migrate
from tests.unit.core.deliveries import BACKEND
from tests.unit.core.workshop import Workshop, workshop


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema and nothing in it."""
    path = tmp_path_factory.mktemp("template") / "gateway.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def database(empty_database: Path, tmp_path: Path) -> Path:
    """A SQLite file of the test's own."""
    return Path(shutil.copy(empty_database, tmp_path / "gateway.db"))


@pytest.fixture
async def shop(database: Path) -> AsyncIterator[Workshop]:
    """A workshop as the gateway's defaults have it, with its pipeline running."""
    async with workshop(database) as opened:
        yield opened


@pytest.fixture
async def office(database: Path) -> AsyncIterator[Workshop]:
    """A workshop whose outbox to the ticket system runs."""
    async with workshop(database) as opened:
        opened.send_to(BACKEND)
        yield opened

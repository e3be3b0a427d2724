"""Backup, vacuum and integrity check of a SQLite store that is in use."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from gateway.errors import Refused, StoreUnavailable
from gateway.store.backup import back_up, check_integrity, vacuum
from gateway.store.blobs import MemoryBlobs
from gateway.store.opening import open_store
from tests.unit.store.values import FixedClock, arrival, files_in


async def test_a_backup_under_load_can_be_opened(tmp_path: Path) -> None:
    """A copy made while arrivals come in holds all that was there before, and is whole."""
    url, copy = f"sqlite:///{tmp_path / 'g.db'}", tmp_path / "copy.db"
    store = await open_store(url, blobs=MemoryBlobs(), clock=FixedClock())
    await store.accept([arrival(b"x" * 5000) for _ in range(2000)])
    stop = asyncio.Event()

    async def load() -> None:
        while not stop.is_set():
            await store.accept([arrival(b"y" * 500)])

    loading = asyncio.create_task(load())
    told: list[tuple[int, int]] = []
    await back_up(url, copy, on_progress=lambda done, total: told.append((done, total)))
    stop.set()
    await loading
    await store.close()
    assert told
    assert told[-1][0] == told[-1][1]
    assert [] == await check_integrity(f"sqlite:///{copy}")
    restored = await open_store(f"sqlite:///{copy}", blobs=MemoryBlobs(), clock=FixedClock())
    assert 2000 <= (await restored.counts()).arrivals_waiting
    await restored.close()
    assert [] == files_in(tmp_path, ".*partial*")


async def test_a_backup_replaces_nothing(tmp_path: Path) -> None:
    """A file that is there is not overwritten."""
    url = f"sqlite:///{tmp_path / 'g.db'}"
    await (await open_store(url, blobs=MemoryBlobs(), clock=FixedClock())).close()
    (tmp_path / "copy.db").write_text("precious")
    with pytest.raises(Refused, match="replaces no file"):
        await back_up(url, tmp_path / "copy.db")
    assert "precious" == (tmp_path / "copy.db").read_text()


async def test_a_backup_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """A target folder that is not there is an answer, not a traceback."""
    url = f"sqlite:///{tmp_path / 'g.db'}"
    await (await open_store(url, blobs=MemoryBlobs(), clock=FixedClock())).close()
    with pytest.raises(StoreUnavailable, match="the backup failed"):
        await back_up(url, tmp_path / "nowhere" / "copy.db")


async def test_postgresql_has_tools_of_its_own() -> None:
    """Each command names what to use instead."""
    url = "postgresql://user@localhost/db"
    with pytest.raises(Refused, match="pg_dump"):
        await back_up(url, Path("copy"))
    with pytest.raises(Refused, match="vacuums by itself"):
        await vacuum(url)
    with pytest.raises(Refused, match="pg_amcheck"):
        await check_integrity(url)


async def test_vacuum_gives_space_back(tmp_path: Path) -> None:
    """A file from which much was deleted is smaller afterwards."""
    path = tmp_path / "g.db"
    store = await open_store(f"sqlite:///{path}", blobs=MemoryBlobs(), clock=FixedClock())
    await store.accept([arrival(b"x" * 100_000) for _ in range(50)])
    await store.close()
    before = path.stat().st_size

    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM arrival")
    connection.close()
    await vacuum(f"sqlite:///{path}")
    assert before / 10 > path.stat().st_size


async def test_damage_is_found(tmp_path: Path) -> None:
    """A page that was overwritten is reported."""
    path = tmp_path / "g.db"
    store = await open_store(f"sqlite:///{path}", blobs=MemoryBlobs(), clock=FixedClock())
    await store.accept([arrival(b"x" * 3000) for _ in range(50)])
    await store.close()
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 8192] = b"\xff" * 8192
    path.write_bytes(data)
    assert [] != await check_integrity(f"sqlite:///{path}")
    with pytest.raises(StoreUnavailable, match="there is no database"):
        await check_integrity(f"sqlite:///{tmp_path / 'none.db'}")

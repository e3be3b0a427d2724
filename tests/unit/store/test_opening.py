"""Which store a URL names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gateway.config.server import StoreSettings
from gateway.errors import ConfigError
from gateway.store.blobs import FileBlobs, MemoryBlobs
from gateway.store.opening import open_blobs, open_store
from gateway.store.s3 import S3Blobs
from gateway.store.sqlite import SqliteStore
from tests.unit.store.values import FixedClock


async def test_a_sqlite_url_opens_a_file(tmp_path: Path) -> None:
    """Three slashes and a path name a file, which is made with its folders."""
    path = tmp_path / "a" / "b.db"
    store = await open_store(f"sqlite:///{path}", blobs=MemoryBlobs(), clock=FixedClock())
    assert isinstance(store, SqliteStore)
    await store.close()
    assert path.exists()


async def test_postgresql_without_its_library_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who configures PostgreSQL without asyncpg is told what to install."""
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ConfigError, match=r"pip install 'intake-gateway\[postgres\]'"):
        await open_store("postgresql://u@h/d", blobs=MemoryBlobs(), clock=FixedClock())


def test_blobs_are_where_the_settings_say(tmp_path: Path) -> None:
    """A folder below the data folder by default, else a folder or a bucket."""
    assert isinstance(open_blobs(StoreSettings(), tmp_path), FileBlobs)
    assert isinstance(open_blobs(StoreSettings(blobs="s3://some-bucket/a/b"), tmp_path), S3Blobs)


def test_a_missing_library_for_s3_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names what to install."""
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(ConfigError, match=r"pip install 'intake-gateway\[s3\]'"):
        open_blobs(StoreSettings(blobs="s3://some-bucket"), tmp_path)

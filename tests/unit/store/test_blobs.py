"""The blob store."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx

from gateway.errors import NotFound, StoreBroken, StoreUnavailable
from gateway.store.blobs import BlobStore, FileBlobs, MemoryBlobs
from tests.unit.store.values import files_in

DATA = b"\x00content\xff" * 1000
NAME = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(params=["files", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """An empty blob store of each kind in turn."""
    return FileBlobs(tmp_path / "deep" / "blobs") if request.param == "files" else MemoryBlobs()


async def test_a_content_is_kept_under_its_hash(blobs: BlobStore) -> None:
    """What is put is read back, exists, and is gone once deleted; deleting twice is nothing."""
    assert not await blobs.exists(NAME)
    assert NAME == await blobs.put(DATA)
    assert NAME == await blobs.put(DATA)
    assert await blobs.exists(NAME)
    assert DATA == await blobs.read(NAME)
    await blobs.delete(NAME)
    await blobs.delete(NAME)
    with pytest.raises(NotFound, match="not there any more"):
        await blobs.read(NAME)


async def test_the_same_content_is_one_file(tmp_path: Path) -> None:
    """However many store it at once, one file is there and nothing temporary beside it."""
    blobs = FileBlobs(tmp_path)
    assert {NAME} == set(await asyncio.gather(*(blobs.put(DATA) for _ in range(8))))
    files = files_in(tmp_path)
    assert [tmp_path / NAME[:2] / NAME[2:4] / NAME] == files
    assert 0o600 == files[0].stat().st_mode & 0o777


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 63, "A" * 64, "/" * 64])
async def test_a_reference_cannot_lead_elsewhere(tmp_path: Path, name: str) -> None:
    """What is no hash is not found, wherever it points."""
    blobs = FileBlobs(tmp_path)
    with pytest.raises(NotFound, match="not the reference of a blob"):
        await blobs.read(name)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.EIO, StoreBroken, "has to stop"),
        (errno.ENOSPC, StoreUnavailable, "is full"),
        (errno.EACCES, StoreUnavailable, "cannot be stored"),
    ],
)
async def test_a_disk_that_fails_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[Exception], words: str
) -> None:
    """A failed fsync ends the process, a full disk refuses; neither leaves half a file."""

    def fail(_number: int) -> None:
        raise OSError(code, os.strerror(code))

    blobs = FileBlobs(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(kind, match=words):
            await blobs.put(DATA)
    assert [] == files_in(tmp_path)
    assert NAME == await blobs.put(DATA)


async def test_nothing_blocks_the_event_loop(tmp_path: Path) -> None:
    """Every operation on files runs in a thread."""
    with blockbuster_ctx():
        blobs = FileBlobs(tmp_path)
        await blobs.put(DATA)
        assert await blobs.exists(NAME)
        await blobs.read(NAME)
        await blobs.delete(NAME)

"""The blob store."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx

from gateway.config.secret import Secret
from gateway.config.storage import S3Settings
from gateway.errors import NotFound, StoreBroken, StoreUnavailable
from gateway.store.blobs import BlobStore, FileBlobs, MemoryBlobs
from gateway.store.s3 import S3Blobs
from tests.servers.fixtures import ProxyMaker
from tests.servers.nanio import ObjectStore
from tests.servers.ports import free_port
from tests.unit.store.values import files_in

DATA = b"\x00content\xff" * 1000
NAME = hashlib.sha256(DATA).hexdigest()


def in_bucket(server: ObjectStore, bucket: str, **settings: Any) -> S3Blobs:
    """Blobs in a bucket of a real server."""
    wanted = S3Settings(
        **{
            "endpoint": server.endpoint,
            "access_key": Secret(server.access_key),
            "secret_key": Secret(server.secret_key),
            "seconds": 5.0,
            "retry_seconds": 1.0,
            **settings,
        }
    )
    return S3Blobs(bucket, "pre/fix", wanted)


@pytest.fixture(params=["files", "memory", pytest.param("s3", marks=pytest.mark.server("nanio"))])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """An empty blob store of each kind in turn."""
    if request.param == "s3":
        server: ObjectStore = request.getfixturevalue("object_store")
        return in_bucket(server, server.create_bucket())
    return FileBlobs(tmp_path / "deep" / "blobs") if request.param == "files" else MemoryBlobs()


async def test_a_content_is_kept_under_its_hash(blobs: BlobStore) -> None:
    """What is put is read back and exists; putting it twice is nothing."""
    assert not await blobs.exists(NAME)
    assert NAME == await blobs.put(DATA)
    assert NAME == await blobs.put(DATA)
    assert await blobs.exists(NAME)
    assert DATA == await blobs.read(NAME)
    assert hashlib.sha256(b"").hexdigest() == await blobs.put(b"")


async def test_a_content_is_retired_before_it_is_purged(blobs: BlobStore) -> None:
    """A retired content can be read and taken back, until it is purged; all may be done twice."""
    await blobs.put(DATA)
    for _ in range(2):
        await blobs.retire(NAME)
        assert not await blobs.exists(NAME)
        assert DATA == await blobs.read(NAME)
    for _ in range(2):
        await blobs.restore(NAME)
        assert await blobs.exists(NAME)
    await blobs.purge(NAME)
    assert await blobs.exists(NAME)
    await blobs.retire(NAME)
    for _ in range(2):
        await blobs.purge(NAME)
        with pytest.raises(NotFound, match="not there any more"):
            await blobs.read(NAME)


async def test_a_content_put_while_it_is_retired_stays(blobs: BlobStore) -> None:
    """Purging what was retired leaves alone what was put since."""
    await blobs.put(DATA)
    await blobs.retire(NAME)
    await blobs.put(DATA)
    await blobs.purge(NAME)
    assert DATA == await blobs.read(NAME)


async def test_a_well_store_says_so(blobs: BlobStore) -> None:
    """The probe leaves nothing behind, and nothing is wrong."""
    assert (await blobs.probe()).well


async def test_a_damaged_file_is_noticed(tmp_path: Path) -> None:
    """What is read is compared with its name."""
    blobs = FileBlobs(tmp_path)
    await blobs.put(DATA)
    (tmp_path / NAME[:2] / NAME[2:4] / NAME).write_bytes(b"something else")
    with pytest.raises(StoreUnavailable, match="is damaged where the blobs are kept"):
        await blobs.read(NAME)


async def test_a_damaged_object_is_noticed(object_store: ObjectStore) -> None:
    """An object that was changed in the bucket is not handed out."""
    bucket = object_store.create_bucket()
    blobs = in_bucket(object_store, bucket)
    await blobs.put(DATA)
    path = object_store.object(bucket, f"pre/fix/{NAME[:2]}/{NAME[2:4]}/{NAME}")
    path.write_bytes(DATA[::-1])
    with pytest.raises(StoreUnavailable, match="is damaged"):
        await blobs.read(NAME)


async def test_what_is_wrong_with_a_bucket_is_told_apart(object_store: ObjectStore) -> None:
    """A wrong key, a wrong bucket and a server that is not there: each has its own code and words."""
    bucket = object_store.create_bucket()
    for blobs, code, words in (
        (in_bucket(object_store, bucket, access_key=Secret("other")), "authentication_failed",
         "InvalidAccessKeyId"),
        (in_bucket(object_store, bucket, secret_key=Secret("other")), "authentication_failed",
         "SignatureDoesNotMatch"),
        (in_bucket(object_store, "no-such-bucket"), "no_such_bucket", "no bucket 'no-such-bucket'"),
        (in_bucket(object_store, bucket, endpoint=f"http://127.0.0.1:{free_port()}"),
         "unreachable", "does not answer"),
    ):  # fmt: skip
        health = await blobs.probe()
        assert ("down", code) == (health.state, health.code)
        assert words in health.reason
        with pytest.raises(StoreUnavailable) as told:
            await blobs.put(DATA)
        assert words in str(told.value)
        assert object_store.secret_key not in str(told.value)


async def test_a_server_that_comes_back_is_waited_for(
    object_store: ObjectStore, fault_proxy: ProxyMaker
) -> None:
    """A connection that is cut is made again, without the caller's noticing."""
    proxy = await fault_proxy(object_store.port)
    blobs = in_bucket(
        object_store, object_store.create_bucket(), endpoint=f"http://127.0.0.1:{proxy.port}"
    )
    await blobs.put(DATA)
    proxy.reset_all()
    assert NAME == await blobs.put(DATA)
    assert DATA == await blobs.read(NAME)


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

    ended: list[StoreBroken] = []
    blobs = FileBlobs(tmp_path, on_broken=ended.append)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(kind, match=words) as refused:
            await blobs.put(DATA)
    assert ([refused.value] if kind is StoreBroken else []) == ended
    assert [] == files_in(tmp_path)
    assert NAME == await blobs.put(DATA)


@pytest.mark.parametrize("fails", range(1, 6))
async def test_what_a_failed_sync_left_behind_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: int
) -> None:
    """No name counts that is on disk only if the sync after a failed one wrote what that did not."""
    blobs, disk = FileBlobs(tmp_path), Names(fails)
    disk.watch(monkeypatch)
    failed = 0
    while True:
        try:
            await blobs.put(DATA)
            break
        except StoreUnavailable:
            failed += 1
    path = tmp_path / NAME[:2] / NAME[2:4] / NAME
    assert 1 == failed or (0, 5) == (failed, fails)  # a put takes four syncs
    assert {path, path.parent, path.parent.parent} <= disk.durable


class Names:
    """Which names in a folder are durable, on a disk whose nth sync fails."""

    def __init__(self, fails: int) -> None:
        self._fails = fails
        self._new: set[Path] = set()
        self.durable: set[Path] = set()

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """Look at every call that makes, takes or syncs a name."""
        mkdir, rmdir, replace, fsync = os.mkdir, os.rmdir, os.replace, os.fsync

        def made(path: Any, *mode: Any) -> None:
            mkdir(path, *mode)
            self._new.add(Path(path))

        def gone(path: Any) -> None:
            rmdir(path)
            self._new.discard(Path(path))

        def renamed(source: Any, target: Any) -> None:
            replace(source, target)
            self._new.add(Path(target))

        def synced(number: int) -> None:
            fsync(number)
            folder = Path(f"/proc/self/fd/{number}").readlink()
            self._fails -= 1
            here = {path for path in self._new if path.parent == folder}
            self._new -= here
            if self._fails == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.durable |= here

        for name, call in (
            ("mkdir", made),
            ("rmdir", gone),
            ("replace", renamed),
            ("fsync", synced),
        ):
            patch.setattr(os, name, call)


async def test_nothing_blocks_the_event_loop(tmp_path: Path) -> None:
    """Every operation on files runs in a thread."""
    with blockbuster_ctx():
        blobs = FileBlobs(tmp_path)
        await blobs.put(DATA)
        assert await blobs.exists(NAME)
        await blobs.read(NAME)
        await blobs.retire(NAME)
        await blobs.restore(NAME)
        await blobs.probe()


async def test_an_object_store_does_not_block_the_event_loop(object_store: ObjectStore) -> None:
    """Its requests are made outside of the loop."""
    bucket = object_store.create_bucket()
    with blockbuster_ctx():
        blobs = in_bucket(object_store, bucket)
        await blobs.put(DATA)
        assert await blobs.exists(NAME)
        assert DATA == await blobs.read(NAME)
        await blobs.retire(NAME)
        await blobs.purge(NAME)

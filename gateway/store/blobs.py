"""Blobs: large bodies and attachments, named by the hash of their content."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from gateway.errors import NotFound, StoreBroken, StoreError, StoreUnavailable

_NAME = 64
_FULL = (errno.ENOSPC, errno.EDQUOT)


class BlobStore(Protocol):
    """Contents by reference; the same content has the same reference and is kept once."""

    async def put(self, data: bytes) -> str:
        """Store a content durably and return its reference, the SHA-256 in hex.

        Raises:
            StoreUnavailable: there is no space, or the store does not answer; nothing was stored.
            StoreBroken: the disk failed in a way that must end the process.
        """
        ...

    async def read(self, blob: str) -> bytes:
        """Read a content.

        Raises:
            NotFound: it is not there.
        """
        ...

    async def exists(self, blob: str) -> bool:
        """Whether a content is there."""
        ...

    async def delete(self, blob: str) -> None:
        """Delete a content; one that is not there is no error."""
        ...


class FileBlobs:
    """Blobs as files in two levels of folders.

    Args:
        folder: where; it is made when the first blob is stored.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, data: bytes) -> str:
        """Store a content durably and return its reference."""
        return await asyncio.to_thread(self._put, data)

    async def read(self, blob: str) -> bytes:
        """Read a content."""
        return await asyncio.to_thread(self._read, blob)

    async def exists(self, blob: str) -> bool:
        """Whether a content is there."""
        return await asyncio.to_thread(self._path(blob).exists)

    async def delete(self, blob: str) -> None:
        """Delete a content; one that is not there is no error."""
        await asyncio.to_thread(self._path(blob).unlink, missing_ok=True)

    def _path(self, blob: str) -> Path:
        if len(blob) != _NAME or not all(letter in "0123456789abcdef" for letter in blob):
            raise NotFound("that is not the reference of a blob")
        return self._folder / blob[:2] / blob[2:4] / blob

    def _put(self, data: bytes) -> str:
        blob = hashlib.sha256(data).hexdigest()
        path = self._path(blob)
        try:
            self._make_folder(path.parent)
            if not path.exists():
                _write(path, data)
            # Even if another writer made it: it may not have come to its own fsync yet.
            _sync_folder(path.parent)
        except OSError as error:
            raise _store_error(error) from error
        return blob

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A new folder is durable once the ones above it are.
        for above in (folder.parent, folder.parent.parent, self._folder.parent):
            _sync_folder(above)

    def _read(self, blob: str) -> bytes:
        try:
            return self._path(blob).read_bytes()
        except FileNotFoundError:
            raise NotFound("the content is not there any more") from None
        except OSError as error:
            raise StoreUnavailable(f"a blob cannot be read: {error.strerror}") from error


def _write(path: Path, data: bytes) -> None:
    number, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    temporary = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _store_error(error: OSError) -> StoreError:
    if error.errno == errno.EIO:
        return StoreBroken(
            "the disk that holds the blobs failed (input/output error); the gateway has to stop: "
            "check the disk, then start it again"
        )
    if error.errno in _FULL:
        return StoreUnavailable("the disk that holds the blobs is full; nothing is taken in")
    return StoreUnavailable(f"a blob cannot be stored: {error.strerror}")


class MemoryBlobs:
    """Blobs in memory, for tests and simulations."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    async def put(self, data: bytes) -> str:
        """Keep a content and return its reference."""
        blob = hashlib.sha256(data).hexdigest()
        self._contents[blob] = data
        return blob

    async def read(self, blob: str) -> bytes:
        """Read a content."""
        if blob not in self._contents:
            raise NotFound("the content is not there any more")
        return self._contents[blob]

    async def exists(self, blob: str) -> bool:
        """Whether a content is there."""
        return blob in self._contents

    async def delete(self, blob: str) -> None:
        """Delete a content; one that is not there is no error."""
        self._contents.pop(blob, None)

"""Blobs: large bodies and attachments, named by the hash of their content."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from gateway.domain.health import Health
from gateway.errors import NotFound, StoreBroken, StoreError, StoreUnavailable
from gateway.store.folders import make_folder, sync_folder

RETIRED = "retired"
_NAME = 64
_FULL = (errno.ENOSPC, errno.EDQUOT)


def checked(blob: str, data: bytes) -> bytes:
    """Give a content back if it is the one that its reference names.

    Raises:
        StoreUnavailable: it was damaged where it is kept.
    """
    if hashlib.sha256(data).hexdigest() != blob:
        raise StoreUnavailable(
            f"the content {blob} is damaged where the blobs are kept; restore it from a backup"
        )
    return data


def name_of(blob: str) -> str:
    """Give a reference back if it is one, so that it cannot lead elsewhere.

    Raises:
        NotFound: it is no SHA-256 in hex.
    """
    if len(blob) != _NAME or not all(letter in "0123456789abcdef" for letter in blob):
        raise NotFound("that is not the reference of a blob")
    return blob


class BlobStore(Protocol):
    """Contents by reference; the same content has the same reference and is kept once.

    A content that nothing refers to any more is retired first and purged an hour later. Until then
    it can still be read, for somebody may have put the same content at the very moment it was
    retired, and is about to commit the row that names it.
    """

    async def put(self, data: bytes) -> str:
        """Store a content durably and return its reference, the SHA-256 in hex.

        Raises:
            StoreUnavailable: there is no space, or the store does not answer; nothing was stored.
            StoreBroken: the disk failed in a way that must end the process.
        """
        ...

    async def read(self, blob: str) -> bytes:
        """Read a content, a retired one too.

        Raises:
            NotFound: it is not there.
            StoreUnavailable: it cannot be read now, or is not what its reference names.
        """
        ...

    async def exists(self, blob: str) -> bool:
        """Whether a content is there and not retired."""
        ...

    async def retire(self, blob: str) -> None:
        """Put a content aside; one that is not there is no error."""
        ...

    async def restore(self, blob: str) -> None:
        """Take a retired content back; one that is not there is no error."""
        ...

    async def purge(self, blob: str) -> None:
        """Delete a retired content for good; one that is not there is no error."""
        ...

    async def probe(self) -> Health:
        """Whether contents can be stored, without leaving anything behind."""
        ...


class FileBlobs:
    """Blobs as files in two levels of folders.

    Args:
        folder: where; it is made when the first blob is stored.
        on_broken: called on the event loop when storing failed in a way that must end the process.
    """

    def __init__(
        self, folder: Path, on_broken: Callable[[StoreBroken], None] = lambda _: None
    ) -> None:
        self._folder, self._on_broken = folder, on_broken
        self._making, self._made = threading.Lock(), set[str]()

    async def put(self, data: bytes) -> str:
        """Store a content durably and return its reference."""
        try:
            return await asyncio.to_thread(self._put, data)
        except StoreBroken as error:
            self._on_broken(error)
            raise

    async def read(self, blob: str) -> bytes:
        """Read a content."""
        return await asyncio.to_thread(self._read, blob)

    async def exists(self, blob: str) -> bool:
        """Whether a content is there."""
        return await asyncio.to_thread(self._path(blob).exists)

    async def retire(self, blob: str) -> None:
        """Put a content aside; one that is not there is no error."""
        await asyncio.to_thread(self._move, self._path(blob), self._retired(blob))

    async def restore(self, blob: str) -> None:
        """Take a retired content back; one that is not there is no error."""
        await asyncio.to_thread(self._move, self._retired(blob), self._path(blob))

    async def purge(self, blob: str) -> None:
        """Delete a retired content for good; one that is not there is no error."""
        await asyncio.to_thread(self._retired(blob).unlink, missing_ok=True)

    async def probe(self) -> Health:
        """Whether contents can be stored."""
        return await asyncio.to_thread(self._probe)

    def _path(self, blob: str) -> Path:
        return self._folder / name_of(blob)[:2] / blob[2:4] / blob

    def _retired(self, blob: str) -> Path:
        return self._folder / RETIRED / name_of(blob)

    def _probe(self) -> Health:
        try:
            make_folder(self._folder, mode=0o700)
            with tempfile.TemporaryFile(dir=self._folder) as file:
                file.write(b"probe")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            return Health(state="down", code="store", reason=str(_store_error(error)))
        return Health()

    def _move(self, source: Path, target: Path) -> None:
        try:
            make_folder(target.parent, mode=0o700)
            with suppress(FileNotFoundError):
                source.replace(target)
                sync_folder(target.parent)
                sync_folder(source.parent)
        except OSError as error:
            raise _store_error(error) from error

    def _put(self, data: bytes) -> str:
        blob = hashlib.sha256(data).hexdigest()
        path = self._path(blob)
        try:
            self._make_folder(path.parent)
            # Also where it is there already: whoever wrote it may have failed to make its name durable,
            # or may not have come to that yet.
            _write(path, data)
            sync_folder(path.parent)
        except OSError as error:
            raise _store_error(error) from error
        return blob

    def _make_folder(self, folder: Path) -> None:
        """Make a folder of blobs, or make sure that its name is durable, once a process."""
        name = f"{folder.parent.name}{folder.name}"
        with self._making:
            if name not in self._made:
                make_folder(self._folder, mode=0o700)
                for each in (folder.parent, folder):
                    _make_one(each)
                self._made.add(name)

    def _read(self, blob: str) -> bytes:
        try:
            for path in (self._path(blob), self._retired(blob), self._path(blob)):
                with suppress(FileNotFoundError):
                    return checked(blob, path.read_bytes())
        except OSError as error:
            raise StoreUnavailable(f"a blob cannot be read: {error.strerror}") from error
        raise NotFound("the content is not there any more")


def _make_one(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
        made = True
    except FileExistsError:
        made = False
    try:
        sync_folder(folder.parent)
    except OSError:
        # What a failed sync did not write is not written by the next one: it has to be made again.
        if made:
            folder.rmdir()
        raise


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
        self.retired: dict[str, bytes] = {}

    async def put(self, data: bytes) -> str:
        """Keep a content and return its reference."""
        blob = hashlib.sha256(data).hexdigest()
        self._contents[blob] = data
        return blob

    async def read(self, blob: str) -> bytes:
        """Read a content."""
        for contents in (self._contents, self.retired):
            if blob in contents:
                return contents[blob]
        raise NotFound("the content is not there any more")

    async def exists(self, blob: str) -> bool:
        """Whether a content is there and not retired."""
        return blob in self._contents

    async def retire(self, blob: str) -> None:
        """Put a content aside."""
        if blob in self._contents:
            self.retired[blob] = self._contents.pop(blob)

    async def restore(self, blob: str) -> None:
        """Take a retired content back."""
        if blob in self.retired:
            self._contents[blob] = self.retired.pop(blob)

    async def purge(self, blob: str) -> None:
        """Delete a retired content for good."""
        self.retired.pop(blob, None)

    async def probe(self) -> Health:
        """Nothing can be wrong."""
        return Health()

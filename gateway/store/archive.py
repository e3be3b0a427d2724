"""A backup as a folder: the records in a SQLite file, the blobs they name, the keys, and a manifest.

The form is the same whatever database it came from, so that it can be restored into either.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from gateway.config.database import parse_url
from gateway.errors import NotFound, Refused, StoreUnavailable
from gateway.store import migrating
from gateway.store.backup import back_up, check_integrity
from gateway.store.blobs import BlobStore, FileBlobs
from gateway.store.copying import Advance, copy, holds_nothing, used_blobs
from gateway.store.ends import reading, writing
from gateway.store.folders import make_folder, sync_folder

DATABASE, BLOBS, MANIFEST, KEYS = "gateway.db", "blobs", "manifest.json", ("reply.key", "instance")
_AT_ONCE = 8


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds.

    Args:
        made_at: milliseconds since the Unix epoch.
        database: SHA-256 of the file.
        blobs: how many there are in it, None if they stayed where they are.
        keys: files of the data folder that belong to it.
    """

    made_at: int
    schema: str
    database: str
    blobs: int | None
    keys: tuple[str, ...] = ()


async def make_backup(
    url: str,
    folder: Path,
    *,
    data: Path,
    blobs: BlobStore | None,
    now: int,
    on_progress: Advance = lambda _done, _all: None,
) -> Manifest:
    """Back a deployment up while it runs: what was acknowledged before the start is in it.

    Args:
        folder: made here; it must not be there yet.
        data: the data folder, for its keys.
        blobs: where they are copied from; None leaves them where they are.

    Raises:
        Refused: the folder is there already.
        StoreUnavailable: something cannot be read or written; nothing is left behind.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    await asyncio.to_thread(_make, folder, partial)
    try:
        await _copy_database(url, partial / DATABASE, on_progress)
        count = (
            None
            if blobs is None
            else await _copy_blobs(
                partial / DATABASE, blobs, FileBlobs(partial / BLOBS), on_progress
            )
        )
        manifest = await asyncio.to_thread(_seal, partial, data, count, now)
        await asyncio.to_thread(_move, partial, folder)
    except BaseException:
        await asyncio.to_thread(shutil.rmtree, partial, ignore_errors=True)
        raise
    return manifest


async def restore_backup(
    folder: Path,
    url: str,
    *,
    data: Path,
    blobs: BlobStore,
    on_progress: Advance = lambda _done, _all: None,
) -> Manifest:
    """Restore a backup into an empty place, of whatever engine, and verify it.

    Raises:
        Refused: it is no backup, it is damaged, or the place is not empty.
        SchemaMismatch: a newer gateway has made it.
        StoreUnavailable: something cannot be read or written.
    """
    manifest = await asyncio.to_thread(_verified, folder)
    scratch = await asyncio.to_thread(_scratch, folder, data)
    try:
        origin = f"sqlite:///{scratch / DATABASE}"
        await asyncio.to_thread(migrating.migrate, origin)
        if faults := await check_integrity(origin):
            raise Refused(f"the backup's database is damaged: {faults[0]}")
        await asyncio.to_thread(set_up, url)
        async with reading(origin) as source, writing(url) as target:
            if not await target(holds_nothing):
                raise Refused(
                    "the configured database holds records already; restore into an empty one"
                )
            if manifest.blobs is not None:
                await _copy_blobs(scratch / DATABASE, FileBlobs(folder / BLOBS), blobs, on_progress)
            await _all_there(await source(used_blobs), blobs)
            await copy(source, target, origin=origin, on_progress=on_progress)
    finally:
        await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)
    await asyncio.to_thread(_restore_keys, folder, data, manifest.keys)
    return manifest


async def copy_blobs(
    names: Sequence[str], source: BlobStore, target: BlobStore, on_progress: Advance
) -> None:
    """Copy contents that are not there yet, several at once; each is compared with its name."""
    done = 0

    async def one(name: str) -> None:
        nonlocal done
        async with room:
            if not await target.exists(name):
                try:
                    await target.put(await source.read(name))
                except NotFound:
                    raise StoreUnavailable(
                        f"the content {name} is not where the blobs are kept, though something "
                        "refers to it"
                    ) from None
        done += 1
        on_progress(done, len(names))

    room = asyncio.Semaphore(_AT_ONCE)
    try:
        for start in range(0, len(names), 1000):
            async with asyncio.TaskGroup() as group:
                for name in names[start : start + 1000]:
                    group.create_task(one(name))
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def _copy_database(url: str, path: Path, on_progress: Advance) -> None:
    if parse_url(url).get_backend_name() == "sqlite":
        await back_up(url, path, on_progress=on_progress)
        return
    target_url = f"sqlite:///{path}"
    await asyncio.to_thread(migrating.prepare, url, create=False, migrate=False)
    await asyncio.to_thread(migrating.migrate, target_url)
    async with reading(url) as source, writing(target_url) as target:
        await copy(source, target, origin=url, on_progress=on_progress)


async def _copy_blobs(
    database: Path, source: BlobStore, target: BlobStore, on_progress: Advance
) -> int:
    names = await _names_in(database)
    await copy_blobs(names, source, target, on_progress)
    return len(names)


async def _names_in(database: Path) -> list[str]:
    """Name the blobs of a database, which may have an older schema and is not changed."""
    url, older = f"sqlite:///{database}", database.with_suffix(".migrated")
    if await asyncio.to_thread(migrating.current_schema, url) != migrating.newest_schema():
        await asyncio.to_thread(shutil.copyfile, database, older)
        url = f"sqlite:///{older}"
        await asyncio.to_thread(migrating.migrate, url)
    try:
        async with reading(url) as run:
            names: list[str] = await run(used_blobs)
            return names
    finally:
        for leftover in database.parent.glob(f"{older.name}*"):
            leftover.unlink()


async def _all_there(names: Sequence[str], blobs: BlobStore) -> None:
    for name in names:
        if not await blobs.exists(name):
            raise Refused(
                f"the content {name} is neither in the backup nor where the blobs are kept; "
                "mend store.blobs"
            )


def _make(folder: Path, partial: Path) -> None:
    if folder.exists():
        raise Refused(f"{folder} is there already; a backup replaces nothing")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
    except OSError as error:
        raise StoreUnavailable(f"the backup failed: {error}") from error


def _seal(partial: Path, data: Path, blobs: int | None, now: int) -> Manifest:
    keys = []
    for name in KEYS:
        if (data / name).exists():
            _copy_private(data / name, partial / name)
            keys.append(name)
    database = partial / DATABASE
    manifest = Manifest(
        made_at=now, schema=migrating.current_schema(f"sqlite:///{database}") or "",
        database=_hash(database), blobs=blobs, keys=tuple(keys),
    )  # fmt: skip
    path = partial / MANIFEST
    path.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2))
    for one in (path, database):
        _sync(one)
    return manifest


def _move(partial: Path, folder: Path) -> None:
    sync_folder(partial)
    partial.rename(folder)
    sync_folder(folder.parent)


def _verified(folder: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
        found = _hash(folder / DATABASE)
    except (OSError, msgspec.DecodeError):
        raise Refused(
            f"{folder} is no backup: gateway db backup makes a folder with a manifest"
        ) from None
    if found != manifest.database:
        raise Refused(f"{folder / DATABASE} is damaged: it is not what the manifest says")
    return manifest


def _scratch(folder: Path, data: Path) -> Path:
    """A copy of the backup's database beside the data, which may be migrated."""
    try:
        make_folder(data, mode=0o700)
        scratch = data / ".restore"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        shutil.copyfile(folder / DATABASE, scratch / DATABASE)
    except OSError as error:
        raise StoreUnavailable(f"the backup cannot be restored: {error}") from error
    return scratch


def set_up(url: str) -> None:
    """Give a database the newest schema; a SQLite file that is not there is made."""
    address = parse_url(url)
    if address.get_backend_name() == "sqlite":
        path = Path(address.database or "")
        make_folder(path.parent, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    migrating.migrate(url)


def _restore_keys(folder: Path, data: Path, keys: Sequence[str]) -> None:
    for name in keys:
        if not (data / name).exists():
            _copy_private(folder / name, data / name)


def _copy_private(source: Path, target: Path) -> None:
    number = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(number, "wb") as file:
        file.write(source.read_bytes())
        file.flush()
        os.fsync(file.fileno())


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())

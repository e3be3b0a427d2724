"""Backup, vacuum and integrity check of a SQLite database, while the gateway runs."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from gateway.config.database import parse_url
from gateway.errors import Refused, StoreUnavailable
from gateway.store.migrating import refuse_foreign

_PAGES = 2_000


async def back_up(
    url: str, target: Path, *, on_progress: Callable[[int, int], None] | None = None
) -> None:
    """Copy the database into a file, as it is at one moment, while others write.

    Back up the folder of the blobs after this: what the copy names is there by then.

    Args:
        target: a file that is not there yet.
        on_progress: called with pages copied and pages in all, in another thread.

    Raises:
        Refused: `target` is there already, or the store is PostgreSQL.
        StoreUnavailable: the database or the target cannot be read or written.
    """
    path = _path(url, "make the backup with `pg_dump --format=custom`")
    await asyncio.to_thread(_back_up, path, target, on_progress)


async def vacuum(url: str) -> None:
    """Give unused space back to the disk; writers wait meanwhile.

    Raises:
        Refused: the store is PostgreSQL.
        StoreUnavailable: the database cannot be written, or somebody holds it for long.
    """
    await asyncio.to_thread(_vacuum, _path(url, "PostgreSQL vacuums by itself"))


async def check_integrity(url: str) -> list[str]:
    """Read every page and compare; gives what is wrong, nothing if all is well.

    Raises:
        Refused: the store is PostgreSQL.
        SchemaMismatch: it is whole, but empty or a newer gateway's.
        StoreUnavailable: the database cannot be read.
    """
    faults = await asyncio.to_thread(_check, _path(url, "use `pg_amcheck`"))
    if not faults:
        await asyncio.to_thread(refuse_foreign, url)
    return faults


def _path(url: str, instead: str) -> Path:
    address = parse_url(url)
    if address.get_backend_name() != "sqlite":
        raise Refused(f"this works on SQLite only; {instead}")
    path = Path(address.database or "")
    if not path.exists():
        raise StoreUnavailable(f"there is no database at {path}")
    return path


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=30.0, isolation_level=None)


def _back_up(path: Path, target: Path, on_progress: Callable[[int, int], None] | None) -> None:
    if target.exists():
        raise Refused(f"{target} is there already; a backup replaces no file")
    partial = target.with_name(f".{target.name}.partial")

    def tell(_status: int, remaining: int, total: int) -> None:
        if on_progress is not None:
            on_progress(total - remaining, total)

    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        with closing(_connect(path)) as source, closing(_connect(partial)) as copy:
            # Held to one moment, so that writers do not make the copy begin again.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            source.backup(copy, pages=_PAGES, progress=tell)
            source.execute("COMMIT")
        _sync(partial)
        partial.replace(target)
        _sync(target.parent)
    except (sqlite3.Error, OSError) as error:
        partial.unlink(missing_ok=True)
        raise StoreUnavailable(f"the backup failed: {error}") from error


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _vacuum(path: Path) -> None:
    try:
        with closing(_connect(path)) as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise StoreUnavailable(f"the database cannot be vacuumed now: {error}") from error


def _check(path: Path) -> list[str]:
    try:
        with closing(_connect(path)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
            found += [
                f"a row of {row[0]} refers to a row of {row[2]} that is not there"
                for row in connection.execute("PRAGMA foreign_key_check")
            ]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [words for words in found if words != "ok"]

"""Open the store that a URL names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import URL

from gateway.config.database import SETTING, parse_url
from gateway.config.server import StoreSettings
from gateway.config.storage import S3_PLACE
from gateway.contracts.services import Clock
from gateway.errors import ConfigError, Fault, StoreBroken
from gateway.store.base import Bounds
from gateway.store.blobs import BlobStore, FileBlobs
from gateway.store.operations import Store
from gateway.store.sqlite import SqliteStore


def open_blobs(
    settings: StoreSettings,
    data: Path,
    on_broken: Callable[[StoreBroken], None] = lambda _: None,
) -> BlobStore:
    """Open the place where attachments and large bodies are kept.

    Args:
        data: the data folder, for which ``{data}`` stands.
        on_broken: called on the event loop when a disk failed in a way that must end the process.

    Raises:
        ConfigError: it is an object store and its library is missing.
    """
    place = settings.blobs.replace("{data}", str(data))
    found = S3_PLACE.fullmatch(place)
    if found is None:
        return FileBlobs(Path(place), on_broken)
    try:
        from gateway.store.s3 import S3Blobs

        return S3Blobs(found["bucket"], found["prefix"] or "", settings.s3)
    except ImportError:
        fault = Fault(
            path="store.blobs", expected="a folder, as the library for S3 is not installed",
            found=repr(place), hint="pip install 'intake-gateway[s3]'",
        )  # fmt: skip
        raise ConfigError([fault]) from None


async def open_store(
    url: str,
    *,
    blobs: BlobStore,
    clock: Clock,
    create: bool = True,
    migrate: bool = False,
    on_broken: Callable[[StoreBroken], None] | None = None,
    bounds: Bounds | None = None,
    lease: float = 15.0,
    api_role: str = "",
) -> Store:
    """Open the store that a URL names; ``close`` it when done.

    Args:
        url: ``sqlite:///PATH`` (four slashes for an absolute path) or ``postgresql://…``.
        create: an empty or missing database is set up.
        migrate: an older schema is brought up to date.
        on_broken: called once, on the event loop, when the process must end.
        bounds: how much may wait to be committed.
        lease: seconds after which one of several processes that is silent loses its work.
        api_role: a role of PostgreSQL as which people's reads are made.

    Raises:
        ConfigError: the URL names no database this gateway knows, or its library is missing.
        SchemaMismatch: the schema is newer, or older and not to be migrated here.
        StoreUnavailable: the database does not answer.
    """
    store = _make(
        parse_url(url),
        blobs,
        clock,
        create,
        migrate,
        on_broken,
        bounds or Bounds(),
        lease,
        api_role,
    )
    try:
        await store.open()
    except BaseException:
        await store.close()
        raise
    return store


def _make(
    address: URL,
    blobs: BlobStore,
    clock: Clock,
    create: bool,
    migrate: bool,
    on_broken: Callable[[StoreBroken], None] | None,
    bounds: Bounds,
    lease: float,
    api_role: str,
) -> Store:
    if address.get_backend_name() == "sqlite":
        return SqliteStore(
            Path(address.database or ""),
            blobs=blobs,
            clock=clock,
            bounds=bounds,
            create=create,
            migrate=migrate,
            on_broken=on_broken,
        )
    try:
        import asyncpg  # noqa: F401 - said here, where it can be said well
    except ImportError:
        fault = Fault(
            path=SETTING, expected="sqlite:///PATH, as the library for PostgreSQL is not installed",
            hint="pip install 'intake-gateway[postgres]'",
        )  # fmt: skip
        raise ConfigError([fault]) from None
    from gateway.store.postgres import PostgresStore

    return PostgresStore(
        address,
        blobs=blobs,
        clock=clock,
        bounds=bounds,
        create=create,
        migrate=migrate,
        lease=lease,
        api_role=api_role,
    )

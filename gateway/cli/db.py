"""``gateway db``: set up, back up, restore, copy and look after the database."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from gateway.cli.exits import Sick
from gateway.cli.options import Group
from gateway.cli.progress import progress
from gateway.cli.session import Session
from gateway.cli.terminal import moment, table
from gateway.config.server import mask_password
from gateway.errors import Refused

if TYPE_CHECKING:
    from gateway.store.archive import Manifest
    from gateway.store.operations import Store


@click.group(
    cls=Group,
    examples=(
        "gateway db migrate",
        "gateway db backup /backup/2026-11-22",
        "gateway db restore /backup/2026-11-22",
        "gateway db copy postgresql://gateway@db.example.com/gateway",
        "gateway db check",
    ),
)
def command() -> None:
    """Set up, back up, restore, copy and look after the database."""


@command.command()
@click.pass_obj
def migrate(session: Session) -> None:
    """Set up an empty database, or bring an older one up to date; make a backup before."""
    from gateway.store import migrating

    url = session.settings.store.url
    _make_folder(session)
    before = migrating.current_schema(url)
    with progress("Migrating"):
        after = migrating.migrate(url)
    if before == after:
        text = f"The database has schema {after} already."
    else:
        text = f"The database has schema {after} now; before it {_was(before)}."
    session.print({"before": before, "after": after}, text)


def _was(schema: str | None) -> str:
    return f"had {schema}" if schema else "was empty"


def _make_folder(session: Session) -> None:
    """Make the folder of an embedded database that is not there yet."""
    from gateway.config.database import parse_url

    address = parse_url(session.settings.store.url)
    if address.get_backend_name() != "sqlite":
        return
    folder = Path(address.database or "").parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"{folder} cannot be made: {error.strerror}") from None


@command.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--without-blobs",
    is_flag=True,
    help="Leave attachments and large bodies where they are, as in an object store with versions.",
)
@click.pass_obj
def backup(session: Session, folder: Path, without_blobs: bool) -> None:
    """Back everything up into a new folder, as it is at one moment, while a gateway runs.

    Records, attachments and large bodies they refer to, and the keys of the data folder. What was
    acknowledged before is in it. The folder is the same whatever database it came from.
    """
    from gateway.core.clock import SystemClock
    from gateway.core.purging import nothing_purged
    from gateway.store import migrating
    from gateway.store.archive import make_backup
    from gateway.store.opening import open_blobs

    settings = session.settings
    data, url, clock = Path(settings.gateway.data), settings.store.url, SystemClock()
    blobs = None if without_blobs else open_blobs(settings.store, data)

    async def make() -> Manifest:
        with progress("Backing up") as advance:
            return await make_backup(
                url, folder, data=data, blobs=blobs, now=clock.now(), on_progress=advance
            )

    async def work(store: Store) -> Manifest:
        async with nothing_purged(store, clock, session.who):
            return await make()

    current = migrating.current_schema(url) == migrating.newest_schema()
    made = session.with_store(work) if current else asyncio.run(make())
    kept = f", {made.blobs} attachments and large bodies" if made.blobs is not None else ""
    session.print(
        {"backup": str(folder), **_manifest(made)},
        f"Backed up the records{kept}{', '.join(['', *made.keys])} to {folder}.",
    )


def _manifest(made: Manifest) -> dict[str, Any]:
    """Show a manifest, its moment as the API writes moments."""
    from gateway.web.shapes.moment import moment as shown

    return {**msgspec.structs.asdict(made), "made_at": shown(made.made_at)}


@command.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.pass_obj
def restore(session: Session, folder: Path) -> None:
    """Restore a backup into the empty place that the config names, and verify it.

    The database may be another one than it came from: SQLite or PostgreSQL.
    """
    from gateway.core.alone import held
    from gateway.store.archive import restore_backup
    from gateway.store.opening import open_blobs

    settings = session.settings
    data, url = Path(settings.gateway.data), settings.store.url
    blobs = open_blobs(settings.store, data)
    with held(data, url), progress("Restoring") as advance:
        made = asyncio.run(restore_backup(folder, url, data=data, blobs=blobs, on_progress=advance))
    session.print(
        {"restored": str(folder), **_manifest(made)},
        f"Restored the backup of {moment(made.made_at)}; every table and content was compared.",
    )


@command.command()
@click.argument("target", metavar="URL")
@click.option(
    "--blobs",
    "place",
    default="",
    metavar="PLACE",
    help="Copy attachments and large bodies there, too: a folder, or s3://BUCKET/PREFIX with the "
    "config's [store.s3].",
)
@click.pass_obj
def copy(session: Session, target: str, place: str) -> None:
    """Copy everything into another, empty database, as from SQLite to PostgreSQL.

    No gateway may run meanwhile. A copy that was interrupted goes on when it is called again. At the
    end both databases are read and compared, table by table.
    """
    from gateway.config.database import url_faults
    from gateway.core.alone import held
    from gateway.core.clock import SystemClock
    from gateway.store.opening import open_blobs
    from gateway.store.relocating import relocate

    if faults := url_faults(target, "URL"):
        raise click.UsageError("\n".join(map(str, faults)))
    settings = session.settings
    data, url = Path(settings.gateway.data), settings.store.url
    store = settings.store
    here = open_blobs(store, data)
    there = open_blobs(msgspec.structs.replace(store, blobs=place), data) if place else None
    with held(data, url), progress("Copying") as advance:
        tables = asyncio.run(
            relocate(
                url, target, blobs=here, to=there, now=SystemClock().now(), on_progress=advance
            )
        )
    rows = [(one.table, str(one.rows), one.hash) for one in tables]
    where = f' and store.blobs = "{place}"' if place else ""
    session.print(
        {"target": mask_password(target), "tables": tables},
        f"{table(('Table', 'Rows', 'Hash'), rows)}\n\nBoth agree. Now set store.url to the new "
        f"database{where}, and start the gateway.",
    )


@command.command()
@click.pass_obj
def vacuum(session: Session) -> None:
    """Give unused space back to the disk; a running gateway waits meanwhile."""
    from gateway.store.backup import vacuum as give_back

    with progress("Vacuuming"):
        asyncio.run(give_back(session.settings.store.url))
    session.print({"vacuumed": True}, "Gave unused space back to the disk.")


@command.command()
@click.pass_obj
def check(session: Session) -> None:
    """Read every page of the database and compare."""
    from gateway.store.backup import check_integrity

    with progress("Reading"):
        faults = asyncio.run(check_integrity(session.settings.store.url))
    session.print({"faults": faults}, "\n".join(faults) or "The database is whole.")
    if faults:
        raise Sick(f"the database has {len(faults)} fault(s): restore a backup")

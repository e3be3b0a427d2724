"""``gateway db``: set up, back up and look after the database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from gateway.cli.exits import Sick
from gateway.cli.options import Group
from gateway.cli.progress import progress
from gateway.cli.session import Session
from gateway.errors import Refused


@click.group(
    cls=Group,
    examples=(
        "gateway db migrate",
        "gateway db backup /backup/gateway-2026-11-22.db",
        "gateway db check",
    ),
)
def command() -> None:
    """Set up, back up and look after the database."""


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
    from gateway.store.opening import parse_url

    address = parse_url(session.settings.store.url)
    if address.get_backend_name() != "sqlite":
        return
    folder = Path(address.database or "").parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"{folder} cannot be made: {error.strerror}") from None


@command.command()
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def backup(session: Session, target: Path) -> None:
    """Copy the database into a file, as it is at one moment, while a gateway runs.

    Copy the folder of large bodies and attachments after it.
    """
    from gateway.store.backup import back_up

    settings = session.settings
    with progress("Copying") as advance:
        asyncio.run(back_up(settings.store.url, target, on_progress=advance))
    blobs = Path(settings.gateway.data) / "blobs"
    session.print(
        {"backup": str(target), "bytes": target.stat().st_size, "blobs": str(blobs)},
        f"Copied the database to {target}. Now copy {blobs}, if it is there.",
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

"""``gateway retention``: what is kept for how long, and remove now what has become old."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec

from gateway.cli.options import Command, Group
from gateway.cli.progress import progress
from gateway.cli.session import Session
from gateway.cli.terminal import table
from gateway.errors import Refused

if TYPE_CHECKING:
    from gateway.config.retention import TenantRetention
    from gateway.core.assembly import Parts


@click.group(cls=Group, examples=("gateway retention show", "gateway retention run"))
def command() -> None:
    """Say what is kept for how long, or remove now what has become old."""


@command.command()
@click.pass_obj
def show(session: Session) -> None:
    """Show how long what is kept, for each tenant."""
    settings = session.settings
    kept = settings.retention
    common = {"event_days": kept.event_days, "recognition_days": kept.recognition_days}
    document: dict[str, dict[str, Any]] = {}
    for name in sorted(settings.tenants) or ["default"]:
        own = settings.tenants[name].retention if name in settings.tenants else None
        document[name] = {**_days(own or kept), **common}
    rows = [
        (name, what.removesuffix("_days"), "for ever" if days is None else f"{days:g} days")
        for name, found in document.items()
        for what, days in found.items()
    ]
    session.print(document, table(("Tenant", "What", "Kept"), rows))


def _days(kept: TenantRetention) -> dict[str, float | None]:
    found = msgspec.structs.asdict(kept)
    return {
        name: found[name]
        for name in (
            "raw_days", "attachment_days", "conversation_days", "delivery_days", "decision_days",
        )
    }  # fmt: skip


@command.command(cls=Command)
@click.pass_obj
def run(session: Session) -> None:
    """Remove now what has become old; a running gateway does so by itself.

    Contents of attachments leave the disk an hour after the last message that used them.
    """

    async def work(parts: Parts) -> dict[str, int] | None:
        with progress("Removing what has become old"):
            return await parts.retention.once()

    removed = session.with_parts(work)
    if removed is None:
        raise Refused("another process is removing what has become old; it will be done")
    words = ", ".join(f"{many} {what}" for what, many in removed.items())
    session.print({"removed": removed}, f"Removed {words or 'nothing'}.")

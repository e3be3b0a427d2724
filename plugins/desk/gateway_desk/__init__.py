"""The desk: tickets in the gateway's own database, for teams without a ticket system."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gateway import BackendType, hookimpl

if TYPE_CHECKING:
    import click

__all__ = ["register_backends", "register_commands"]


@hookimpl
def register_backends() -> Iterable[BackendType]:
    """Offer the backend type ``desk``."""
    from gateway_desk.backend import Desk
    from gateway_desk.settings import DeskSettings

    yield BackendType(
        name="desk",
        make=Desk,
        settings=DeskSettings,
        summary="Tickets in the gateway's own database, worked on through its API and command line.",
    )


@hookimpl
def register_commands() -> Iterable[click.Command]:
    """Offer ``gateway desk``."""
    from gateway_desk.commands import desk

    yield desk

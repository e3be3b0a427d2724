"""``gateway dead-letters``: deliveries that were given up, or whose outcome nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gateway.cli.arguments import Id, Shown
from gateway.cli.deliveries import (
    BEFORE,
    LIMIT,
    TARGET,
    discard,
    every_one,
    list_them,
    settle,
    show_delivery,
)
from gateway.cli.options import Group
from gateway.cli.session import Session
from gateway.cli.several import each_of, print_each
from gateway.domain.delivery import DeliveryState

if TYPE_CHECKING:
    from gateway.core.operating import Operator

GIVEN_UP: tuple[DeliveryState, ...] = ("dead", "unknown")


@click.group(
    cls=Group,
    examples=(
        "gateway dead-letters list --target backend/rt",
        "gateway dead-letters show dlv_0b52k9qa4g002",
        "gateway dead-letters replay dlv_0b52k9qa4g002",
        "gateway dead-letters replay --all --target backend/rt    # after an outage",
    ),
)
def command() -> None:
    """Deliveries given up, or of unknown outcome."""


@command.command("list")
@click.option("--state", type=click.Choice(GIVEN_UP), help="Only in this state.")
@TARGET
@BEFORE
@LIMIT
@click.pass_obj
def list_dead_letters(
    session: Session, state: DeliveryState | None, target: str, before: Shown | None, limit: int
) -> None:
    """List dead letters and unknown outcomes, newest first."""
    from gateway.store.operations import DeliveryFilter

    wanted = DeliveryFilter(states=(state,) if state else GIVEN_UP, target=target)
    list_them(session, wanted, before, limit, nothing="No dead letters.")


command.add_command(show_delivery)
command.add_command(discard)


@command.command()
@click.option(
    "--all", "every", is_flag=True, help="Every dead letter; unknown ones by their id only."
)
@click.option("--target", default="", metavar="NAME", help="With --all: only those to this target.")
@click.argument("deliveries", type=Id("dlv"), nargs=-1)
@click.pass_obj
def replay(session: Session, deliveries: tuple[Shown, ...], every: bool, target: str) -> None:
    """Send deliveries again; one whose outcome is unknown may then arrive twice."""
    if bool(deliveries) == every:
        raise click.UsageError("name deliveries, or every dead letter with --all")

    async def chosen(operator: Operator) -> list[int]:
        if deliveries:
            return [delivery.number for delivery in deliveries]
        return await every_one(operator, session, ("dead",), target)

    results = each_of(session, "dlv", chosen, settle(session, "replay"))
    print_each(session, results, "is sent again", nothing="No dead letters.")

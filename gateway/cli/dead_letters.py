"""``gateway dead-letters``: deliveries that were given up, or whose outcome nobody knows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal

import click

from gateway.cli.arguments import Id, Shown, named
from gateway.cli.options import Group
from gateway.cli.session import Session
from gateway.cli.several import each_of, print_each
from gateway.cli.terminal import moment, shorten, table
from gateway.cli.wording import delivery_facts
from gateway.domain.delivery import Delivery, DeliveryState
from gateway.domain.ids import show as shown

if TYPE_CHECKING:
    from gateway.core.operating import Operator
    from gateway.store.operations import Store

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
@click.option("--target", default="", metavar="backend/NAME|channel/NAME", help="Only to there.")
@click.option("--before", type=Id("dlv"), metavar="ID", help="Older than this one.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@click.pass_obj
def list_deliveries(
    session: Session,
    state: DeliveryState | None,
    target: str,
    before: Shown | None,
    limit: int,
) -> None:
    """List dead letters and unknown outcomes, newest first."""
    from gateway.store.operations import Cursor, DeliveryFilter
    from gateway.web.shapes.delivery import DeliveryPage, delivery_document

    wanted = DeliveryFilter(states=(state,) if state else GIVEN_UP, target=target)
    cursor = Cursor(before=before.number if before else None, limit=limit)

    async def work(store: Store) -> list[Delivery]:
        return await store.deliveries(session.tenants, wanted, cursor)

    found = session.with_store(work)
    following = shown("dlv", found[-1].id) if len(found) == limit else None
    page = DeliveryPage(items=tuple(delivery_document(one) for one in found), next=following)
    session.print(page, _words(found, following))


def _words(found: list[Delivery], following: str | None) -> str:
    if not found:
        return "No dead letters."
    rows = [
        (
            shown("dlv", one.id),
            one.state,
            one.target,
            one.operation,
            str(one.attempts),
            moment(one.settled_at or one.made_at),
            f"{one.last_code}: {shorten(one.last_error, 200)}",
        )
        for one in found
    ]
    heads = ("Delivery", "State", "Target", "Operation", "Tries", "Since", "Last error")
    told = table(heads, rows)
    return f"{told}\nMore: --before {following}" if following else told


@command.command("show")
@click.argument("delivery", type=Id("dlv"))
@click.pass_obj
def show_delivery(session: Session, delivery: Shown) -> None:
    """Show a delivery with its attempts."""
    from gateway.web.shapes.delivery import delivery_document

    async def work(store: Store) -> Delivery:
        return await store.delivery(session.tenants, delivery.number)

    with named(delivery):
        found = session.with_store(work)
    session.print(delivery_document(found), delivery_facts(found))


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
        return await _dead(operator, session, target)

    results = each_of(session, "dlv", chosen, _settle(session, "replay"))
    print_each(session, results, "is sent again", nothing="No dead letters.")


@command.command()
@click.argument("deliveries", type=Id("dlv"), nargs=-1, required=True)
@click.pass_obj
def discard(session: Session, deliveries: tuple[Shown, ...]) -> None:
    """Give deliveries up for good, so that those behind them go on."""

    async def chosen(_: Operator) -> list[int]:
        return [delivery.number for delivery in deliveries]

    results = each_of(session, "dlv", chosen, _settle(session, "discard"))
    print_each(session, results, "is discarded")


def _settle(
    session: Session, action: Literal["replay", "discard"]
) -> Callable[[Operator, int], Awaitable[object]]:
    async def settle(operator: Operator, number: int) -> Delivery:
        return await operator.settle_delivery(session.tenants, number, action, session.who)

    return settle


async def _dead(operator: Operator, session: Session, target: str) -> list[int]:
    from gateway.store.operations import Cursor, DeliveryFilter

    found: list[int] = []
    before = None
    while page := await operator.store.deliveries(
        session.tenants,
        DeliveryFilter(states=("dead",), target=target),
        Cursor(before=before, limit=500),
    ):
        found += [one.id for one in page]
        before = page[-1].id
    return found[::-1]

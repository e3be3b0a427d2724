"""``gateway deliveries``: everything that leaves, in whatever state; and giving it up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal, get_args

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
    from gateway.store.operations import DeliveryFilter, Store

TARGET = click.option(
    "--target", default="", metavar="backend/NAME|channel/NAME", help="Only to there."
)
BEFORE = click.option("--before", type=Id("dlv"), metavar="ID", help="Older than this one.")
LIMIT = click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)


@click.group(
    cls=Group,
    examples=(
        "gateway deliveries list --state queued --target backend/rt",
        "gateway deliveries list --conversation conv_0b52k9qa4g000",
        "gateway deliveries show dlv_0b52k9qa4g002",
        "gateway deliveries discard dlv_0b52k9qa4g002",
        "gateway deliveries discard --all --target channel/old    # it will not come back",
    ),
)
def command() -> None:
    """What leaves: list it in any state, and give it up."""


@command.command("list")
@click.option("--state", type=click.Choice(get_args(DeliveryState)), help="Only in this state.")
@TARGET
@click.option("--conversation", type=Id("conv"), metavar="ID", help="Only of this conversation.")
@BEFORE
@LIMIT
@click.pass_obj
def list_deliveries(
    session: Session,
    state: DeliveryState | None,
    target: str,
    conversation: Shown | None,
    before: Shown | None,
    limit: int,
) -> None:
    """List deliveries, newest first."""
    from gateway.store.operations import DeliveryFilter

    wanted = DeliveryFilter(
        states=(state,) if state else (),
        target=target,
        conversation=conversation.number if conversation else None,
    )
    list_them(session, wanted, before, limit, nothing="No deliveries.")


def list_them(
    session: Session, wanted: DeliveryFilter, before: Shown | None, limit: int, *, nothing: str
) -> None:
    """Print a page of deliveries.

    Args:
        nothing: what to say if there is none.
    """
    from gateway.store.operations import Cursor
    from gateway.web.shapes.delivery import DeliveryPage, delivery_document

    cursor = Cursor(before=before.number if before else None, limit=limit)

    async def work(store: Store) -> list[Delivery]:
        return await store.deliveries(session.tenants, wanted, cursor)

    found = session.with_store(work)
    following = shown("dlv", found[-1].id) if len(found) == limit else None
    page = DeliveryPage(items=tuple(delivery_document(one) for one in found), next=following)
    session.print(page, _words(found, following) if found else nothing)


def _words(found: list[Delivery], following: str | None) -> str:
    rows = [
        (
            shown("dlv", one.id),
            one.state,
            one.target,
            one.operation,
            str(one.attempts),
            moment(one.settled_at or one.made_at),
            f"{one.last_code}: {shorten(one.last_error, 200)}" if one.last_error else "",
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
    "--all", "every", is_flag=True, help="Everything queued, dead or unknown to the --target."
)
@click.option("--target", default="", metavar="NAME", help="With --all: the target.")
@click.argument("deliveries", type=Id("dlv"), nargs=-1)
@click.pass_obj
def discard(session: Session, deliveries: tuple[Shown, ...], every: bool, target: str) -> None:
    """Give queued, dead or unknown deliveries up for good, so that those behind them go on."""
    if bool(deliveries) == every or every != bool(target):
        raise click.UsageError("name deliveries, or everything to one target with --all --target")

    async def chosen(operator: Operator) -> list[int]:
        if deliveries:
            return [delivery.number for delivery in deliveries]
        return await every_one(operator, session, ("queued", "dead", "unknown"), target)

    results = each_of(session, "dlv", chosen, settle(session, "discard"))
    print_each(session, results, "is discarded", nothing=f"Nothing is left to {target}.")


def settle(
    session: Session, action: Literal["replay", "discard"]
) -> Callable[[Operator, int], Awaitable[object]]:
    """Make what replays or discards one delivery."""

    async def settle_one(operator: Operator, number: int) -> Delivery:
        return await operator.settle_delivery(session.tenants, number, action, session.who)

    return settle_one


async def every_one(
    operator: Operator, session: Session, states: tuple[DeliveryState, ...], target: str
) -> list[int]:
    """Find every delivery in some states, oldest first."""
    from gateway.store.operations import Cursor, DeliveryFilter

    found: list[int] = []
    before = None
    while page := await operator.store.deliveries(
        session.tenants,
        DeliveryFilter(states=states, target=target),
        Cursor(before=before, limit=500),
    ):
        found += [one.id for one in page]
        before = page[-1].id
    return found[::-1]

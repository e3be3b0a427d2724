"""``gateway quarantine``: arrivals that could not be processed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from gateway.cli.arguments import Id, Shown, named
from gateway.cli.options import Group
from gateway.cli.session import Session
from gateway.cli.several import each_of, print_each
from gateway.cli.terminal import indent, moment, shorten, table
from gateway.cli.wording import arrival_words, facts
from gateway.domain.ids import show as shown

if TYPE_CHECKING:
    from gateway.core.operating import Operator
    from gateway.store.operations import QuarantinedArrival, Store, StoredArrival

_HEAD = 2000


@click.group(
    cls=Group,
    examples=(
        "gateway quarantine list",
        "gateway quarantine show arr_0b52k9qa4g000 --body > mail.eml",
        "gateway quarantine replay arr_0b52k9qa4g000 --release",
        "gateway quarantine replay --all    # after a fix",
    ),
)
def command() -> None:
    """Arrivals that could not be processed."""


@command.command("list")
@click.option("--before", type=Id("arr"), metavar="ID", help="Older than this one.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@click.pass_obj
def list_arrivals(session: Session, before: Shown | None, limit: int) -> None:
    """List quarantined arrivals, newest first."""
    from gateway.store.operations import Cursor
    from gateway.web.shapes.arrival import ArrivalPage, quarantined_summary

    cursor = Cursor(before=before.number if before else None, limit=limit)

    async def work(store: Store) -> list[QuarantinedArrival]:
        return await store.quarantine(session.tenants, cursor)

    found = session.with_store(work)
    following = shown("arr", found[-1].arrival.id) if len(found) == limit else None
    page = ArrivalPage(items=tuple(quarantined_summary(one) for one in found), next=following)
    session.print(page, _words(found, following))


def _words(found: list[QuarantinedArrival], following: str | None) -> str:
    if not found:
        return "Nothing is in quarantine."
    rows = [
        (
            shown("arr", one.arrival.id),
            moment(one.arrival.received_at),
            one.arrival.source,
            one.reason.stage,
            one.reason.code,
            one.reason.plugin,
            shorten(one.reason.error, 200),
        )
        for one in found
    ]
    heads = ("Arrival", "Received", "Source", "Stage", "Code", "Plugin", "Error")
    told = table(heads, rows)
    return f"{told}\nMore: --before {following}" if following else told


@command.command("show")
@click.option("--body", is_flag=True, help="Print nothing but the bytes as they were received.")
@click.argument("arrival", type=Id("arr"))
@click.pass_obj
def show_arrival(session: Session, arrival: Shown, body: bool) -> None:
    """Show an arrival: where from, why it rests here, and how it begins."""

    async def work(store: Store) -> StoredArrival:
        return await store.arrival(session.tenants, arrival.number)

    with named(arrival):
        found = session.with_store(work)
    if body:
        sys.stdout.buffer.write(found.arrival.body)
        sys.stdout.buffer.flush()
        return
    from gateway.web.shapes.arrival import arrival_document

    session.print(arrival_document(found, with_body=True), _arrival(found))


def _arrival(found: StoredArrival) -> str:
    one = found.arrival
    told = facts(
        [
            ("Tenant", one.tenant),
            ("Key", one.key),
            ("Lane", one.lane),
            ("Type", one.content_type),
            ("Bytes", str(len(one.body))),
            ("SHA-256", one.sha256.hex()),
            *((name, value) for name, value in one.headers.items()),
            *((name, str(value)) for name, value in one.remote.items()),
        ]
    )
    start = one.body[:_HEAD].decode("utf-8", "replace")
    more = f"\n  … {len(one.body) - _HEAD} more bytes: --body" if len(one.body) > _HEAD else ""
    return f"{arrival_words(found)}\n{told}\n\n{indent(start)}{more}"


@command.command()
@click.option("--release", is_flag=True, help="Let it pass although a plugin holds or refuses it.")
@click.option("--all", "every", is_flag=True, help="Everything in quarantine.")
@click.option("--source", default="", metavar="NAME", help="With --all: only what came from there.")
@click.argument("arrivals", type=Id("arr"), nargs=-1)
@click.pass_obj
def replay(
    session: Session, arrivals: tuple[Shown, ...], release: bool, every: bool, source: str
) -> None:
    """Run quarantined arrivals again; a running gateway takes them up within two seconds."""
    if bool(arrivals) == every:
        raise click.UsageError("name arrivals, or everything with --all")

    async def one(operator: Operator, number: int) -> None:
        await operator.replay_arrival(session.tenants, number, release=release, who=session.who)

    async def chosen(operator: Operator) -> list[int]:
        if arrivals:
            return [arrival.number for arrival in arrivals]
        return await _everything(operator, session, source)

    results = each_of(session, "arr", chosen, one)
    print_each(session, results, "is run again", nothing="Nothing is in quarantine.")


async def _everything(operator: Operator, session: Session, source: str) -> list[int]:
    from gateway.store.operations import Cursor

    found: list[int] = []
    before = None
    while page := await operator.store.quarantine(
        session.tenants, Cursor(before=before, limit=500)
    ):
        found += [one.arrival.id for one in page if source in ("", one.arrival.source)]
        before = page[-1].arrival.id
    return found[::-1]


@command.command()
@click.argument("arrivals", type=Id("arr"), nargs=-1, required=True)
@click.pass_obj
def discard(session: Session, arrivals: tuple[Shown, ...]) -> None:
    """Discard quarantined arrivals; they are not run again, and stay visible by their ids."""

    async def one(operator: Operator, number: int) -> None:
        await operator.discard_arrival(session.tenants, number, session.who)

    async def chosen(_: Operator) -> list[int]:
        return [arrival.number for arrival in arrivals]

    print_each(session, each_of(session, "arr", chosen, one), "is discarded")

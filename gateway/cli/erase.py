"""``gateway erase``: erase a person who asked for it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
import msgspec

from gateway.cli.options import Command
from gateway.cli.session import Session
from gateway.cli.terminal import plain, table
from gateway.domain.ids import show
from gateway.errors import GatewayError, Refused

if TYPE_CHECKING:
    from gateway.core.assembly import Parts
    from gateway.core.erasing import Report

STANDS = "It stands in these too; what is not forgotten there will be listed:"
REMAINS = "Erase it yourself in:"


def _person(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Refuse what can be nobody, as a mistake in the command line."""
    from gateway.core.erasing import read_person

    try:
        read_person(value)
    except Refused as error:
        raise click.BadParameter(str(error), context, parameter) from None
    return value


@click.command(
    cls=Command,
    examples=(
        "gateway erase email:ann@example.com --dry-run",
        "gateway erase email:ann@example.com --yes",
        "gateway erase con_0b52k9qa4g000 --yes",
    ),
)
@click.argument("person", callback=_person)
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def command(session: Session, person: str, dry_run: bool, yes: bool) -> None:
    """Erase a person: identities, what came in, messages, attachments, decisions' words.

    PERSON is a contact, or an address with its scheme. It cannot be undone. What other people said stays; what
    other systems hold is listed, so that it can be erased there.
    """

    async def look(parts: Parts) -> Report:
        people = await parts.eraser.find(session.tenants, person)
        return await parts.eraser.look(people)

    async def erase(parts: Parts) -> Report:
        people = await parts.eraser.find(session.tenants, person)
        return await parts.eraser.erase(people, session.who)

    if dry_run or not yes:
        report = session.with_parts(look)
        if dry_run:
            session.print(_document(report), _words(report, "Would erase", STANDS))
            return
        click.echo(_words(report, "Will erase", STANDS), err=True)
        if not sys.stdin.isatty():
            raise click.UsageError("nobody can be asked here; say --yes to erase it")
        click.confirm("Erase all of this for good?", abort=True, err=True)
    report = session.with_parts(erase)
    session.print(_document(report), _words(report, "Erased", REMAINS))
    if report.failed:
        raise GatewayError(
            f"{', '.join(report.failed)} could not forget yet; a running gateway asks again"
        )


def _document(report: Report) -> dict[str, Any]:
    return {
        "contacts": [show("con", one) for one in report.contacts],
        "erased": msgspec.structs.asdict(report.erased),
        "remains": report.remains,
        "failed": report.failed,
    }


def _words(report: Report, verb: str, heading: str) -> str:
    counts = msgspec.structs.asdict(report.erased)
    conversations = counts.pop("conversations")
    what = ", ".join(f"{many} {name}" for name, many in counts.items() if many) or "nothing else"
    who = ", ".join(show("con", one) for one in report.contacts)
    lines = [f"{verb} {who}: {what}. Conversations that go whole: {conversations}."]
    if report.remains:
        rows = [(plain(one.where), plain(one.what), plain(one.url)) for one in report.remains]
        lines += [
            "",
            heading,
            table(("Where", "What", "URL"), rows),
        ]
    return "\n".join(lines)

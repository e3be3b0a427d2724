"""``gateway desk``: work on the desk's tickets from the command line."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar, get_args

import click

from gateway import Intake
from gateway_desk.backend import Desk
from gateway_desk.ticket import DeskEntry, DeskTicket, TicketState, read_number, shown
from gateway_desk.wording import tell_entry, tell_ticket, tell_tickets

R = TypeVar("R")
C = TypeVar("C", bound=Callable[..., Any])
DESK = "desk"


class Cli(Protocol):
    """What the gateway's command line gives a plugin's commands as ``ctx.obj``."""

    as_json: bool

    def run(self, work: Callable[[Desk, Intake], Awaitable[R]], name: str, kind: str = "") -> R:
        """Open the store and a backend, let it work, and return what came of it."""
        ...

    def print(self, value: Any, text: str) -> None:
        """Print a value as JSON if asked for, else the text."""
        ...


def _number(_: click.Context, __: click.Parameter, value: str) -> int:
    return read_number(value)


def _remember_json(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.obj.as_json = True


def _options(command: C) -> C:
    """Add the options that every command of the group has."""
    command = click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=_remember_json,
        help="Print JSON.",
    )(command)
    return click.option(
        "--desk",
        "name",
        default="",
        metavar="NAME",
        help="Which desk: the name of its backend in the config; needed only if there are several.",
    )(command)


_ticket = click.argument("ticket", callback=_number)
_author = click.option("--author", default="", help="Who writes it, as the customer sees it.")
_text = click.argument("text")


@click.group()
def desk() -> None:
    """Work on the tickets of a built-in desk."""


@desk.command("list")
@_options
@click.option("--state", type=click.Choice(get_args(TicketState)), help="Only in this state.")
@click.option("--queue", default="", help="Only in this queue.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@click.pass_obj
def list_tickets(obj: Cli, name: str, state: str | None, queue: str, limit: int) -> None:
    """List tickets, newest first."""
    tickets = obj.run(
        lambda desk, _: desk.all_tickets(state=state or "", queue=queue, limit=limit), name, DESK
    )
    obj.print([shown(ticket) for ticket in tickets], tell_tickets(tickets))


@desk.command()
@_options
@_ticket
@click.pass_obj
def show(obj: Cli, name: str, ticket: int) -> None:
    """Show a ticket with its entries."""

    async def work(desk: Desk, _: Intake) -> tuple[DeskTicket, list[DeskEntry]]:
        return await desk.ticket(ticket), await desk.all_entries(ticket)

    found, entries = obj.run(work, name, DESK)
    value = {
        "ticket": shown(found),
        "entries": [shown(entry) for entry in entries],
    }
    obj.print(value, tell_ticket(found, entries))


@desk.command()
@_options
@_author
@_ticket
@_text
@click.pass_obj
def reply(obj: Cli, name: str, author: str, ticket: int, text: str) -> None:
    """Answer the customer.

    A text of - is read from the standard input.
    """
    words = _words(text)
    entry = obj.run(
        lambda desk, intake: desk.reply(intake, ticket, words, author=author), name, DESK
    )
    obj.print(shown(entry), f"Answered as entry {entry.id}.")


@desk.command()
@_options
@_author
@_ticket
@_text
@click.pass_obj
def note(obj: Cli, name: str, author: str, ticket: int, text: str) -> None:
    """Note something for colleagues.

    A text of - is read from the standard input.
    """
    words = _words(text)
    entry = obj.run(
        lambda desk, intake: desk.reply(intake, ticket, words, author=author, audience="internal"),
        name,
        DESK,
    )
    obj.print(shown(entry), f"Noted:\n{tell_entry(entry)}")


@desk.command()
@_options
@click.option(
    "--state",
    type=click.Choice(get_args(TicketState)),
    default="closed",
    show_default=True,
    help="Put it into another state instead.",
)
@_ticket
@click.pass_obj
def close(obj: Cli, name: str, state: TicketState, ticket: int) -> None:
    """Close a ticket."""
    changed = obj.run(lambda desk, intake: desk.set_state(intake, ticket, state), name, DESK)
    obj.print(shown(changed), f"Ticket {ticket} is {changed.state}.")


@desk.command()
@_options
@_ticket
@click.argument("assignee", default="")
@click.pass_obj
def assign(obj: Cli, name: str, ticket: int, assignee: str) -> None:
    """Give a ticket to somebody, or with no name to nobody."""
    changed = obj.run(lambda desk, _: desk.assign(ticket, assignee), name, DESK)
    whose = f"assigned to {changed.assignee}" if changed.assignee else "assigned to nobody"
    obj.print(shown(changed), f"Ticket {ticket} is {whose}.")


def _words(text: str) -> str:
    words = sys.stdin.read() if text == "-" else text
    if not words.strip():
        raise click.UsageError("the text is empty")
    return words

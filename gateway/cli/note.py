"""``gateway note``: note something for colleagues."""

from __future__ import annotations

import click

from gateway.cli.arguments import Id, Shown
from gateway.cli.options import Command
from gateway.cli.session import Session
from gateway.cli.speaking import speak, speaking


@click.command(
    cls=Command,
    examples=(
        'gateway note conv_0b52k9qa4g000 "She will call back on Monday."',
        "gateway note conv_0b52k9qa4g000 - < trace.txt",
    ),
)
@click.argument("conversation", type=Id("conv"))
@speaking
@click.pass_obj
def command(
    session: Session,
    conversation: Shown,
    text: str,
    author: str,
    attach: tuple[str, ...],
    key: str,
) -> None:
    """Note something for colleagues.

    No customer sees it. A text of - is read from the standard input.
    """
    arrival = speak(
        session,
        conversation,
        text=text,
        author=author,
        attach=attach,
        key=key,
        subject="",
        internal=True,
    )
    session.print(
        {"arrival": arrival, "audience": "internal"},
        f"Stored as {arrival}; a running gateway notes it. See: gateway why {arrival}",
    )

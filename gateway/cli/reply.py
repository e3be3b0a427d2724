"""``gateway reply``: answer the customer."""

from __future__ import annotations

import click

from gateway.cli.arguments import Id, Shown
from gateway.cli.options import Command
from gateway.cli.session import Session
from gateway.cli.speaking import speak, speaking


@click.command(
    cls=Command,
    examples=(
        'gateway reply conv_0b52k9qa4g000 "It is on its way."',
        "gateway reply conv_0b52k9qa4g000 - --attach invoice.pdf < answer.txt",
        'gateway reply conv_0b52k9qa4g000 "Done." --key answer-17    # twice is once',
    ),
)
@click.argument("conversation", type=Id("conv"))
@speaking
@click.option("--subject", default="", help="Another subject than the conversation's.")
@click.pass_obj
def command(
    session: Session,
    conversation: Shown,
    text: str,
    author: str,
    attach: tuple[str, ...],
    key: str,
    subject: str,
) -> None:
    """Answer the customer of a conversation.

    A text of - is read from the standard input. The reply is stored at once and leaves as soon as a gateway runs.
    """
    arrival = speak(
        session,
        conversation,
        text=text,
        author=author,
        attach=attach,
        key=key,
        subject=subject,
        internal=False,
    )
    session.print(
        {"arrival": arrival, "audience": "customer"},
        f"Stored as {arrival}; it leaves as soon as a gateway runs. See: gateway why {arrival}",
    )

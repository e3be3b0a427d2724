"""What ``reply`` and ``note`` share."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gateway.cli.arguments import Shown, named, read_bytes, words
from gateway.cli.session import Session
from gateway.domain.draft import DraftAttachment
from gateway.domain.ids import show

if TYPE_CHECKING:
    from gateway.core.operating import Operator

C = TypeVar("C", bound=Callable[..., Any])


def speaking(command: C) -> C:
    """Add the arguments and options of a command that says something."""
    for add in (
        click.option(
            "--key",
            default="",
            help="Makes it unique in this conversation: the same key twice is one.",
        ),
        click.option(
            "--attach",
            multiple=True,
            type=click.Path(exists=True, dir_okay=False),
            help="Attach a file; may be given several times.",
        ),
        click.option("--author", default="", metavar="NAME", help="Who writes it."),
        click.argument("text"),
    ):
        command = add(command)
    return command


def speak(
    session: Session,
    conversation: Shown,
    *,
    text: str,
    author: str,
    attach: tuple[str, ...],
    key: str,
    subject: str,
    internal: bool,
) -> str:
    """Store a reply or note and return its arrival's id."""
    from gateway.core.repeating import own_key

    said = words(text)
    files = [
        DraftAttachment(
            name=Path(path).name,
            media_type=mimetypes.guess_type(path)[0] or "application/octet-stream",
            data=read_bytes(Path(path)),
        )
        for path in attach
    ]

    async def work(operator: Operator) -> int:
        return await operator.reply(
            session.tenants,
            conversation.number,
            text=said,
            subject=subject,
            internal=internal,
            author=author,
            attachments=files,
            key=own_key("", conversation.number, key),
        )

    with named(conversation):
        return show("arr", session.with_operator(work))

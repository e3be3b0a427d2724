"""``gateway code``: let a customer go on by another channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gateway.cli.arguments import Id, Shown, named
from gateway.cli.options import Command
from gateway.cli.session import Session
from gateway.cli.terminal import moment

if TYPE_CHECKING:
    from gateway.contracts.continuation import IssuedCode
    from gateway.core.assembly import Parts


@click.command(cls=Command, examples=("gateway code conv_0b52k9qa4g000",))
@click.argument("conversation", type=Id("conv"))
@click.pass_obj
def command(session: Session, conversation: Shown) -> None:
    """Make a code with which the customer goes on by another channel.

    Whoever keys the six digits in on a call is in the conversation from then on: give them to nobody but its customer. They are good once, and not for long.
    """

    async def work(parts: Parts) -> IssuedCode:
        with named(conversation):
            view = await parts.store.conversation(session.tenants, conversation.number)
        return await parts.codes(view.conversation.tenant).issue(conversation.number)

    from gateway.web.api.codes import code_document

    issued = session.with_parts(work)
    session.print(
        code_document(conversation.number, issued),
        f"{issued.code}  (good once, until {moment(issued.expires_at)})",
    )

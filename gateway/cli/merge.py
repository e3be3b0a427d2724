"""``gateway merge``: join two conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gateway.cli.arguments import Id, Shown, named
from gateway.cli.options import Command
from gateway.cli.session import Session
from gateway.domain.conversation import Link
from gateway.domain.ids import show

if TYPE_CHECKING:
    from gateway.core.operating import Operator


@click.command(
    cls=Command,
    examples=("gateway merge conv_0b52k9qa4g000 conv_0b52j11m0g000",),
)
@click.argument("one", type=Id("conv"))
@click.argument("into", type=Id("conv"))
@click.pass_obj
def command(session: Session, one: Shown, into: Shown) -> None:
    """Merge a conversation into another.

    gateway unmerge takes it back exactly.
    """

    async def work(operator: Operator) -> Link:
        for conversation in (one, into):
            with named(conversation):
                await operator.store.conversation(session.tenants, conversation.number)
        return await operator.merge(session.tenants, one.number, into.number, session.who)

    link = session.with_operator(work)
    a, b = show("conv", link.a), show("conv", link.b)
    session.print(
        {"link": show("lnk", link.id), "conversation": a, "merged_into": b},
        f"Merged {a} into {b}. To take it back: gateway unmerge {a}",
    )

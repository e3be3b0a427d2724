"""``gateway unmerge``: take back a merge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gateway.cli.arguments import Id, Shown, named
from gateway.cli.options import Command
from gateway.cli.session import Session

if TYPE_CHECKING:
    from gateway.core.operating import Operator


@click.command(cls=Command, examples=("gateway unmerge conv_0b52k9qa4g000",))
@click.argument("one", type=Id("conv"))
@click.pass_obj
def command(session: Session, one: Shown) -> None:
    """Take back the merge of a conversation.

    What was said in between goes home with its thread.
    """

    async def work(operator: Operator) -> None:
        await operator.unmerge(session.tenants, one.number, session.who)

    with named(one):
        session.with_operator(work)
    session.print({"conversation": str(one), "merged_into": None}, f"{one} stands by itself again.")

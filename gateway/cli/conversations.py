"""``gateway conversations``: list conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import click

from gateway.cli.arguments import Id, Shown
from gateway.cli.options import Command
from gateway.cli.session import Session
from gateway.cli.terminal import moment, shorten, table
from gateway.core.redacting import redaction
from gateway.domain.conversation import ConversationState, Tier

if TYPE_CHECKING:
    from gateway.core.assembly import Parts
    from gateway.web.shapes.conversation import ConversationSummary


@click.command(
    cls=Command,
    examples=(
        "gateway conversations --state open --tier L2",
        "gateway conversations --identity ann@example.com",
        "gateway conversations --text invoice --json",
        "gateway conversations --before conv_0b52k9qa4g000    # the next page",
    ),
)
@click.option("--state", type=click.Choice(get_args(ConversationState)), help="In this state.")
@click.option("--tier", type=click.Choice(get_args(Tier)), help="At this tier.")
@click.option("--channel", default="", metavar="NAME", help="With a thread on this channel.")
@click.option("--identity", default="", metavar="ADDRESS", help="In which this address takes part.")
@click.option("--text", default="", help="With these words in the subject.")
@click.option("--before", type=Id("conv"), metavar="ID", help="Older than this one.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@click.pass_obj
def command(
    session: Session,
    state: str | None,
    tier: str | None,
    channel: str,
    identity: str,
    text: str,
    before: Shown | None,
    limit: int,
) -> None:
    """List conversations, newest first."""
    from gateway.store.operations import ConversationFilter, Cursor
    from gateway.web.redacting import summaries
    from gateway.web.shapes.conversation import ConversationPage

    wanted = ConversationFilter(
        state=state or "", tier=tier or "", channel=channel, identity=identity, text=text
    )
    cursor = Cursor(before=before.number if before else None, limit=limit)

    async def work(parts: Parts) -> list[ConversationSummary]:
        tenants = session.tenants
        found = await parts.store.conversations(tenants, wanted, cursor)
        return await summaries(parts.store, redaction(parts.hooks), tenants, found)

    found = session.with_parts(work)
    following = found[-1].id if len(found) == limit else None
    session.print(ConversationPage(items=tuple(found), next=following), _words(found, following))


def _words(found: list[ConversationSummary], following: str | None) -> str:
    if not found:
        return "No conversations."
    rows = [
        (
            one.id,
            one.tenant,
            one.state,
            one.tier,
            one.priority,
            moment(one.updated_at),
            _from(one),
            shorten(one.subject, 200) or "(no subject)",
        )
        for one in found
    ]
    heads = ("Conversation", "Tenant", "State", "Tier", "Priority", "Updated", "From", "Subject")
    told = table(heads, rows)
    return f"{told}\nMore: --before {following}" if following else told


def _from(one: ConversationSummary) -> str:
    """Name who opened it: ``Ann <ann@example.com>``."""
    if one.customer is None:
        return ""
    name, value = one.customer.name, one.customer.value
    return shorten(f"{name} <{value}>" if name else value, 80)

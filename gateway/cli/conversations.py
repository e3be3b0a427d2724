"""``gateway conversations``: list conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import click

from gateway.cli.arguments import Id, Shown
from gateway.cli.options import Command
from gateway.cli.session import Session
from gateway.cli.terminal import moment, shorten, table
from gateway.core.redacting import redaction
from gateway.domain.conversation import Conversation, ConversationState, Tier
from gateway.domain.ids import show

if TYPE_CHECKING:
    from gateway.core.assembly import Parts


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
    from gateway.web.redacting import redacted_conversation
    from gateway.web.shapes.conversation import ConversationPage, conversation_summary

    wanted = ConversationFilter(
        state=state or "", tier=tier or "", channel=channel, identity=identity, text=text
    )
    cursor = Cursor(before=before.number if before else None, limit=limit)

    async def work(parts: Parts) -> list[Conversation]:
        found = await parts.store.conversations(session.tenants, wanted, cursor)
        redact = redaction(parts.hooks)
        return [await redacted_conversation(redact, one) for one in found]

    found = session.with_parts(work)
    following = show("conv", found[-1].id) if len(found) == limit else None
    items = tuple(conversation_summary(one) for one in found)
    session.print(ConversationPage(items=items, next=following), _words(found, following))


def _words(found: list[Conversation], following: str | None) -> str:
    if not found:
        return "No conversations."
    rows = [
        (
            show("conv", one.id),
            one.state,
            one.tier,
            one.priority,
            moment(one.updated_at),
            shorten(one.subject, 200) or "(no subject)",
        )
        for one in found
    ]
    told = table(("Conversation", "State", "Tier", "Priority", "Updated", "Subject"), rows)
    return f"{told}\nMore: --before {following}" if following else told

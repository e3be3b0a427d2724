"""``gateway show``: a conversation with everything said in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gateway.cli.arguments import Id, Shown, named
from gateway.cli.options import Command
from gateway.cli.session import Session
from gateway.cli.wording import conversation_words, delivery_words, message_words
from gateway.core.redacting import redaction
from gateway.domain.delivery import Delivery
from gateway.domain.ids import show
from gateway.domain.message import Message

if TYPE_CHECKING:
    from gateway.core.assembly import Parts
    from gateway.store.operations import ConversationView

    Told = tuple[ConversationView, list[Message], list[Delivery]]

_PAGE = 200


@click.command(
    cls=Command,
    examples=("gateway show conv_0b52k9qa4g000", "gateway show conv_0b52k9qa4g000 --json"),
)
@click.argument("conversation", type=Id("conv"))
@click.pass_obj
def command(session: Session, conversation: Shown) -> None:
    """Show a conversation with everything said in it.

    People, messages, tickets, links, and what was sent.
    """
    from gateway.web.shapes.conversation import conversation_document
    from gateway.web.shapes.delivery import delivery_document
    from gateway.web.shapes.message import message_document

    view, messages, deliveries = session.with_parts(
        lambda parts: _read(parts, session, conversation.number)
    )
    sent = [f"  {delivery_words(one)}" for one in deliveries] or ["  none"]
    text = "\n\n".join(
        [
            conversation_words(view),
            *(message_words(message) for message in messages),
            "\n".join(["Deliveries", *sent]),
        ]
    )
    document = {
        "conversation": conversation_document(view),
        "messages": [message_document(one) for one in messages],
        "deliveries": [delivery_document(one) for one in deliveries],
    }
    session.print(document, text)


async def _read(parts: Parts, session: Session, conversation: int) -> Told:
    from gateway.store.operations import Cursor, DeliveryFilter
    from gateway.web.redacting import redacted, redacted_view

    redact, tenants = redaction(parts.hooks), session.tenants
    with named(show("conv", conversation)):
        view = await parts.store.conversation(tenants, conversation)
    messages: list[Message] = []
    after = 0
    while page := await parts.store.messages(tenants, conversation, after_seq=after, limit=_PAGE):
        messages += await redacted(redact, page)
        after = max(message.seq for message in page)
    deliveries = await parts.store.deliveries(
        tenants, DeliveryFilter(conversation=conversation), Cursor(limit=500)
    )
    return await redacted_view(redact, view), messages, deliveries[::-1]

"""What the API and the pages show has gone through the redaction for people first."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from gateway.domain.conversation import Conversation
from gateway.domain.message import Author, Message
from gateway.web.services import Redact


async def redacted(redact: Redact, messages: Iterable[Message]) -> list[Message]:
    """Redact messages for people."""
    return [await redact(message, "console") for message in messages]


async def redacted_conversation(redact: Redact, conversation: Conversation) -> Conversation:
    """Redact what a conversation itself says: its subject and its work order.

    Plugins redact messages, so each of its texts is shown to them as one.
    """
    if not conversation.subject and not conversation.work_order:
        return conversation
    subject = (
        await redact(_as_message(conversation, subject=conversation.subject), "console")
    ).subject
    entries = [
        msgspec.structs.replace(
            entry, text=(await redact(_as_message(conversation, text=entry.text), "console")).text
        )
        for entry in conversation.work_order
    ]
    return msgspec.structs.replace(conversation, subject=subject, work_order=tuple(entries))


def _as_message(conversation: Conversation, *, subject: str = "", text: str = "") -> Message:
    return Message(
        id=conversation.id, tenant=conversation.tenant, conversation=conversation.id, seq=0,
        direction="internal", author=Author(kind="system"), subject=subject, text=text,
        received_at=conversation.opened_at, recorded_at=conversation.updated_at,
    )  # fmt: skip

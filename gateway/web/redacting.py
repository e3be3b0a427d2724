"""What the API and the pages show has gone through the redaction for people first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from gateway.domain.contact import Identity
from gateway.domain.conversation import Conversation
from gateway.domain.message import Author, Message
from gateway.store.operations import ConversationView, Store, Tenants
from gateway.web.services import Redact
from gateway.web.shapes.conversation import ConversationSummary, conversation_summary

NOBODY = Author(kind="system")


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


async def redacted_identity(
    redact: Redact, conversation: Conversation, identity: Identity
) -> Identity:
    """Redact what somebody in a conversation calls themselves."""
    if not identity.name:
        return identity
    who = Author(
        kind="customer", name=identity.name, identity=identity.id, address=identity.address
    )
    said = await redact(_as_message(conversation, author=who), "console")
    return msgspec.structs.replace(identity, name=said.author.name)


async def redacted_view(redact: Redact, view: ConversationView) -> ConversationView:
    """Redact a conversation with the people in it."""
    one, contact = view.conversation, view.contact
    people = [await redacted_identity(redact, one, person) for person in view.identities]
    if contact is not None and contact.name:
        who = Author(kind="customer", name=contact.name)
        said = await redact(_as_message(one, author=who), "console")
        contact = msgspec.structs.replace(contact, name=said.author.name)
    return msgspec.structs.replace(
        view, conversation=await redacted_conversation(redact, one), contact=contact,
        identities=tuple(people),
    )  # fmt: skip


async def summaries(
    store: Store, redact: Redact, tenants: Tenants, found: Sequence[Conversation]
) -> list[ConversationSummary]:
    """Show conversations in a listing, each with who opened it, redacted for people."""
    asked = {one.requester for one in found if one.requester is not None}
    known = await store.identities(tenants, asked)
    shown = []
    for one in found:
        who = known.get(one.requester or 0)
        if who is not None:
            who = await redacted_identity(redact, one, who)
        shown.append(conversation_summary(await redacted_conversation(redact, one), who))
    return shown


def _as_message(
    conversation: Conversation, *, subject: str = "", text: str = "", author: Author = NOBODY
) -> Message:
    return Message(
        id=conversation.id, tenant=conversation.tenant, conversation=conversation.id, seq=0,
        direction="internal", author=author, subject=subject, text=text,
        received_at=conversation.opened_at, recorded_at=conversation.updated_at,
    )  # fmt: skip

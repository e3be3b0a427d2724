"""Messages: of a conversation, one, its attachments, and why."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from msgspec import Struct

from gateway.core.operating import Why
from gateway.errors import NotFound, Refused
from gateway.web.api.operation import Answer, Call, Operation
from gateway.web.api.paging import Limit, MessageCursor, read_cursor, write_cursor
from gateway.web.redacting import redacted
from gateway.web.shapes.arrival import stored_summary
from gateway.web.shapes.decision import WhyDocument, decision_document
from gateway.web.shapes.delivery import delivery_document
from gateway.web.shapes.message import MessageDocument, MessagePage, message_document


class MessageQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which messages to list."""

    after: MessageCursor = ""
    limit: Limit = 50


async def list_messages(call: Call) -> Answer:
    """List a conversation's messages."""
    query: MessageQuery = call.query
    services, conversation = call.services, call.ids["conversation"]
    await services.store.conversation(call.caller.tenants, conversation)
    after = read_cursor("messages", "after", query.after) or 0
    found = await services.store.messages(
        call.caller.tenants, conversation, after_seq=after, limit=query.limit
    )
    shown = await redacted(services.redact, found)
    full = len(found) >= query.limit
    return Answer(
        value=MessagePage(
            items=tuple(message_document(one) for one in shown),
            next=write_cursor("messages", max(one.seq for one in found)) if full else None,
        )
    )


async def get_message(call: Call) -> Answer:
    """Read a message."""
    found = await call.services.store.message(call.caller.tenants, call.ids["message"])
    [shown] = await redacted(call.services.redact, [found])
    return Answer(value=message_document(shown))


async def get_attachment(call: Call) -> Answer:
    """Download an attachment, never under its own media type: a browser must not run it."""
    found = await call.services.store.message(call.caller.tenants, call.ids["message"])
    [message] = await redacted(call.services.redact, [found])  # it may take attachments away
    number = call.ids["number"]
    if number > len(message.attachments):
        raise NotFound(str(number))
    attachment = message.attachments[number - 1]
    if attachment.state != "stored":
        raise Refused(f"the attachment was not kept: {attachment.state}")
    data = await call.services.blobs.read(attachment)
    return Answer(value=data, headers={"Content-Disposition": disposition(attachment.name)})


async def message_why(call: Call) -> Answer:
    """Explain a message."""
    return await _why(call, message=call.ids["message"], arrival=None)


async def arrival_why(call: Call) -> Answer:
    """Explain an arrival."""
    return await _why(call, message=None, arrival=call.ids["arrival"])


async def _why(call: Call, **of: Any) -> Answer:
    services = call.services
    why: Why = await services.operator.why(call.caller.tenants, **of)
    shown = await redacted(services.redact, [why.message] if why.message else [])
    return Answer(
        value=WhyDocument(
            message=message_document(shown[0]) if shown else None,
            arrivals=tuple(stored_summary(one) for one in why.arrivals),
            decisions=tuple(decision_document(one) for one in why.decisions),
            deliveries=tuple(delivery_document(one) for one in why.deliveries),
        )
    )


def disposition(name: str) -> str:
    """Write a Content-Disposition that downloads under a name in any language (RFC 6266, 4.3)."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    encoded = quote(name, safe="", errors="replace")
    return f"attachment; filename=\"{plain or '_'}\"; filename*=UTF-8''{encoded}"


OPERATIONS = (
    Operation(
        name="list_messages", method="GET", path="/conversations/{conversation}/messages",
        scope="read", tag="messages", summary="List a conversation's messages, oldest first",
        description="Those of conversations merged into it stand in their place.",
        run=list_messages, query=MessageQuery, answer=MessagePage, problems=("redaction_failed",),
    ),
    Operation(
        name="get_message", method="GET", path="/messages/{message}", scope="read",
        tag="messages", summary="Read a message", run=get_message, answer=MessageDocument,
        problems=("redaction_failed",),
    ),
    Operation(
        name="get_attachment", method="GET", path="/messages/{message}/attachments/{number}",
        scope="read", tag="messages", summary="Download an attachment", run=get_attachment,
        answer=bytes, problems=("refused", "redaction_failed"),
    ),
    Operation(
        name="message_why", method="GET", path="/messages/{message}/why", scope="read",
        tag="messages", summary="Explain what was decided about a message",
        run=message_why, answer=WhyDocument, problems=("redaction_failed",),
    ),
    Operation(
        name="arrival_why", method="GET", path="/arrivals/{arrival}/why", scope="read",
        tag="messages", summary="Explain what became of an arrival",
        run=arrival_why, answer=WhyDocument, problems=("redaction_failed",),
    ),
)  # fmt: skip

"""Writing into conversations: replies to the customer, and notes that no customer sees."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from gateway.core.repeating import own_key
from gateway.domain.draft import DraftAttachment
from gateway.domain.ids import show
from gateway.web.api.operation import PREFIX, Answer, Call, Operation
from gateway.web.api.words import ONE_LINE, Base64, Line, Text
from gateway.web.shapes.ids import ArrivalId, ConversationId

KEY_NOTE = (
    "Send an `Idempotency-Key` so that it can be repeated without harm: the same key of the same "
    "token in the same conversation is one message."
)


class AttachmentUpload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file to go along."""

    name: Annotated[
        str,
        Meta(
            min_length=1, max_length=255, pattern=ONE_LINE, extra={"expects": "a name in one line"}
        ),
    ]
    media_type: Annotated[
        str,
        Meta(
            max_length=127,
            pattern=r"^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+$",
            extra={"expects": "a media type such as application/pdf"},
        ),
    ] = "application/octet-stream"
    content: Base64


Uploads = Annotated[tuple[AttachmentUpload, ...], Meta(max_length=100)]


class NewReply(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the customer is to read."""

    text: Text
    html: Annotated[str, Meta(max_length=4_000_000, description="The same, formatted.")] = ""
    subject: Annotated[Line, Meta(description="Empty to keep the conversation's.")] = ""
    author: Annotated[Line, Meta(description="Who wrote it; empty for the token's name.")] = ""
    attachments: Uploads = ()


class NewNote(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What colleagues are to read."""

    text: Text
    author: Annotated[Line, Meta(description="Who wrote it; empty for the token's name.")] = ""
    attachments: Uploads = ()


class Taken(Struct, frozen=True, kw_only=True):
    """It is stored and will be worked on."""

    arrival: Annotated[
        ArrivalId, Meta(description="Ask `/arrivals/{arrival}/why` what became of it.")
    ]
    conversation: ConversationId


async def post_reply(call: Call) -> Answer:
    """Take in a reply."""
    reply: NewReply = call.body
    return await _write(call, reply, internal=False, html=reply.html, subject=reply.subject)


async def post_note(call: Call) -> Answer:
    """Take in a note."""
    note: NewNote = call.body
    return await _write(call, note, internal=True)


async def _write(
    call: Call, said: NewReply | NewNote, *, internal: bool, html: str = "", subject: str = ""
) -> Answer:
    caller, conversation = call.caller, call.ids["conversation"]
    arrival = await call.services.operator.reply(
        caller.tenants, conversation, text=said.text, html=html, subject=subject,
        internal=internal, author=said.author or caller.name,
        attachments=_drafts(said.attachments), key=own_key(caller.name, conversation, call.key),
    )  # fmt: skip
    shown = show("arr", arrival)
    return Answer(
        value=Taken(arrival=shown, conversation=show("conv", conversation)),
        headers={"Location": f"{PREFIX}/arrivals/{shown}/why"},
    )


def _drafts(uploads: tuple[AttachmentUpload, ...]) -> tuple[DraftAttachment, ...]:
    return tuple(
        DraftAttachment(name=one.name, media_type=one.media_type, data=one.content)
        for one in uploads
    )


OPERATIONS = (
    Operation(
        name="post_reply", method="POST", path="/conversations/{conversation}/replies",
        scope="reply", tag="conversations", summary="Write to the customer", status=202,
        description="It is durable when it is answered, and leaves on the customer's channel. "
        + KEY_NOTE,
        run=post_reply, body=NewReply, answer=Taken, takes_key=True,
        problems=("refused", "key_reused"),
    ),
    Operation(
        name="post_note", method="POST", path="/conversations/{conversation}/notes",
        scope="reply", tag="conversations", summary="Write a note that no customer sees",
        status=202, description="It is durable when it is answered. " + KEY_NOTE,
        run=post_note, body=NewNote, answer=Taken, takes_key=True,
        problems=("refused", "key_reused"),
    ),
)  # fmt: skip

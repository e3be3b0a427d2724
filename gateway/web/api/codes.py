"""Continuation codes: with one, the customer of a conversation goes on by another channel."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from gateway.contracts.continuation import IssuedCode
from gateway.domain.ids import show
from gateway.web.api.operation import Answer, Call, Operation
from gateway.web.shapes.ids import ConversationId
from gateway.web.shapes.moment import Moment, moment


class CodeDocument(Struct, frozen=True, kw_only=True):
    """A code to be given to the customer of a conversation, and to nobody else."""

    code: Annotated[
        str,
        Meta(pattern="^[0-9]{6}$", description="It is shown this once and cannot be read again."),
    ]
    conversation: ConversationId
    expires_at: Moment


def code_document(conversation: int, issued: IssuedCode) -> CodeDocument:
    """Show a code."""
    return CodeDocument(
        code=issued.code,
        conversation=show("conv", conversation),
        expires_at=moment(issued.expires_at),
    )


async def post_code(call: Call) -> Answer:
    """Make a code."""
    services, conversation = call.services, call.ids["conversation"]
    view = await services.store.conversation(call.caller.tenants, conversation)
    issued = await services.codes(view.conversation.tenant).issue(conversation)
    return Answer(
        value=code_document(conversation, issued),
        headers={"Cache-Control": "no-store"},
    )


OPERATIONS = (
    Operation(
        name="post_code", method="POST", path="/conversations/{conversation}/codes",
        scope="reply", tag="conversations", status=201,
        summary="Make a code with which the customer goes on by another channel",
        description="Six digits that lead into this conversation whoever keys them in on a call, "
        "once, for as long as `[continuation] minutes` says.",
        run=post_code, answer=CodeDocument, problems=("refused",),
    ),
)  # fmt: skip

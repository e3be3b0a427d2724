"""Conversations: list, read, set the state, merge and take a merge back."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from gateway.domain.conversation import ConversationState, Tier
from gateway.domain.ids import read
from gateway.errors import NotFound
from gateway.store.operations import ConversationFilter, Cursor
from gateway.web.api.operation import Answer, Call, Operation
from gateway.web.api.paging import ConversationCursor, Limit, cut, read_cursor, write_cursor
from gateway.web.api.words import Line
from gateway.web.redacting import redacted_view, summaries
from gateway.web.shapes.conversation import (
    ConversationDocument,
    ConversationPage,
    ConversationStateDocument,
    conversation_document,
    state_document,
)
from gateway.web.shapes.ids import ConversationId
from gateway.web.shapes.link import LinkDocument, link_document


class ConversationQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which conversations to list."""

    state: Annotated[ConversationState | UnsetType, Meta(description="Only in this state.")] = UNSET
    tier: Annotated[Tier | UnsetType, Meta(description="Only at this tier.")] = UNSET
    channel: Annotated[Line, Meta(description="Only with a thread on this channel.")] = ""
    identity: Annotated[
        Line, Meta(description="Only with this address among its participants.")
    ] = ""
    text: Annotated[Line, Meta(description="Only with these words in the subject.")] = ""
    before: ConversationCursor = ""
    limit: Limit = 50


class ConversationPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change."""

    state: ConversationState


class MergeInto(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which conversation takes it over."""

    into: ConversationId


async def list_conversations(call: Call) -> Answer:
    """List conversations."""
    query: ConversationQuery = call.query
    wanted = ConversationFilter(
        state=query.state or "", tier=query.tier or "", channel=query.channel,
        identity=query.identity, text=query.text,
    )  # fmt: skip
    before = read_cursor("conversations", "before", query.before)
    services, tenants = call.services, call.caller.tenants
    page = Cursor(before=before, limit=query.limit + 1)
    found = await services.store.conversations(tenants, wanted, page)
    rows, last = cut(found, query.limit)
    return Answer(
        value=ConversationPage(
            items=tuple(await summaries(services.store, services.redact, tenants, rows)),
            next=write_cursor("conversations", last.id) if last else None,
        )
    )


async def get_conversation(call: Call) -> Answer:
    """Read a conversation."""
    services = call.services
    view = await services.store.conversation(call.caller.tenants, call.ids["conversation"])
    return Answer(value=conversation_document(await redacted_view(services.redact, view)))


async def patch_conversation(call: Call) -> Answer:
    """Put a conversation into a state."""
    patch: ConversationPatch = call.body
    caller = call.caller
    await call.services.operator.set_state(
        caller.tenants, call.ids["conversation"], patch.state, caller.who
    )
    return Answer(value=await _state(call))


async def merge_conversation(call: Call) -> Answer:
    """Merge a conversation into another."""
    into: MergeInto = call.body
    try:
        other = read("conv", into.into)
    except ValueError as error:
        raise NotFound(into.into) from error
    caller = call.caller
    link = await call.services.operator.merge(
        caller.tenants, call.ids["conversation"], other, caller.who
    )
    return Answer(value=link_document(link))


async def unmerge_conversation(call: Call) -> Answer:
    """Take back the merge of a conversation."""
    caller = call.caller
    await call.services.operator.unmerge(caller.tenants, call.ids["conversation"], caller.who)
    return Answer(value=await _state(call))


async def _state(call: Call) -> ConversationStateDocument:
    """Tell how it is now, and nothing that only the scope ``read`` may see."""
    store = call.services.store
    view = await store.conversation(call.caller.tenants, call.ids["conversation"])
    return state_document(view.conversation)


OPERATIONS = (
    Operation(
        name="list_conversations", method="GET", path="/conversations", scope="read",
        tag="conversations", summary="List conversations, newest first", run=list_conversations,
        query=ConversationQuery, answer=ConversationPage, problems=("redaction_failed",),
    ),
    Operation(
        name="get_conversation", method="GET", path="/conversations/{conversation}", scope="read",
        tag="conversations", summary="Read a conversation", run=get_conversation,
        answer=ConversationDocument, problems=("redaction_failed",),
    ),
    Operation(
        name="patch_conversation", method="PATCH", path="/conversations/{conversation}",
        scope="reply", tag="conversations", summary="Put a conversation into a state",
        run=patch_conversation, body=ConversationPatch, answer=ConversationStateDocument,
        problems=("refused",),
    ),
    Operation(
        name="merge_conversation", method="POST", path="/conversations/{conversation}/merge",
        scope="operate", tag="conversations", summary="Merge a conversation into another one",
        description="The answer is the link that says so; `unmerge` takes it back exactly.",
        run=merge_conversation, body=MergeInto, answer=LinkDocument, problems=("refused",),
    ),
    Operation(
        name="unmerge_conversation", method="POST", path="/conversations/{conversation}/unmerge",
        scope="operate", tag="conversations", summary="Take back the merge of a conversation",
        run=unmerge_conversation, answer=ConversationStateDocument, problems=("refused",),
    ),
)  # fmt: skip

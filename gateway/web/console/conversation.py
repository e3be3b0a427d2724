"""The page of one conversation: messages as text, decisions, deliveries and links."""

from __future__ import annotations

from collections import defaultdict

from aiohttp import web

from gateway.domain.ids import read, show
from gateway.errors import NotFound
from gateway.store.operations import Cursor, DeliveryFilter
from gateway.web.api.callers import Caller
from gateway.web.api.paging import read_cursor, write_cursor
from gateway.web.api.reading import read_query
from gateway.web.console.queries import Later
from gateway.web.console.rendering import render
from gateway.web.redacting import redacted, redacted_view
from gateway.web.services import Services
from gateway.web.shapes.conversation import conversation_document
from gateway.web.shapes.decision import DecisionDocument, decision_document
from gateway.web.shapes.delivery import DeliveryDocument, delivery_document
from gateway.web.shapes.message import message_document

MESSAGES, DELIVERIES = 100, 200


async def conversation_page(
    request: web.Request, services: Services, caller: Caller
) -> web.Response:
    """Show one conversation."""
    try:
        identifier = read("conv", request.match_info["conversation"])
    except ValueError as error:
        raise NotFound(str(error)) from error
    view = await services.store.conversation(caller.tenants, identifier)
    after = read_cursor("messages", "after", read_query(Later, request).after) or 0
    messages = await services.store.messages(
        caller.tenants, identifier, after_seq=after, limit=MESSAGES
    )
    decided, general = await _decisions(services, caller, identifier)
    return render(
        services,
        "conversation.html",
        conversation=conversation_document(await redacted_view(services.redact, view)),
        messages=[message_document(one) for one in await redacted(services.redact, messages)],
        decided=decided,
        general=general,
        deliveries=await _deliveries(services, caller, identifier),
        next=write_cursor("messages", max(one.seq for one in messages))
        if len(messages) >= MESSAGES
        else None,
    )


async def _decisions(
    services: Services, caller: Caller, conversation: int
) -> tuple[dict[str, list[DecisionDocument]], list[DecisionDocument]]:
    """Decisions about each message by its id, and those about the conversation itself."""
    decided: dict[str, list[DecisionDocument]] = defaultdict(list)
    general: list[DecisionDocument] = []
    for one in await services.store.decisions(caller.tenants, conversation=conversation):
        place = general if one.message is None else decided[show("msg", one.message)]
        place.append(decision_document(one))
    return decided, general


async def _deliveries(
    services: Services, caller: Caller, conversation: int
) -> dict[str, list[DeliveryDocument]]:
    """Deliveries of the conversation by the message's id."""
    found = await services.store.deliveries(
        caller.tenants, DeliveryFilter(conversation=conversation), Cursor(limit=DELIVERIES)
    )
    by_message: dict[str, list[DeliveryDocument]] = defaultdict(list)
    for one in reversed(found):
        by_message[show("msg", one.message)].append(delivery_document(one))
    return by_message

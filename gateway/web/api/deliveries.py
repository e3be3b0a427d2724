"""Deliveries: list, read, send a dead one again or discard it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from gateway.domain.delivery import DeliveryState
from gateway.domain.ids import Prefix, read
from gateway.store.operations import Cursor, DeliveryFilter
from gateway.web.api.operation import Answer, Call, Operation
from gateway.web.api.paging import DeliveryCursor, Limit, cut, read_cursor, write_cursor
from gateway.web.api.words import Line
from gateway.web.shapes.delivery import DeliveryDocument, DeliveryPage, delivery_document
from gateway.web.shapes.ids import ConversationId, MessageId

DEAD: tuple[DeliveryState, ...] = ("dead", "unknown")
Target = Annotated[Line, Meta(description="Only to this `backend/NAME` or `channel/NAME`.")]


class DeliveryQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which deliveries to list."""

    state: Annotated[DeliveryState | UnsetType, Meta(description="Only in this state.")] = UNSET
    target: Target = ""
    conversation: Annotated[
        ConversationId | UnsetType, Meta(description="Only of this conversation.")
    ] = UNSET
    message: Annotated[MessageId | UnsetType, Meta(description="Only of this message.")] = UNSET
    before: DeliveryCursor = ""
    limit: Limit = 50


class DeadLetterQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which dead letters to list."""

    target: Target = ""
    before: DeliveryCursor = ""
    limit: Limit = 50


async def list_deliveries(call: Call) -> Answer:
    """List deliveries."""
    query: DeliveryQuery = call.query
    wanted = DeliveryFilter(
        states=(query.state,) if query.state else (),
        target=query.target,
        conversation=_maybe("conv", query.conversation),
        message=_maybe("msg", query.message),
    )
    return await _page(call, wanted, query.before, query.limit)


async def list_dead_letters(call: Call) -> Answer:
    """List what was given up, or may or may not have arrived."""
    query: DeadLetterQuery = call.query
    wanted = DeliveryFilter(states=DEAD, target=query.target)
    return await _page(call, wanted, query.before, query.limit)


async def get_delivery(call: Call) -> Answer:
    """Read a delivery."""
    found = await call.services.store.delivery(call.caller.tenants, call.ids["delivery"])
    return Answer(value=delivery_document(found))


async def replay_delivery(call: Call) -> Answer:
    """Send it again."""
    return await _settle(call, "replay")


async def discard_delivery(call: Call) -> Answer:
    """Give it up for good."""
    return await _settle(call, "discard")


async def _settle(call: Call, action: Literal["replay", "discard"]) -> Answer:
    caller = call.caller
    settled = await call.services.operator.settle_delivery(
        caller.tenants, call.ids["delivery"], action, caller.who
    )
    return Answer(value=delivery_document(settled))


async def _page(call: Call, wanted: DeliveryFilter, before: str, limit: int) -> Answer:
    found = await call.services.store.deliveries(
        call.caller.tenants,
        wanted,
        Cursor(before=read_cursor("deliveries", "before", before), limit=limit + 1),
    )
    rows, last = cut(found, limit)
    return Answer(
        value=DeliveryPage(
            items=tuple(delivery_document(one) for one in rows),
            next=write_cursor("deliveries", last.id) if last else None,
        )
    )


def _maybe(prefix: Prefix, text: str | UnsetType) -> int | None:
    """Read an id; one that is too large for any record finds nothing."""
    if text is UNSET:
        return None
    try:
        return read(prefix, text)
    except ValueError:
        return -1


OPERATIONS = (
    Operation(
        name="list_deliveries", method="GET", path="/deliveries", scope="read", tag="deliveries",
        summary="List deliveries, newest first", run=list_deliveries, query=DeliveryQuery,
        answer=DeliveryPage,
    ),
    Operation(
        name="list_dead_letters", method="GET", path="/dead-letters", scope="read",
        tag="deliveries", summary="List dead and unknown deliveries, newest first",
        run=list_dead_letters, query=DeadLetterQuery, answer=DeliveryPage,
    ),
    Operation(
        name="get_delivery", method="GET", path="/deliveries/{delivery}", scope="read",
        tag="deliveries", summary="Read a delivery", run=get_delivery, answer=DeliveryDocument,
    ),
    Operation(
        name="replay_delivery", method="POST", path="/deliveries/{delivery}/replay",
        scope="operate", tag="deliveries", summary="Send a dead or unknown delivery again",
        description="Somebody who replays has looked: it is sent again whatever came before. An answer "
        "that had nowhere to go (`no_route`) goes by the thread that its conversation has by now, as "
        "the delivery that is answered; while there is none this is refused.",
        run=replay_delivery, answer=DeliveryDocument, problems=("refused",),
    ),
    Operation(
        name="discard_delivery", method="POST", path="/deliveries/{delivery}/discard",
        scope="operate", tag="deliveries",
        summary="Discard a queued, dead or unknown delivery so that the next ones go on",
        run=discard_delivery, answer=DeliveryDocument, problems=("refused",),
    ),
)  # fmt: skip

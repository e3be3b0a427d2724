"""Deliveries as the API and the pages show them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from gateway.domain.delivery import Delivery, DeliveryState, Operation
from gateway.domain.draft import ReceiptState
from gateway.domain.ids import show
from gateway.web.shapes.ids import ConversationId, DeliveryId, IdentityId, MessageId
from gateway.web.shapes.moment import Moment, moment


class AttemptDocument(Struct, frozen=True, kw_only=True):
    """One try."""

    at: Moment
    outcome: Annotated[str, Meta(description="`delivered`, `retry`, `unknown`, `dead`, `found`.")]
    code: str
    error: str
    took_ms: Annotated[int, Meta(description="Milliseconds.")]


class DeliveryDocument(Struct, frozen=True, kw_only=True):
    """One thing that is sent to one target."""

    id: DeliveryId
    tenant: str
    conversation: ConversationId
    message: MessageId
    target: Annotated[str, Meta(description="`backend/NAME` or `channel/NAME`.")]
    operation: Operation
    key: Annotated[str, Meta(description="The idempotency key, the same for every attempt.")]
    state: DeliveryState
    attempts: Annotated[int, Meta(ge=0, description="How often it was tried.")]
    recipients: tuple[IdentityId, ...]
    external_ids: Annotated[tuple[str, ...], Meta(description="What the target calls it.")]
    receipt: Annotated[ReceiptState | None, Meta(description="How far it got at its receivers.")]
    last_code: str
    last_error: str
    made_at: Moment
    next_at: Annotated[Moment | None, Meta(description="When it is tried next, while it waits.")]
    settled_at: Moment | None
    history: Annotated[tuple[AttemptDocument, ...], Meta(description="The latest attempts.")]


class DeliveryPage(Struct, frozen=True, kw_only=True):
    """A page of deliveries, newest first."""

    items: tuple[DeliveryDocument, ...]
    next: Annotated[
        str | None, Meta(description="Give it as `before` for the next page; null at the end.")
    ]


def delivery_document(delivery: Delivery) -> DeliveryDocument:
    """Show a delivery."""
    waits = delivery.state in ("queued", "unknown")
    return DeliveryDocument(
        id=show("dlv", delivery.id), tenant=delivery.tenant,
        conversation=show("conv", delivery.conversation), message=show("msg", delivery.message),
        target=delivery.target, operation=delivery.operation, key=delivery.key,
        state=delivery.state, attempts=delivery.attempts,
        recipients=tuple(show("idn", one) for one in delivery.recipients),
        external_ids=delivery.external_ids, receipt=delivery.receipt,
        last_code=delivery.last_code, last_error=delivery.last_error,
        made_at=moment(delivery.made_at), next_at=moment(delivery.next_at) if waits else None,
        settled_at=moment(delivery.settled_at),
        history=tuple(
            AttemptDocument(
                at=moment(one.at), outcome=one.outcome, code=one.code, error=one.error,
                took_ms=one.took_ms,
            )
            for one in delivery.history
        ),
    )  # fmt: skip

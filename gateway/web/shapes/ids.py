"""Ids as the API writes them."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

from gateway.domain.ids import Prefix, show


def _id(prefix: Prefix) -> Meta:
    return Meta(
        pattern=f"^{prefix}_[0-9a-hj-km-np-tv-z]{{13}}$",
        extra={"expects": f"an id such as {prefix}_0123456789abc"},
    )


ConversationId: TypeAlias = Annotated[str, _id("conv")]
MessageId: TypeAlias = Annotated[str, _id("msg")]
ArrivalId: TypeAlias = Annotated[str, _id("arr")]
DeliveryId: TypeAlias = Annotated[str, _id("dlv")]
DecisionId: TypeAlias = Annotated[str, _id("dec")]
ContactId: TypeAlias = Annotated[str, _id("con")]
IdentityId: TypeAlias = Annotated[str, _id("idn")]
ThreadId: TypeAlias = Annotated[str, _id("thr")]
TicketId: TypeAlias = Annotated[str, _id("tkt")]
LinkId: TypeAlias = Annotated[str, _id("lnk")]


def maybe(prefix: Prefix, identifier: int | None) -> str | None:
    """Show an id that may be missing."""
    return None if identifier is None else show(prefix, identifier)

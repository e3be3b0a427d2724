"""Ids as the API writes them."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

from gateway.domain.ids import Prefix, show

ConversationId: TypeAlias = Annotated[str, Meta(pattern="^conv_[0-9a-hj-km-np-tv-z]{13}$")]
MessageId: TypeAlias = Annotated[str, Meta(pattern="^msg_[0-9a-hj-km-np-tv-z]{13}$")]
ArrivalId: TypeAlias = Annotated[str, Meta(pattern="^arr_[0-9a-hj-km-np-tv-z]{13}$")]
DeliveryId: TypeAlias = Annotated[str, Meta(pattern="^dlv_[0-9a-hj-km-np-tv-z]{13}$")]
DecisionId: TypeAlias = Annotated[str, Meta(pattern="^dec_[0-9a-hj-km-np-tv-z]{13}$")]
ContactId: TypeAlias = Annotated[str, Meta(pattern="^con_[0-9a-hj-km-np-tv-z]{13}$")]
IdentityId: TypeAlias = Annotated[str, Meta(pattern="^idn_[0-9a-hj-km-np-tv-z]{13}$")]
ThreadId: TypeAlias = Annotated[str, Meta(pattern="^thr_[0-9a-hj-km-np-tv-z]{13}$")]
TicketId: TypeAlias = Annotated[str, Meta(pattern="^tkt_[0-9a-hj-km-np-tv-z]{13}$")]
LinkId: TypeAlias = Annotated[str, Meta(pattern="^lnk_[0-9a-hj-km-np-tv-z]{13}$")]


def maybe(prefix: Prefix, identifier: int | None) -> str | None:
    """Show an id that may be missing."""
    return None if identifier is None else show(prefix, identifier)

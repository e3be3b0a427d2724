"""Events: a closed union of what subscribers are told, at least once."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

EventKind = Literal[
    "message.stored", "message.revised", "conversation.opened", "conversation.changed",
    "conversation.merged", "conversation.unmerged", "delivery.delivered", "delivery.unknown",
    "delivery.dead", "delivery.receipt", "arrival.quarantined", "arrival.discarded",
    "arrival.replayed", "ticket.opened", "ticket.changed", "retention.removed", "person.erased",
]  # fmt: skip


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened; committed with what it tells of.

    Args:
        data: ids and short words only, never the text of a message.
    """

    id: int
    tenant: str
    kind: EventKind
    at: int
    conversation: int | None = None
    message: int | None = None
    delivery: int | None = None
    arrival: int | None = None
    data: dict[str, Any] = {}

"""Settings of how long what is stored is kept."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Days = Annotated[float, Meta(gt=0)]


class TenantRetention(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long what is stored is kept, in days; without a number it is kept for ever."""

    raw_days: Annotated[
        Days | None,
        Meta(
            description="What came in, byte for byte. After that only when and where it came in is "
            "known, and its hash: it cannot be replayed any more.",
            examples=[180],
        ),
    ] = None
    attachment_days: Annotated[
        Days | None,
        Meta(
            description="Contents of attachments; the message keeps their names and hashes.",
            examples=[180],
        ),
    ] = None
    conversation_days: Annotated[
        Days | None,
        Meta(
            description="Conversations in which nothing has happened for so long, whole: messages, "
            "attachments, what came in, decisions, deliveries, and people who take part in no other "
            "one. A later answer opens a new conversation.",
            examples=[730],
        ),
    ] = None
    delivery_days: Annotated[
        Days | None,
        Meta(
            description="Deliveries that were made or cancelled, with their attempts. A receipt that "
            "comes later is not recognised.",
            examples=[365],
        ),
    ] = None
    decision_days: Annotated[
        Days | None,
        Meta(
            description="Decisions and their reasons. After that `gateway why` cannot explain.",
            examples=[365],
        ),
    ] = None


class RetentionSettings(TenantRetention, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long what is stored is kept."""

    event_days: Annotated[
        Days | None,
        Meta(description="Events that every plugin was told of; for all tenants.", examples=[30]),
    ] = None
    recognition_days: Annotated[
        Days | None,
        Meta(
            description="How long it is known what came in, so that nothing comes in twice; for all "
            "tenants. Whatever is handed in again after that is a new message: a provider's late "
            "redelivery, a mail moved back into the inbox, an erased mail in a restored mailbox.",
            examples=[3650],
        ),
    ] = None
    every_hours: Annotated[
        float, Meta(gt=0, description="How often it is looked for what has become old, in hours.")
    ] = 1.0

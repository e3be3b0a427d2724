"""A message on its way: parsed, normalised, redacted and enriched, but not yet placed."""

from __future__ import annotations

import msgspec

from gateway.domain.arrival import Arrival
from gateway.domain.decision import DecisionKind
from gateway.domain.draft import Draft
from gateway.domain.message import Attachment, Author, Message


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A decision to be written down once the message is placed."""

    kind: DecisionKind
    outcome: str
    reason: str
    plugin: str


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A draft with the message made of it; `message.conversation` and `seq` are still 0.

    Args:
        part: which of the arrival's parts this is.
        notes: what plugins changed so far.
    """

    draft: Draft
    message: Message
    part: int = 0
    notes: tuple[Note, ...] = ()


def candidate_message(
    identifier: int, arrival: Arrival, draft: Draft, attachments: tuple[Attachment, ...], now: int
) -> Message:
    """Make the message of a draft, before it is known where it belongs."""
    return Message(
        id=identifier,
        tenant=arrival.tenant,
        conversation=0,
        seq=0,
        channel=arrival.source,
        direction="in",
        kind=draft.kind,
        author=Author(
            kind=draft.author_kind,
            name=draft.author.name if draft.author else "",
            address=draft.author,
        ),
        audience=draft.audience,
        subject=draft.subject,
        text=draft.text,
        quoted=draft.quoted,
        html=draft.html,
        language=draft.language,
        attachments=attachments,
        in_reply_to=draft.in_reply_to,
        external_ids=draft.external_ids,
        sent_at=draft.sent_at,
        received_at=arrival.received_at,
        recorded_at=now,
        automated=draft.automated,
        answerable=draft.answerable,
        trust=draft.trust,
        spam=draft.spam,
        quiet=draft.quiet,
        remarks=draft.remarks,
        arrivals=(arrival.id,),
        extra=draft.extra,
    )

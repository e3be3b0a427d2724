"""What connectors are asked to send, and what they answer."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from gateway.domain.conversation import Priority, Thread, Tier
from gateway.domain.draft import ReceiptState, Role
from gateway.domain.message import Address, Attachment, Audience, AuthorKind, MessageKind


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody as a connector sees them."""

    address: Address
    role: Role = "requester"


class Forward(msgspec.Struct, frozen=True, kw_only=True):
    """One message on its way into a ticket system.

    Args:
        key: the same for every attempt at this message and backend; make it the idempotency key.
        conversation: the conversation's id as people see it, ``conv_…``; a good custom field.
        message: the message's id as people see it, ``msg_…``.
        audience: ``customer`` for what the customer sees too, ``internal`` for a note.
        author_kind: ``customer``, ``agent``, ``bot`` …
        requester: who opened the conversation, None if nobody can be named.
        repeat: the customer said this before; show it collapsed or as a note.
        remarks: sentences of the gateway for the agent ("sender could not be verified").
    """

    key: str
    tenant: str
    conversation: str
    message: str
    channel: str
    audience: Audience = "customer"
    kind: MessageKind = "text"
    author: Address | None = None
    author_kind: AuthorKind = "customer"
    requester: Person | None = None
    others: tuple[Person, ...] = ()
    subject: str = ""
    text: str
    quoted: str = ""
    html: str = ""
    language: str = ""
    attachments: tuple[Attachment, ...] = ()
    queue: str = ""
    tier: Tier = "L1"
    priority: Priority = "normal"
    tags: tuple[str, ...] = ()
    sent_at: int | None = None
    automated: str = "none"
    repeat: bool = False
    remarks: tuple[str, ...] = ()
    extra: dict[str, Any] = {}


class TicketRef(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket in a backend."""

    external_id: str
    url: str = ""


class EntryRef(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of a ticket; empty where the backend does not tell."""

    external_id: str = ""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One message on its way to a customer.

    Args:
        key: the same for every attempt; the outgoing native id is made from it.
        delivery: our delivery's id, ``dlv_…``; put it where receipts can bring it back.
        thread: where to answer, None to start a new one.
        token: signed reply token; whoever answers with it, and takes part, is in the conversation.
        short_token: a shorter one, for places with little room.
        references: native ids of the conversation's messages in this channel, oldest first.
        automatic: no person wrote it; loop protection applies.
        author: the agent's display name.
    """

    key: str
    delivery: str
    tenant: str
    conversation: str
    message: str
    thread: Thread | None = None
    recipients: tuple[Person, ...] = ()
    subject: str = ""
    text: str
    html: str = ""
    language: str = ""
    attachments: tuple[Attachment, ...] = ()
    token: str = ""
    short_token: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    automatic: Literal["", "acknowledgement", "notice"] = ""
    author: str = ""
    made_at: int = 0
    extra: dict[str, Any] = {}


class RecipientOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one receiver's copy."""

    address: Address
    accepted: bool
    code: str = ""
    text: str = ""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A target took what we sent.

    Args:
        external_ids: native ids of what was sent; several where it was split.
        state: how far it got already.
        recipients: outcomes a receiver, where they differ.
        native_thread: the thread it started, so that answers are recognised.
    """

    external_ids: tuple[str, ...] = ()
    state: ReceiptState = "sent"
    recipients: tuple[RecipientOutcome, ...] = ()
    native_thread: str = ""

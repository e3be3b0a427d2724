"""Values as rows and rows as values."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from sqlalchemy import Row as SqlRow

from gateway.domain.arrival import Arrival, Quarantined
from gateway.domain.contact import Contact, Identity, identity_hash
from gateway.domain.conversation import (
    Conversation,
    Link,
    Participant,
    Thread,
    Ticket,
    thread_hash,
    ticket_hash,
)
from gateway.domain.decision import Decision
from gateway.domain.delivery import Delivery
from gateway.domain.event import Event
from gateway.domain.flow import flow_of
from gateway.domain.ids import key_hash
from gateway.domain.message import Message
from gateway.domain.partition import of_conversation, of_lane
from gateway.domain.timer import Timer
from gateway.store.statements import Row

V = TypeVar("V")
BIG_BODY = 256 * 1024
# Whose authorship the database binds to taking part; agents and bots speak by other rights.
TAKING_PART = ("customer", "peer")
SETTLED = ("delivered", "cancelled")
_LONGEST_COLUMN = 500

_encoder = msgspec.json.Encoder()
_decoders: dict[type, msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind)
    for kind in (
        Arrival, Quarantined, Contact, Identity, Conversation, Participant, Thread, Ticket, Link,
        Message, Delivery, Decision, Timer, Event,
    )
}  # fmt: skip


def encode(value: Any) -> bytes:
    """Write a value as JSON; half characters, which no encoding has, become question marks."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return _encoder.encode(_whole(msgspec.to_builtins(value)))


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(item) for item in value]
    return value


def decode(doc: bytes, kind: type[V]) -> V:
    """Read a value that `encode` wrote."""
    value: V = _decoders[kind].decode(doc)
    return value


def plain(text: str) -> str:
    """Make a text fit for a text column: no NUL, no half characters, not long."""
    if text.isascii() and len(text) <= _LONGEST_COLUMN and "\0" not in text:
        return text
    return text[:_LONGEST_COLUMN].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def arrival_row(arrival: Arrival, blob: str | None) -> Row:
    """Row of `arrival`; a body that went to the blob store stays out of it."""
    body = b"" if blob else arrival.body
    doc = encode(msgspec.structs.replace(arrival, body=b"") if arrival.body else arrival)
    return (
        arrival.id, plain(arrival.tenant), plain(arrival.source), arrival.received_at, blob, doc,
        body,
    )  # fmt: skip


def arrival_state_row(arrival: Arrival) -> Row:
    """Row of `arrival_state` for an arrival that waits."""
    place = of_lane(arrival.tenant, arrival.lane)
    flow = flow_of(plain(arrival.tenant), arrival.source_kind)
    return (arrival.id, "waiting", len(arrival.body), None, place, flow)


def contact_row(contact: Contact) -> Row:
    """Row of `contact`."""
    return (contact.id, contact.tenant, contact.version, encode(contact))


def identity_row(identity: Identity) -> Row:
    """Row of `identity`."""
    key = identity_hash(identity.tenant, identity.address)
    value = plain(identity.value)
    return (identity.id, identity.tenant, identity.contact, key, value, encode(identity))


def conversation_row(conversation: Conversation) -> Row:
    """Row of `conversation`."""
    return (
        conversation.id, conversation.tenant, conversation.state, conversation.tier,
        conversation.version, conversation.last_seq, conversation.updated_at,
        conversation.merged_into, plain(conversation.subject.casefold()), encode(conversation),
    )  # fmt: skip


def participant_row(participant: Participant) -> Row:
    """Row of `participant`."""
    return (
        participant.conversation, participant.identity, participant.tenant, 0, encode(participant),
    )  # fmt: skip


def thread_row(thread: Thread) -> Row:
    """Row of `thread`."""
    key = thread_hash(thread.tenant, thread.channel, thread.native_id)
    return (
        thread.id, thread.tenant, thread.conversation, plain(thread.channel), key, encode(thread),
    )  # fmt: skip


def message_row(message: Message) -> Row:
    """Row of `message`."""
    author = message.author
    identity = author.identity if author.kind in TAKING_PART else None
    return (
        message.id, message.tenant, message.conversation, message.seq, message.direction, identity,
        message.revision, encode(message),
    )  # fmt: skip


def ticket_row(ticket: Ticket) -> Row:
    """Row of `ticket`."""
    key = ticket_hash(ticket.tenant, ticket.backend, ticket.external_id)
    return (
        ticket.id, ticket.tenant, ticket.conversation, plain(ticket.backend), key, ticket.state,
        encode(ticket),
    )  # fmt: skip


def delivery_row(delivery: Delivery) -> Row:
    """Row of `delivery`; it is not due until its line says so."""
    blocks = int(delivery.blocks and delivery.state not in SETTLED)
    return (
        delivery.id, delivery.tenant, delivery.conversation, delivery.message,
        plain(delivery.target), delivery.state, delivery.next_at, None, blocks, 0, 0,
        encode(delivery), of_conversation(delivery.conversation),
    )  # fmt: skip


def delivery_of(row: SqlRow[Any]) -> Delivery:
    """Read a delivery; state and lease may be newer than the rest of the value."""
    found = decode(row.doc, Delivery)
    if (found.state, found.lease, bool(row.blocks)) == (row.state, row.lease, found.blocks):
        return found
    return msgspec.structs.replace(found, state=row.state, lease=row.lease, blocks=bool(row.blocks))


def link_row(link: Link) -> Row:
    """Row of `link`."""
    return (
        link.id, link.tenant, link.of, link.kind, link.a, link.b, link.revoked_at, encode(link),
    )  # fmt: skip


def decision_row(decision: Decision) -> Row:
    """Row of `decision`."""
    return (
        decision.id, decision.tenant, decision.arrival, decision.message, decision.conversation,
        encode(decision),
    )  # fmt: skip


def timer_hash(tenant: str, owner: str, name: str) -> bytes:
    """The look-up key of a timer: unique for its owner."""
    return key_hash("timer", tenant, owner, name)


def timer_row(timer: Timer) -> Row:
    """Row of `timer`."""
    key = timer_hash(timer.tenant, timer.owner, timer.name)
    return (timer.id, key, timer.due_at, encode(timer), timer_partition(timer))


def timer_partition(timer: Timer) -> int:
    """The partition of a timer: that of its conversation."""
    return of_conversation(timer.conversation or 0)


def event_row(event: Event) -> Row:
    """Row of `event`."""
    return (event.id, encode(event))

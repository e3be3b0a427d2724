"""Values to fill a store with; every one has an id of its own."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from typing import Any

from gateway.domain.arrival import Arrival
from gateway.domain.changes import Changes, Claim
from gateway.domain.contact import Contact, Identity
from gateway.domain.conversation import Conversation, Participant, Thread, Ticket
from gateway.domain.decision import Decision
from gateway.domain.delivery import Delivery
from gateway.domain.event import Event
from gateway.domain.ids import key_hash
from gateway.domain.message import Author, Message

TENANT = "default"
NOW = 1_800_000_000_000
TARGET = "backend/desk"

_ids = itertools.count(1 << 40)


class FixedClock:
    """A clock that stands still."""

    def now(self) -> int:
        """Milliseconds since the Unix epoch."""
        return NOW


def new_id() -> int:
    """Make an id that was not made before."""
    return next(_ids)


def arrival(body: bytes = b"hello", **fields: Any) -> Arrival:
    """Make an arrival."""
    identifier = new_id()
    return Arrival(
        **{
            "id": identifier,
            "tenant": TENANT,
            "source": "support",
            "key": f"key-{identifier}",
            "lane": "lane",
            "received_at": NOW,
            "body": body,
            "sha256": hashlib.sha256(body).digest(),
            **fields,
        }
    )


def contact(**fields: Any) -> Contact:
    """Make a contact."""
    return Contact(**{"id": new_id(), "tenant": TENANT, "name": "Ada", "version": 1, **fields})


def identity(of: Contact, value: str | None = None, **fields: Any) -> Identity:
    """Make an identity of a contact."""
    value = f"p{new_id()}@example.org" if value is None else value
    return Identity(
        **{
            "id": new_id(),
            "tenant": of.tenant,
            "contact": of.id,
            "scheme": "email",
            "value": value,
            **fields,
        }
    )


def conversation(**fields: Any) -> Conversation:
    """Make a new conversation."""
    return Conversation(
        **{
            "id": new_id(),
            "tenant": TENANT,
            "subject": "The kettle",
            "version": 1,
            "updated_at": NOW,
            "last_seq": 1,
            **fields,
        }
    )


def participant(where: Conversation, who: Identity, **fields: Any) -> Participant:
    """Make somebody take part."""
    return Participant(
        **{"tenant": where.tenant, "conversation": where.id, "identity": who.id, **fields}
    )


def thread(where: Conversation, native_id: str | None = None, **fields: Any) -> Thread:
    """Make a thread of a conversation."""
    return Thread(
        **{
            "id": new_id(),
            "tenant": where.tenant,
            "conversation": where.id,
            "channel": "support",
            "native_id": native_id or f"<{new_id()}@example.org>",
            **fields,
        }
    )


def message(where: Conversation, who: Identity | None, seq: int = 1, **fields: Any) -> Message:
    """Make a message that somebody wrote into a conversation."""
    author = Author(kind="customer", identity=who.id) if who else Author(kind="system")
    return Message(
        **{
            "id": new_id(),
            "tenant": where.tenant,
            "conversation": where.id,
            "seq": seq,
            "direction": "in",
            "author": author,
            "text": "It does not boil",
            "received_at": NOW,
            "recorded_at": NOW,
            **fields,
        }
    )


def claim(of: Message, key: str, arrival_id: int = 0) -> Claim:
    """Make a claim of a key for a message."""
    return Claim(key=key_hash(key), message=of.id, arrival=arrival_id)


def ticket(where: Conversation, **fields: Any) -> Ticket:
    """Make an open ticket of a conversation."""
    identifier = new_id()
    return Ticket(
        **{
            "id": identifier,
            "tenant": where.tenant,
            "conversation": where.id,
            "backend": "desk",
            "external_id": str(identifier),
            **fields,
        }
    )


def delivery(of: Message, **fields: Any) -> Delivery:
    """Make a delivery of a message."""
    identifier = new_id()
    return Delivery(
        **{
            "id": identifier,
            "tenant": of.tenant,
            "conversation": of.conversation,
            "message": of.id,
            "target": TARGET,
            "operation": "forward",
            "key": str(identifier),
            "next_at": NOW,
            "made_at": NOW,
            **fields,
        }
    )


def decision(**fields: Any) -> Decision:
    """Make a decision."""
    return Decision(
        **{
            "id": new_id(),
            "tenant": TENANT,
            "kind": "match",
            "plugin": "core",
            "outcome": "joined",
            "reason": "it was so",
            **fields,
        }
    )


def event(**fields: Any) -> Event:
    """Make an event."""
    return Event(
        **{"id": new_id(), "tenant": TENANT, "kind": "message.stored", "at": NOW, **fields}
    )


def files_in(folder: Path, pattern: str = "*") -> list[Path]:
    """Files in a folder and below it."""
    return [path for path in folder.rglob(pattern) if path.is_file()]


class Opened:
    """A new person with a new conversation and its first message, as one unit of work."""

    def __init__(self, *, tenant: str = TENANT, deliveries: int = 0, **fields: Any) -> None:
        self.contact = contact(tenant=tenant)
        self.identity = identity(self.contact)
        self.conversation = conversation(tenant=tenant, requester=self.identity.id, **fields)
        self.participant = participant(self.conversation, self.identity)
        self.thread = thread(self.conversation)
        self.message = message(self.conversation, self.identity)
        self.deliveries = tuple(delivery(self.message) for _ in range(deliveries))

    def changes(self, **fields: Any) -> Changes:
        return Changes(
            **{
                "tenant": self.conversation.tenant,
                "contacts": (self.contact,),
                "identities": (self.identity,),
                "conversations": (self.conversation,),
                "participants": (self.participant,),
                "threads": (self.thread,),
                "messages": (self.message,),
                "deliveries": self.deliveries,
                **fields,
            }
        )

"""What the store knows that bears on one draft: the answer to a `Question`."""

from __future__ import annotations

import msgspec

from gateway.domain.contact import Contact, Identity
from gateway.domain.conversation import Conversation, Thread, Ticket
from gateway.domain.delivery import Delivery
from gateway.domain.message import Gone


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What must be known to decide about one draft; answered for a whole batch at once.

    Args:
        claims: redelivery and content keys.
        identities: hashes of the author's and the participants' addresses.
        thread: hash of the native thread.
        references: hashes of native ids, nearest first.
        conversations: ids named by verified reply tokens.
        ticket: hash of a ticket, for what comes from a backend.
        delivery: id of a delivery, for receipts.
        recent_of: hash of the author's identity whose recent conversations are wanted.
        recent_since: milliseconds since the Unix epoch.
    """

    tenant: str
    claims: tuple[bytes, ...] = ()
    identities: tuple[bytes, ...] = ()
    thread: bytes | None = None
    references: tuple[bytes, ...] = ()
    conversations: tuple[int, ...] = ()
    ticket: bytes | None = None
    delivery: int | None = None
    recent_of: bytes | None = None
    recent_since: int = 0


class KnownConversation(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation with who takes part in it."""

    conversation: Conversation
    participants: frozenset[int] = frozenset()
    threads: tuple[Thread, ...] = ()
    tickets: tuple[Ticket, ...] = ()


class KnownReference(msgspec.Struct, frozen=True, kw_only=True):
    """Where a native id leads."""

    conversation: int
    message: int
    delivery: int | None = None


class RecentText(msgspec.Struct, frozen=True, kw_only=True):
    """A recent message of the same identity, for recognising a repeat."""

    message: int
    conversation: int
    text: str
    received_at: int


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """The answer. Merged conversations are already followed to the one that stands.

    Args:
        claimed: claim key → the message that holds it.
        gone: claimed messages that were erased or removed, each with the reason.
        identities: identity hash → identity.
        contacts: contact id → contact.
        references: reference hash → where it leads.
        conversations: every conversation named by any of the above, by id; an id that was merged
            maps to the conversation that stands.
        deliveries: deliveries named by id or reference, by id.
        recent: texts of the author's recent conversations, newest first, at most 50.
    """

    claimed: dict[bytes, int] = {}
    gone: dict[int, Gone] = {}
    identities: dict[bytes, Identity] = {}
    contacts: dict[int, Contact] = {}
    thread: Thread | None = None
    references: dict[bytes, KnownReference] = {}
    conversations: dict[int, KnownConversation] = {}
    ticket: Ticket | None = None
    deliveries: dict[int, Delivery] = {}
    recent: tuple[RecentText, ...] = ()

"""Tickets and entries as the desk keeps them, and the keys they are kept under."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from gateway import Address, Attachment, Forward, NotFound

TicketState = Literal["open", "waiting", "resolved", "closed"]
AuthorKind = Literal["customer", "agent", "bot", "peer", "moderator", "system"]
Audience = Literal["customer", "public", "internal"]

NUMBERS = 10**10
TICKETS = "t/"
DONE: frozenset[TicketState] = frozenset({"resolved", "closed"})


class DeskTicket(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ticket without its entries.

    Args:
        number: 1, 2, 3 … per desk.
        last_entry: number given to the newest entry; a number may go unused.
        made_at, updated_at: milliseconds since the Unix epoch.
    """

    number: int
    conversation: str
    subject: str = ""
    state: TicketState = "open"
    assignee: str = ""
    queue: str = ""
    tier: str = "L1"
    priority: str = "normal"
    tags: tuple[str, ...] = ()
    requester: Address | None = None
    channel: str = ""
    last_entry: int = 0
    made_at: int = 0
    updated_at: int = 0


class DeskEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One item of a ticket.

    Args:
        id: unique within the desk: the ticket's number, a hyphen, the entry's number.
        author_kind: who wrote it; ``agent`` for an answer.
        audience: ``internal`` for a note, else the customer sees it too.
        message: the gateway's id of the message, empty for what was written at the desk.
        repeat: the customer said this before; shown collapsed.
        remarks: sentences of the gateway for the agent.
    """

    id: str
    ticket: int
    number: int
    author_kind: AuthorKind = "customer"
    audience: Audience = "customer"
    author: str = ""
    text: str = ""
    quoted: str = ""
    language: str = ""
    kind: str = "text"
    channel: str = ""
    message: str = ""
    attachments: tuple[Attachment, ...] = ()
    automated: str = "none"
    repeat: bool = False
    remarks: tuple[str, ...] = ()
    at: int = 0


class EntryPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where what was asked for under an idempotency key ended up."""

    ticket: int
    entry: int


def ticket_key(number: int) -> str:
    """Make a ticket's key; the newest ticket comes first in key order."""
    return f"{TICKETS}{NUMBERS - number:010d}"


def entries_prefix(ticket: int) -> str:
    """Make what the keys of a ticket's entries begin with."""
    return f"e/{ticket:010d}/"


def entry_key(ticket: int, entry: int) -> str:
    """Make an entry's key; the oldest entry comes first in key order."""
    return f"{entries_prefix(ticket)}{entry:08d}"


def done_key(kind: str, key: str) -> str:
    """Make the key under which an idempotency key is remembered."""
    # a header's bytes that are no UTF-8 come as surrogates
    data = f"{kind}/{key}".encode("utf-8", "surrogatepass")
    return f"k/{hashlib.blake2b(data, digest_size=16).hexdigest()}"


def entry_id(ticket: int, entry: int) -> str:
    """Make an entry's id."""
    return f"{ticket}-{entry}"


def read_number(text: str) -> int:
    """Read a ticket's number.

    Raises:
        NotFound: no ticket can have this number.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 0 < int(text) < NUMBERS):
        raise NotFound(
            f"there is no ticket {text[:20]!r}: a ticket is named by its number, as in 17"
        )
    return int(text)


def pack(value: msgspec.Struct) -> Any:
    """Turn a value into what the state can hold."""
    return msgspec.to_builtins(value)


def shown(value: DeskTicket | DeskEntry) -> dict[str, Any]:
    """Turn a value into JSON for people's tools: every field, those at their default too."""
    fields: dict[str, Any] = msgspec.to_builtins(msgspec.structs.asdict(value))
    return fields


def first_ticket(forward: Forward, number: int, now: int) -> DeskTicket:
    """Make the ticket that a conversation's first message opens."""
    return DeskTicket(
        number=number,
        conversation=forward.conversation,
        subject=forward.subject,
        queue=forward.queue,
        tier=forward.tier,
        priority=forward.priority,
        tags=forward.tags,
        requester=forward.requester.address if forward.requester else forward.author,
        channel=forward.channel,
        last_entry=1,
        made_at=now,
        updated_at=now,
    )


def next_ticket(ticket: DeskTicket, forward: Forward, now: int) -> DeskTicket:
    """Make what a ticket becomes when a message is added.

    A person's word opens it again, an agent's answer makes it wait; notes and automatic mail
    leave the state alone. Tier, priority and queue follow the gateway's routing.
    """
    state = ticket.state
    if wakes(forward):
        state = "open"
    elif forward.author_kind == "agent" and forward.audience != "internal":
        state = after_answer(state)
    return msgspec.structs.replace(
        ticket,
        state=state,
        queue=forward.queue or ticket.queue,
        tier=forward.tier,
        priority=forward.priority,
        tags=tuple(dict.fromkeys(ticket.tags + forward.tags)),
        last_entry=ticket.last_entry + 1,
        updated_at=now,
    )


def wakes(forward: Forward) -> bool:
    """Whether a message asks for an open ticket: a person wrote it for others to read."""
    return (
        forward.author_kind in ("customer", "peer")
        and forward.audience != "internal"
        and forward.automated == "none"
    )


def after_answer(state: TicketState) -> TicketState:
    """The state of a ticket once an agent has answered: the customer's turn, unless it is done."""
    return state if state in DONE else "waiting"


def entry_of(forward: Forward, ticket: int, number: int, now: int) -> DeskEntry:
    """Make the entry that shows a message."""
    author = forward.author
    return DeskEntry(
        id=entry_id(ticket, number),
        ticket=ticket,
        number=number,
        author_kind=forward.author_kind,
        audience=forward.audience,
        author=(author.name or author.value) if author else "",
        text=forward.text,
        quoted=forward.quoted,
        language=forward.language,
        kind=forward.kind,
        channel=forward.channel,
        message=forward.message,
        attachments=forward.attachments,
        automated=forward.automated,
        repeat=forward.repeat,
        remarks=forward.remarks,
        at=forward.sent_at or now,
    )

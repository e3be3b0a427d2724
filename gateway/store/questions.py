"""Answer what must be known to decide about drafts, for a whole batch in a few statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select

from gateway.domain.contact import Contact, Identity
from gateway.domain.conversation import Conversation, Thread, Ticket
from gateway.domain.delivery import Delivery
from gateway.domain.known import Known, KnownConversation, KnownReference, Question, RecentText
from gateway.domain.message import Gone
from gateway.store import schema
from gateway.store.rows import decode, delivery_of
from gateway.store.statements import among, fetch

RECENT_TEXTS, RECENT_CONVERSATIONS = 50, 20
_DEEPEST_MERGE = 32
_UNDONE = ("open", "waiting", "held", "snoozed")


class _Said(msgspec.Struct):
    """The part of a stored message that recognises a repeat."""

    id: int
    conversation: int
    text: str
    received_at: int


_said = msgspec.json.Decoder(_Said)


class _Left(msgspec.Struct, frozen=True):
    """The part of a message that says whether anything is left of it."""

    gone: Gone = ""


_left = msgspec.json.Decoder(_Left)


@dataclass(slots=True)
class _Facts:
    """What was found for all questions together."""

    claims: dict[bytes, int] = field(default_factory=dict)
    gone: dict[int, Gone] = field(default_factory=dict)
    identities: dict[bytes, Identity] = field(default_factory=dict)
    contacts: dict[int, Contact] = field(default_factory=dict)
    threads: dict[bytes, Thread] = field(default_factory=dict)
    tickets: dict[bytes, Ticket] = field(default_factory=dict)
    references: dict[bytes, KnownReference] = field(default_factory=dict)
    deliveries: dict[int, Delivery] = field(default_factory=dict)
    recent: dict[int, list[RecentText]] = field(default_factory=dict)
    conversations: dict[int, Conversation] = field(default_factory=dict)
    known: dict[int, KnownConversation] = field(default_factory=dict)


def look_up(connection: Connection, questions: Sequence[Question]) -> list[Known]:
    """Answer a batch of questions."""
    facts = _Facts()
    _find_people(connection, questions, facts)
    _find_places(connection, questions, facts)
    _find_recent(connection, questions, facts)
    named = {c for question in questions for c in _conversations_of(question, facts)}
    _find_conversations(connection, named, facts)
    return [_answer(question, facts) for question in questions]


def _find_people(connection: Connection, questions: Sequence[Question], facts: _Facts) -> None:
    keys: set[bytes] = {key for question in questions for key in question.claims}
    found = fetch(connection, schema.claim, "key", keys, "key", "message")
    facts.claims = {row.key: row.message for row in found}
    if facts.claims:  # only what came in before
        facts.gone = _find_gone(connection, set(facts.claims.values()))
    keys = {key for question in questions for key in question.identities}
    keys |= {question.recent_of for question in questions if question.recent_of}
    found = fetch(connection, schema.identity, "hash", keys, "hash", "doc")
    facts.identities = {row.hash: decode(row.doc, Identity) for row in found}
    ids = {identity.contact for identity in facts.identities.values()}
    found = fetch(connection, schema.contact, "id", ids, "id", "doc")
    facts.contacts = {row.id: decode(row.doc, Contact) for row in found}


def _find_gone(connection: Connection, messages: set[int]) -> dict[int, Gone]:
    """Find which claimed messages were erased, and which are not there any more."""
    found = fetch(connection, schema.message, "id", messages, "id", "doc")
    erased: dict[int, Gone] = {
        row.id: said.gone for row in found if (said := _left.decode(row.doc)).gone
    }
    missing = messages - {row.id for row in found}
    return erased | dict.fromkeys(missing, "retention")


def _find_places(connection: Connection, questions: Sequence[Question], facts: _Facts) -> None:
    keys = {question.thread for question in questions if question.thread}
    found = fetch(connection, schema.thread, "hash", keys, "hash", "doc")
    facts.threads = {row.hash: decode(row.doc, Thread) for row in found}
    keys = {question.ticket for question in questions if question.ticket}
    found = fetch(connection, schema.ticket, "hash", keys, "hash", "doc")
    facts.tickets = {row.hash: decode(row.doc, Ticket) for row in found}
    _find_references(connection, {key for q in questions for key in q.references}, facts)
    ids = {question.delivery for question in questions if question.delivery is not None}
    ids |= {r.delivery for r in facts.references.values() if r.delivery is not None}
    columns = ("id", "doc", "state", "lease", "blocks")
    found = fetch(connection, schema.delivery, "id", ids, *columns)
    facts.deliveries = {row.id: delivery_of(row) for row in found}


def _find_references(connection: Connection, keys: set[bytes], facts: _Facts) -> None:
    if not keys:
        return
    table, message = schema.reference, schema.message
    # A message may have been moved since; where it is now counts.
    home = func.coalesce(message.c.conversation, table.c.conversation).label("home")
    for row in connection.execute(
        select(table.c.key, home, table.c.message, table.c.delivery)
        .outerjoin(message, message.c.id == table.c.message)
        .where(among(connection, table.c.key, keys))
    ):
        facts.references[row.key] = KnownReference(
            conversation=row.home, message=row.message, delivery=row.delivery
        )


def _find_recent(connection: Connection, questions: Sequence[Question], facts: _Facts) -> None:
    """Find texts that identities said lately: bounded, however much somebody wrote."""
    since = {q.recent_of: q.recent_since for q in questions if q.recent_of in facts.identities}
    if not since:
        return
    people = {facts.identities[key].id for key in since if key}
    wanted_heads = {"people": sorted(people), "since": min(since.values())}
    heads = connection.execute(_recent_heads(), wanted_heads).all()
    ids: dict[int, list[int]] = {}
    for row in heads:
        said = ids.setdefault(row.author_identity, [])
        if len(said) < RECENT_TEXTS:
            said.append(row.id)
    wanted = {i for said in ids.values() for i in said}
    found = fetch(connection, schema.message, "id", wanted, "id", "conversation", "doc")
    texts = {
        row.id: RecentText(
            message=row.id, conversation=row.conversation, text=said.text,
            received_at=said.received_at,
        )
        for row, said in ((row, _said.decode(row.doc)) for row in found)
    }  # fmt: skip
    facts.recent = {person: [texts[i] for i in said] for person, said in ids.items()}


@cache
def _recent_heads() -> Select[Any]:
    """Select the ids of what people said in their newest conversations, newest first."""
    identity, conversation = schema.identity, schema.conversation
    message = schema.message
    part, newer = schema.participant, schema.participant.alias("newer")
    oldest: ColumnElement[int] = func.coalesce(
        select(newer.c.conversation)
        .where(newer.c.identity == identity.c.id)
        .order_by(newer.c.conversation.desc())
        .offset(RECENT_CONVERSATIONS - 1)
        .limit(1)
        .correlate(identity)
        .scalar_subquery(),
        0,
    )
    live = (conversation.c.updated_at >= bindparam("since")) | conversation.c.state.in_(_UNDONE)
    return (
        select(message.c.id, message.c.author_identity)
        .select_from(identity)
        .join(part, (part.c.identity == identity.c.id) & (part.c.conversation >= oldest))
        .join(conversation, (conversation.c.id == part.c.conversation) & live)
        .join(
            message,
            (message.c.conversation == conversation.c.id)
            & (message.c.seq > conversation.c.last_seq - RECENT_TEXTS)
            & (message.c.author_identity == identity.c.id),
        )
        .where(identity.c.id.in_(bindparam("people", expanding=True)))
        .where(message.c.direction == "in")
        .order_by(message.c.id.desc())
    )


def _conversations_of(question: Question, facts: _Facts) -> Iterator[int]:
    """Name every conversation that a question's answer speaks of."""
    yield from question.conversations
    if question.thread in facts.threads:
        yield facts.threads[question.thread].conversation
    if question.ticket in facts.tickets:
        yield facts.tickets[question.ticket].conversation
    for key in question.references:
        if reference := facts.references.get(key):
            yield reference.conversation
            yield from _of_delivery(reference.delivery, facts)
    yield from _of_delivery(question.delivery, facts)
    for text in _recent(question, facts):
        yield text.conversation


def _of_delivery(delivery: int | None, facts: _Facts) -> Iterator[int]:
    if delivery in facts.deliveries:
        yield facts.deliveries[delivery].conversation


def _recent(question: Question, facts: _Facts) -> Sequence[RecentText]:
    identity = facts.identities.get(question.recent_of) if question.recent_of else None
    if identity is None or identity.tenant != question.tenant:
        return ()
    return facts.recent.get(identity.id, ())


def _find_conversations(connection: Connection, named: set[int], facts: _Facts) -> None:
    """Read conversations, follow merges to the ones that stand, and read what is around these."""
    wanted = named
    for _ in range(_DEEPEST_MERGE):
        found = fetch(connection, schema.conversation, "id", wanted, "id", "doc")
        facts.conversations.update((row.id, decode(row.doc, Conversation)) for row in found)
        merged = {c.merged_into for c in facts.conversations.values() if c.merged_into is not None}
        wanted = merged - facts.conversations.keys()
        if not wanted:
            break
    standing = {c.id for c in facts.conversations.values() if c.merged_into is None}
    facts.known = _around(connection, standing, facts.conversations)


def _around(
    connection: Connection, standing: set[int], conversations: dict[int, Conversation]
) -> dict[int, KnownConversation]:
    people: dict[int, set[int]] = {}
    columns = ("conversation", "identity", "gone")
    for row in fetch(connection, schema.participant, "conversation", standing, *columns):
        if not row.gone:
            people.setdefault(row.conversation, set()).add(row.identity)
    threads: dict[int, list[Thread]] = {}
    for row in fetch(connection, schema.thread, "conversation", standing, "conversation", "doc"):
        threads.setdefault(row.conversation, []).append(decode(row.doc, Thread))
    tickets: dict[int, list[Ticket]] = {}
    for row in fetch(connection, schema.ticket, "conversation", standing, "conversation", "doc"):
        tickets.setdefault(row.conversation, []).append(decode(row.doc, Ticket))
    return {
        identifier: KnownConversation(
            conversation=conversations[identifier],
            participants=frozenset(people.get(identifier, ())),
            threads=tuple(sorted(threads.get(identifier, ()), key=lambda thread: thread.id)),
            tickets=tuple(sorted(tickets.get(identifier, ()), key=lambda ticket: ticket.id)),
        )
        for identifier in standing
    }


def _answer(question: Question, facts: _Facts) -> Known:
    def mine(value: Any) -> bool:
        return value is not None and value.tenant == question.tenant

    identities = {
        key: found
        for key in question.identities
        if (found := facts.identities.get(key)) is not None and mine(found)
    }
    contacts = (facts.contacts.get(identity.contact) for identity in identities.values())
    thread = facts.threads.get(question.thread) if question.thread else None
    ticket = facts.tickets.get(question.ticket) if question.ticket else None
    references = {k: facts.references[k] for k in question.references if k in facts.references}
    deliveries = {reference.delivery for reference in references.values()} | {question.delivery}
    conversations: dict[int, KnownConversation] = {}
    for named in _conversations_of(question, facts):
        found_there = _standing(named, facts)
        if found_there is not None and mine(found_there.conversation):
            conversations[named] = conversations[found_there.conversation.id] = found_there
    claimed = {key: facts.claims[key] for key in question.claims if key in facts.claims}
    return Known(
        claimed=claimed,
        gone={one: facts.gone[one] for one in claimed.values() if one in facts.gone},
        identities=identities,
        contacts={contact.id: contact for contact in contacts if contact is not None},
        thread=thread if mine(thread) else None,
        references=references,
        conversations=conversations,
        ticket=ticket if mine(ticket) else None,
        deliveries={
            key: facts.deliveries[key]
            for key in deliveries
            if key in facts.deliveries and mine(facts.deliveries[key])
        },
        recent=tuple(t for t in _recent(question, facts) if _is_recent(t, question, facts)),
    )


def _standing(named: int, facts: _Facts) -> KnownConversation | None:
    conversation = facts.conversations.get(named)
    for _ in range(_DEEPEST_MERGE):
        if conversation is None or conversation.merged_into is None:
            break
        conversation = facts.conversations.get(conversation.merged_into)
    return None if conversation is None else facts.known.get(conversation.id)


def _is_recent(text: RecentText, question: Question, facts: _Facts) -> bool:
    conversation = facts.conversations.get(text.conversation)
    return conversation is not None and (
        conversation.updated_at >= question.recent_since or conversation.state in _UNDONE
    )

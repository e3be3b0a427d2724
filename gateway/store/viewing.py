"""Conversations with everything around them, several in a few statements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, Table

from gateway.domain.contact import Contact, Identity
from gateway.domain.conversation import Conversation, Link, Participant, Thread, Ticket
from gateway.domain.message import Message
from gateway.store import schema
from gateway.store.operations import ConversationView
from gateway.store.rows import decode
from gateway.store.statements import fetch

V = TypeVar("V", Thread, Ticket)


def view_conversations(
    connection: Connection, identifiers: Iterable[int]
) -> dict[int, ConversationView]:
    """Read conversations with everything around them but their messages; missing ones are left out."""
    found = fetch(connection, schema.conversation, "id", identifiers, "id", "doc")
    conversations = {row.id: decode(row.doc, Conversation) for row in found}
    ids = {c.contact for c in conversations.values() if c.contact is not None}
    contacts = {
        row.id: decode(row.doc, Contact)
        for row in fetch(connection, schema.contact, "id", ids, "id", "doc")
    }
    participants = _participants(connection, conversations)
    people = {one.identity for some in participants.values() for one in some}
    identities = {
        row.id: decode(row.doc, Identity)
        for row in fetch(connection, schema.identity, "id", people, "id", "doc")
    }
    threads = _around(connection, schema.thread, Thread, conversations)
    tickets = _around(connection, schema.ticket, Ticket, conversations)
    links = _links(connection, conversations)
    return {
        key: ConversationView(
            conversation=conversation,
            contact=contacts.get(conversation.contact or 0),
            participants=tuple(participants.get(key, ())),
            identities=_of(participants.get(key, ()), identities),
            threads=tuple(threads.get(key, ())),
            tickets=tuple(tickets.get(key, ())),
            links=tuple(links.get(key, ())),
        )
        for key, conversation in conversations.items()
    }


def in_context(
    connection: Connection, wanted: Sequence[tuple[int, int, int | None]]
) -> list[tuple[Message, ConversationView] | None]:
    """Read messages with their conversations; None for what is not there.

    Args:
        wanted: ids of a message, of the conversation to show with it, and of a thread that is shown
            there even if a merge has moved it to another one.
    """
    ids = {message for message, _, _ in wanted}
    found = fetch(connection, schema.message, "id", ids, "id", "doc")
    messages = {row.id: decode(row.doc, Message) for row in found}
    views = view_conversations(connection, {conversation for _, conversation, _ in wanted})
    at_home = {thread.id for view in views.values() for thread in view.threads}
    ids = {thread for _, _, thread in wanted if thread is not None} - at_home
    away = {
        row.id: decode(row.doc, Thread)
        for row in fetch(connection, schema.thread, "id", ids, "id", "doc")
    }
    return [
        (messages[message], _with(views[conversation], away.get(thread or 0)))
        if message in messages and conversation in views
        else None
        for message, conversation, thread in wanted
    ]


def _with(view: ConversationView, thread: Thread | None) -> ConversationView:
    """The same with a thread that is elsewhere at the moment."""
    if thread is None:
        return view
    return msgspec.structs.replace(view, threads=(*view.threads, thread))


def _participants(
    connection: Connection, conversations: Iterable[int]
) -> dict[int, list[Participant]]:
    found: dict[int, list[Participant]] = {}
    columns = ("conversation", "gone", "doc")
    for row in fetch(connection, schema.participant, "conversation", conversations, *columns):
        if not row.gone:
            found.setdefault(row.conversation, []).append(decode(row.doc, Participant))
    for some in found.values():
        some.sort(key=lambda one: one.identity)
    return found


def _of(
    participants: Sequence[Participant], identities: dict[int, Identity]
) -> tuple[Identity, ...]:
    there = (identities.get(one.identity) for one in participants)
    return tuple(identity for identity in there if identity is not None)


def _around(
    connection: Connection, table: Table, kind: type[V], conversations: Iterable[int]
) -> dict[int, list[V]]:
    found: dict[int, list[V]] = {}
    for row in fetch(connection, table, "conversation", conversations, "conversation", "doc"):
        found.setdefault(row.conversation, []).append(decode(row.doc, kind))
    for some in found.values():
        some.sort(key=lambda one: one.id)
    return found


def _links(connection: Connection, conversations: Iterable[int]) -> dict[int, list[Link]]:
    """Find links by either of their ends."""
    found: dict[int, dict[int, Link]] = {}
    for end in ("a", "b"):
        for row in fetch(connection, schema.link, end, conversations, end, "of", "id", "doc"):
            if row.of == "conversation":
                found.setdefault(getattr(row, end), {})[row.id] = decode(row.doc, Link)
    return {key: [link for _, link in sorted(some.items())] for key, some in found.items()}

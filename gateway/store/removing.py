"""Remove whole conversations, with everything that hangs on them, when their time is over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, and_, bindparam, delete, or_, select

from gateway.domain.conversation import Thread, Ticket, reference_hash
from gateway.domain.delivery import Delivery
from gateway.domain.forgetting import Forgotten, ForgottenTicket
from gateway.domain.ids import show
from gateway.domain.message import Message
from gateway.store import schema
from gateway.store.burying import bury_arrivals, release_blobs
from gateway.store.expiring import HELD, Expired, delete_rows
from gateway.store.rows import SETTLED, decode
from gateway.store.statements import among, fetch, put, query

FORGETTING = "core/forgetting"
_state = schema.plugin_state.c
_FORGOTTEN = (
    select(_state.key, _state.value)
    .where(_state.owner == FORGETTING, _state.key > bindparam("after"))
    .order_by(_state.key)
    .limit(bindparam("most"))
)


def expire_conversations(connection: Connection, ids: Sequence[int], until: int) -> Expired:
    """Remove conversations in which nothing has happened since a moment.

    One that was merged into another goes together with that other.
    """
    columns = ("id", "state", "updated_at", "merged_into")
    rows = fetch(connection, schema.conversation, "id", ids, *columns, lock=True)
    kept = {
        row.id
        for row in rows
        if row.updated_at >= until or row.state in HELD or row.merged_into is not None
    }
    removed = 0
    for one in [row.id for row in rows if row.id not in kept]:
        group = [one, *_merged_into(connection, one)]
        if _is_over(connection, group[1:], until) and not _undelivered(connection, group):
            removed += len(group)
            remove_conversations(connection, group)
        else:
            kept.add(one)
    return Expired(removed, kept)


def _merged_into(connection: Connection, conversation: int) -> list[int]:
    table = schema.conversation
    found: list[int] = []
    wanted = [conversation]
    while wanted:
        merged = among(connection, table.c.merged_into, wanted)
        wanted = list(
            connection.execute(
                select(table.c.id).where(merged, table.c.merged_into.is_not(None))
            ).scalars()
        )
        found += wanted
    return found


def _is_over(connection: Connection, ids: Sequence[int], until: int) -> bool:
    rows = fetch(connection, schema.conversation, "id", ids, "updated_at", lock=True)
    return all(row.updated_at < until for row in rows)


def _undelivered(connection: Connection, ids: Sequence[int]) -> bool:
    rows = fetch(connection, schema.delivery, "conversation", ids, "state")
    return any(row.state not in SETTLED for row in rows)


def remove_conversations(connection: Connection, ids: Sequence[int]) -> None:
    """Delete conversations, their messages, and whoever takes part in no other one."""
    _ask_plugins_to_forget(connection, ids)
    messages = _messages(connection, ids)
    keys = [one.id for one in messages]
    people = _people(connection, ids)
    arrivals = arrivals_of(connection, messages)
    bury_arrivals(connection, arrivals, "retention")
    release_blobs(connection, keys)
    _remove_references(connection, ids, messages)
    decision, bond = schema.decision, schema.message_arrival
    delete_rows(connection, decision.c.message, keys)
    connection.execute(
        delete(decision).where(
            among(connection, decision.c.conversation, ids), decision.c.message.is_(None)
        )
    )
    connection.execute(
        delete(bond).where(
            among(connection, bond.c.arrival, arrivals), among(connection, bond.c.message, keys)
        )
    )
    delete_rows(connection, schema.message_revision.c.message, keys)
    for table in (
        schema.delivery,
        schema.message,
        schema.thread,
        schema.ticket,
        schema.participant,
    ):
        delete_rows(connection, table.c.conversation, ids)
    link = schema.link
    ends = or_(among(connection, link.c.a, ids), among(connection, link.c.b, ids))
    connection.execute(delete(link).where(ends, link.c.of == "conversation"))
    delete_rows(connection, schema.conversation.c.id, ids)
    _remove_people(connection, people)


def _messages(connection: Connection, ids: Sequence[int]) -> list[Message]:
    rows = fetch(connection, schema.message, "conversation", ids, "doc")
    return [decode(row.doc, Message) for row in rows]


def arrivals_of(connection: Connection, messages: Iterable[Message]) -> set[int]:
    """Find the arrivals that messages came from, redeliveries too."""
    messages = list(messages)
    keys = {one.id for one in messages}
    told = fetch(connection, schema.decision, "message", keys, "arrival") if keys else ()
    return {a for one in messages for a in one.arrivals} | {r.arrival for r in told if r.arrival}


def _people(connection: Connection, ids: Sequence[int]) -> set[int]:
    taking = fetch(connection, schema.participant, "conversation", ids, "identity")
    rows = fetch(connection, schema.thread, "conversation", ids, "doc")
    writing = {decode(row.doc, Thread).identity for row in rows}
    return {row.identity for row in taking} | {one for one in writing if one is not None}


def _remove_references(
    connection: Connection, ids: Sequence[int], messages: Sequence[Message]
) -> None:
    named = {(one.tenant, native) for one in messages for native in one.external_ids}
    for row in fetch(connection, schema.delivery, "conversation", ids, "doc"):
        sent = decode(row.doc, Delivery)
        named |= {(sent.tenant, native) for native in sent.external_ids}
    keys = [reference_hash(tenant, native) for tenant, native in named]
    table = schema.reference
    connection.execute(
        delete(table).where(
            and_(among(connection, table.c.key, keys), among(connection, table.c.conversation, ids))
        )
    )


def _remove_people(connection: Connection, identities: Iterable[int]) -> None:
    """Delete contacts none of whose identities takes part in anything any more."""
    rows = fetch(connection, schema.identity, "id", identities, "contact")
    for contact in sorted({row.contact for row in rows}):
        theirs = fetch(connection, schema.identity, "contact", [contact], "id")
        ids = [row.id for row in theirs]
        if not fetch(connection, schema.participant, "identity", ids, "identity"):
            delete_rows(connection, schema.identity.c.id, ids)
            delete_rows(connection, schema.contact.c.id, [contact])


def _ask_plugins_to_forget(connection: Connection, ids: Sequence[int]) -> None:
    columns = ("id", "tenant")
    for row in fetch(connection, schema.conversation, "id", ids, *columns):
        note_forgotten(
            connection,
            row.id,
            Forgotten(
                tenant=row.tenant, reason="retention", conversation=show("conv", row.id),
                whole=True,
                messages=tuple(show("msg", one.id) for one in _messages(connection, [row.id])),
                tickets=tickets_of(connection, row.id),
            ),
        )  # fmt: skip


def tickets_of(connection: Connection, conversation: int) -> tuple[ForgottenTicket, ...]:
    """Read what a conversation became in ticket systems."""
    rows = fetch(connection, schema.ticket, "conversation", [conversation], "doc")
    found = [decode(row.doc, Ticket) for row in rows]
    return tuple(
        ForgottenTicket(backend=one.backend, external_id=one.external_id, url=one.url)
        for one in found
    )


def note_forgotten(connection: Connection, conversation: int, forgotten: Forgotten) -> None:
    """Note what plugins are to be asked to forget; it is done after the commit, and again after a crash."""
    key = show("conv", conversation)
    put(
        connection, schema.plugin_state,
        [(FORGETTING, key, msgspec.json.encode(forgotten), 1)],
    )  # fmt: skip


def list_forgotten(
    connection: Connection, *, after: str, limit: int
) -> list[tuple[str, Forgotten]]:
    """Read what plugins have to be asked to forget, by key, after a key."""
    rows = query(connection, _FORGOTTEN, after=after, most=limit)
    return [(row.key, msgspec.json.decode(row.value, type=Forgotten)) for row in rows]

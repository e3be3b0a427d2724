"""Expire rows whose time is over, unless something waits for them.

What waits, rests in quarantine, is held, or was not delivered yet is never touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, delete, select, text, tuple_

from gateway.domain.decision import AUDITS, Decision
from gateway.domain.delivery import Delivery
from gateway.domain.event import Event
from gateway.domain.ids import first_id
from gateway.domain.message import Message
from gateway.store import schema
from gateway.store.burying import bury_arrivals, release_blobs
from gateway.store.rows import SETTLED, decode, encode
from gateway.store.statements import among, fetch, run_many

HELD = ("held", "snoozed")
_MESSAGE = text("UPDATE message SET doc = :doc WHERE id = :id")
_REVISION = text(
    "UPDATE message_revision SET doc = :doc WHERE message = :message AND revision = :revision"
)


class Expired(NamedTuple):
    """How many were removed, and which have to be looked at again."""

    removed: int
    kept: set[int]


def expire_arrivals(connection: Connection, ids: Sequence[int], _until: int) -> Expired:
    """Take the content out of arrivals."""
    kept = waiting_arrivals(connection, ids)
    bound = fetch(connection, schema.message_arrival, "arrival", ids, "arrival", "message")
    needed = needed_messages(connection, {row.message for row in bound})
    kept |= {row.arrival for row in bound if row.message in needed}
    return Expired(bury_arrivals(connection, set(ids) - kept, "retention"), kept)


def expire_attachments(connection: Connection, ids: Sequence[int], _until: int) -> Expired:
    """Take the contents of attachments out of messages; their names stay."""
    having = {row.message for row in fetch(connection, schema.blob_use, "message", ids, "message")}
    kept = needed_messages(connection, having)
    over = sorted(having - kept)
    messages = [
        {"id": row.id, "doc": _without_contents(row.doc)}
        for row in fetch(connection, schema.message, "id", over, "id", "doc", lock=True)
    ]
    run_many(connection, _MESSAGE, messages)
    revisions = [
        {"message": row.message, "revision": row.revision, "doc": _without_contents(row.doc)}
        for row in fetch(
            connection, schema.message_revision, "message", over, "message", "revision", "doc"
        )
    ]
    run_many(connection, _REVISION, revisions)
    release_blobs(connection, over)
    return Expired(len(over), kept)


def _without_contents(doc: bytes) -> bytes:
    message = decode(doc, Message)
    attachments = tuple(
        msgspec.structs.replace(one, blob="", state="unavailable") if one.blob else one
        for one in message.attachments
    )
    return encode(msgspec.structs.replace(message, attachments=attachments))


def expire_deliveries(connection: Connection, ids: Sequence[int], until: int) -> Expired:
    """Delete deliveries that were made, or cancelled, long enough ago."""
    over, kept = [], set()
    for row in fetch(connection, schema.delivery, "id", ids, "id", "state", "doc", lock=True):
        made = decode(row.doc, Delivery)
        if row.state in SETTLED and (made.settled_at or made.made_at) < until:
            over.append(row.id)
        else:
            kept.add(row.id)
    delete_rows(connection, schema.delivery.c.id, over)
    return Expired(len(over), kept)


def expire_decisions(connection: Connection, ids: Sequence[int], _until: int) -> Expired:
    """Delete decisions, but those that tell what was removed."""
    rows = fetch(connection, schema.decision, "id", ids, "id", "arrival", "message", "doc")
    waiting = waiting_arrivals(connection, {row.arrival for row in rows if row.arrival})
    needed = needed_messages(connection, {row.message for row in rows if row.message})
    kept = {row.id for row in rows if row.arrival in waiting or row.message in needed}
    over = [
        row.id for row in rows if row.id not in kept and decode(row.doc, Decision).kind not in AUDITS
    ]  # fmt: skip
    delete_rows(connection, schema.decision.c.id, over)
    return Expired(len(over), kept)


def expire_events(connection: Connection, until: int, *, told: Sequence[int], limit: int) -> int:
    """Delete the oldest events, if everybody has been told of them; gives how many.

    Args:
        told: the last event that each subscriber was told of; 0 for one who was told of none.
    """
    table = schema.event
    place = (table.c.xid, table.c.position)
    seen = [
        connection.execute(select(*place).where(table.c.id == one)).one_or_none() for one in told
    ]
    statement = select(*place, table.c.id, table.c.doc).order_by(*place).limit(limit)
    for one, last in zip(told, seen, strict=True):
        if last is None:  # it is gone itself
            statement = statement.where(table.c.id < one)
        else:
            statement = statement.where(tuple_(*place) < tuple_(last.xid, last.position))
    over = []
    for row in connection.execute(statement):
        if decode(row.doc, Event).at >= until:
            break
        over.append(row.id)
    delete_rows(connection, table.c.id, over)
    return len(over)


def expire_claims(
    connection: Connection, until: int, *, after: bytes, limit: int
) -> tuple[int, bytes | None]:
    """Delete claims of arrivals that came in before a moment, in the order of their keys.

    Returns:
        How many, and the key to go on after; None at the end.
    """
    table = schema.claim
    rows = connection.execute(
        select(table.c.key, table.c.arrival)
        .where(table.c.key > after)
        .order_by(table.c.key)
        .limit(limit)
    ).all()
    over = [row.key for row in rows if row.arrival < first_id(until)]
    delete_rows(connection, table.c.key, over)
    return len(over), rows[-1].key if len(rows) == limit else None


def waiting_arrivals(connection: Connection, ids: Iterable[int]) -> set[int]:
    """Which arrivals wait, or rest in quarantine."""
    rows = fetch(connection, schema.arrival_state, "arrival", ids, "arrival", "state")
    return {row.arrival for row in rows if row.state in ("waiting", "quarantined")}


def needed_messages(connection: Connection, ids: Iterable[int]) -> set[int]:
    """Which messages are not delivered yet, or belong to a conversation that is held."""
    ids = set(ids)
    rows = fetch(connection, schema.message, "id", ids, "id", "conversation")
    held = held_conversations(connection, {row.conversation for row in rows})
    sent = fetch(connection, schema.delivery, "message", ids, "message", "state")
    needed = {row.message for row in sent if row.state not in SETTLED}
    return needed | {row.id for row in rows if row.conversation in held}


def held_conversations(connection: Connection, ids: Iterable[int]) -> set[int]:
    """Which conversations somebody holds, or has put off."""
    rows = fetch(connection, schema.conversation, "id", ids, "id", "state")
    return {row.id for row in rows if row.state in HELD}


def delete_rows(connection: Connection, column: Any, values: Sequence[Any]) -> None:
    """Delete the rows whose column has one of some values."""
    if values:
        connection.execute(delete(column.table).where(among(connection, column, values)))

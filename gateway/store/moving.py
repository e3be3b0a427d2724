"""Re-home a record: what a merge moves and its undo moves back."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Table, select, update

from gateway.domain.changes import Move
from gateway.domain.conversation import Thread, Ticket
from gateway.domain.delivery import Delivery
from gateway.domain.message import Message
from gateway.domain.partition import of_conversation
from gateway.store import lines, schema
from gateway.store.rows import decode, encode, plain

_HOMES: dict[str, tuple[Table, type[msgspec.Struct]]] = {
    "thread": (schema.thread, Thread),
    "ticket": (schema.ticket, Ticket),
    "message": (schema.message, Message),
    "delivery": (schema.delivery, Delivery),
}


def move(connection: Connection, move: Move) -> None:
    """Give a record to another conversation; one that is not there is left alone."""
    table, kind = _HOMES[move.of]
    row = connection.execute(
        select(table.c.conversation, table.c.doc).where(table.c.id == move.id).with_for_update()
    ).one_or_none()
    if row is None:
        return
    value: Any = decode(row.doc, kind)
    changed: dict[str, Any] = {"conversation": move.to}
    if move.of == "message":
        changed["seq"] = value.seq if move.seq is None else move.seq
    value = msgspec.structs.replace(value, **changed)
    place = {"partition": of_conversation(move.to)} if move.of == "delivery" else {}
    connection.execute(
        update(table).where(table.c.id == move.id).values(**changed, **place, doc=encode(value))
    )
    if isinstance(value, Delivery):
        target = plain(value.target)
        lines.realign(connection, {(target, row.conversation): 0, (target, move.to): 0})

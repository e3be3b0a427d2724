"""Deliveries leased to whoever sends them, and other work that comes due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, func, select, text, tuple_
from sqlalchemy.sql import Select

from gateway.domain.delivery import Delivery
from gateway.domain.event import Event
from gateway.domain.timer import Timer
from gateway.store import lines, schema
from gateway.store.rows import decode, delivery_of, plain
from gateway.store.statements import is_postgres, query, run_many

_LEASE = text(
    "UPDATE delivery SET state = 'leased', lease = :token, leased_until = :until, due_at = NULL"
    " WHERE id = :id"
)
_RECOVER = text(
    "UPDATE delivery SET state = 'unknown', lease = 0, leased_until = 0, next_at = :moment"
    " WHERE id = :id"
)


_due = schema.delivery.c
_DUE: Select[Any] = (
    select(_due.id, _due.doc, _due.state, _due.lease, _due.blocks)
    .where(_due.target == bindparam("target"), _due.due_at <= bindparam("now"))
    .order_by(_due.due_at, _due.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_FIRST_DUE: Select[Any] = (
    select(_due.due_at)
    .where(_due.target == bindparam("target"), text(schema.DUE))
    .order_by(_due.due_at)
    .limit(1)
)
_FIRST_TIMER = select(func.min(schema.timer.c.due_at).label("due_at"))


def claim(
    connection: Connection, *, target: str, now: int, limit: int, until: int, lease: int
) -> list[Delivery]:
    """Lease due deliveries of a target, oldest first; only heads of their lines are due."""
    found = query(connection, _DUE, target=plain(target), now=now, most=limit)
    claimed = [delivery_of(row) for row in found]
    run_many(
        connection,
        _LEASE,
        [{"id": one.id, "token": lease, "until": until} for one in claimed],
    )
    return [msgspec.structs.replace(one, lease=lease) for one in claimed]


def recover(connection: Connection, *, now: int, every: bool) -> int:
    """Turn leased deliveries whose lease ran out (or all of them) into ``unknown``, due now."""
    table = schema.delivery
    statement = (
        select(table.c.id, table.c.target, table.c.conversation)
        .where(text("state = 'leased'"), text(schema.OPEN))
        .order_by(table.c.id)
        .with_for_update(skip_locked=True)
    )
    if not every:
        statement = statement.where(table.c.leased_until <= now)
    found = connection.execute(statement).all()
    run_many(connection, _RECOVER, [{"id": row.id, "moment": now} for row in found])
    for row in found:
        lines.advance(connection, {(row.target, row.conversation): row.id})
    return len(found)


def due_timers(connection: Connection, *, now: int, limit: int) -> list[Timer]:
    """Read timers that are due, oldest first."""
    table = schema.timer
    found = connection.execute(
        select(table.c.doc)
        .where(table.c.due_at <= now)
        .order_by(table.c.due_at, table.c.id)
        .limit(limit)
    )
    return [decode(row.doc, Timer) for row in found]


def next_moment(connection: Connection, targets: Sequence[str]) -> int | None:
    """When the next timer or waiting delivery of these targets comes due."""
    rows = list(query(connection, _FIRST_TIMER))
    for target in sorted({plain(target) for target in targets}):
        rows += query(connection, _FIRST_DUE, target=target)
    return min((row.due_at for row in rows if row.due_at is not None), default=None)


def events_after(connection: Connection, event: int, *, limit: int) -> list[Event]:
    """Read the events committed after the one with an id.

    Ids are made before the commit, so a later commit may bring a smaller one: the order of the
    commits counts. An event that is not there any more is taken by its id.
    """
    table = schema.event
    seen = connection.execute(
        select(table.c.xid, table.c.position).where(table.c.id == event)
    ).one_or_none()
    statement: Select[tuple[bytes]] = (
        select(table.c.doc).order_by(table.c.xid, table.c.position).limit(limit)
    )
    if seen is None:
        statement = statement.where(table.c.id > event)
    else:
        place = tuple_(table.c.xid, table.c.position)
        statement = statement.where(place > tuple_(seen.xid, seen.position))
    if is_postgres(connection):
        # Transactions still open may bring events that belong before the newest ones.
        statement = statement.where(
            text("xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        )
    return [decode(row.doc, Event) for row in connection.execute(statement)]

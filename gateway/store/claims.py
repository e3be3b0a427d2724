"""Deliveries leased to whoever sends them, and other work that comes due."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, select, text, tuple_
from sqlalchemy.sql import Select

from gateway.domain.delivery import Delivery
from gateway.domain.event import Event
from gateway.domain.partition import Share, mask
from gateway.domain.timer import Timer
from gateway.store import lines, schema
from gateway.store.rows import decode, delivery_of, plain
from gateway.store.sharing import standing_fences
from gateway.store.statements import is_postgres, query, run_many

_LEASE = text(
    "UPDATE delivery SET state = 'leased', lease = :token, holder = :holder, due_at = NULL"
    " WHERE id = :id"
)
_RECOVER = text(
    "UPDATE delivery SET state = 'unknown', lease = 0, holder = 0, next_at = :moment"
    " WHERE id = :id AND state = 'leased' AND holder = :holder"
)
_ALIVE = select(schema.process.c.id)


_due = schema.delivery.c
_DUE: Select[Any] = (
    select(_due.id, _due.doc, _due.state, _due.lease, _due.blocks)
    .where(_due.target == bindparam("target"), _due.due_at <= bindparam("now"), text(schema.MINE))
    .order_by(_due.due_at, _due.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_FIRST_DUE: Select[Any] = (
    select(_due.due_at)
    .where(_due.target == bindparam("target"), text(schema.DUE), text(schema.MINE))
    .order_by(_due.due_at)
    .limit(1)
)
# What a process claimed is its own to take back even where the conversation is another's by now.
_LEASED = (
    select(_due.id, _due.target, _due.conversation, _due.holder)
    .where(
        text("state = 'leased'"), text(schema.OPEN), text(f"({schema.MINE} OR holder = :process)")
    )
    .order_by(_due.id)
)
_timer = schema.timer.c
_FIRST_TIMER = (
    select(_timer.due_at).where(text(schema.MINE)).order_by(_timer.due_at, _timer.id).limit(1)
)

_DUE_TIMERS = (
    select(_timer.doc)
    .where(_timer.due_at <= bindparam("now"), text(schema.MINE))
    .order_by(_timer.due_at, _timer.id)
    .limit(bindparam("most"))
)


def claim(
    connection: Connection, *, target: str, now: int, limit: int, lease: int, share: Share | None
) -> list[Delivery]:
    """Lease due deliveries of a target, oldest first; only heads of their lines are due."""
    if share is not None:
        fences = standing_fences(connection, {share.fence(one) for one in share.partitions})
        standing = frozenset(fence.partition for fence in fences)
        share = Share(process=share.process, partitions=standing)
    found = query(connection, _DUE, target=plain(target), now=now, most=limit, mine=mask(share))
    claimed = [delivery_of(row) for row in found]
    holder = share.process if share else 0
    run_many(
        connection,
        _LEASE,
        [{"id": one.id, "token": lease, "holder": holder} for one in claimed],
    )
    return [msgspec.structs.replace(one, lease=lease) for one in claimed]


def recover(
    connection: Connection,
    *,
    now: int,
    target: str | None,
    share: Share | None,
    but: Collection[int] | None,
) -> int:
    """Turn leased deliveries that nobody works on into ``unknown``, due now."""
    target = target and plain(target)
    process = share.process if share else 0
    alive = {row.id for row in query(connection, _ALIVE)} if share else set()
    if but is not None:
        alive.discard(process)
    found = [
        row
        for row in query(connection, _LEASED, mine=mask(share), process=process)
        if row.holder not in alive and row.id not in (but or ()) and target in (None, row.target)
    ]
    # A line changes only under the lock of its conversation.
    lines.lock(connection, {row.conversation for row in found})
    stale = [{"id": row.id, "holder": row.holder, "moment": now} for row in found]
    run_many(connection, _RECOVER, stale)
    lines.advance(connection, {(row.target, row.conversation): row.id for row in reversed(found)})
    return len(found)


def due_timers(connection: Connection, *, now: int, limit: int, share: Share | None) -> list[Timer]:
    """Read timers that are due, oldest first."""
    found = query(connection, _DUE_TIMERS, now=now, most=limit, mine=mask(share))
    return [decode(row.doc, Timer) for row in found]


def next_moment(connection: Connection, targets: Sequence[str], share: Share | None) -> int | None:
    """When the next timer or waiting delivery of these targets comes due."""
    mine = mask(share)
    rows = list(query(connection, _FIRST_TIMER, mine=mine))
    for target in sorted({plain(target) for target in targets}):
        rows += query(connection, _FIRST_DUE, target=target, mine=mine)
    return min((row.due_at for row in rows), default=None)


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
    return [decode(row.doc, Event) for row in connection.execute(_settled(connection, statement))]


def last_event(connection: Connection) -> int | None:
    """Read the id of the event committed last, None if there is none."""
    table = schema.event
    last = select(table.c.id).order_by(table.c.xid.desc(), table.c.position.desc()).limit(1)
    return connection.execute(_settled(connection, last)).scalar_one_or_none()


def _settled(connection: Connection, events: Select[Any]) -> Select[Any]:
    """Leave out the newest, as long as open transactions may bring some that belong before them."""
    if not is_postgres(connection):
        return events
    return events.where(text("xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))

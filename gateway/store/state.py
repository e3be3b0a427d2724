"""Plugin state and named leases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from gateway.store import schema
from gateway.store.operations import Lease, StateRow
from gateway.store.statements import fetch, insert_into, present, put

_LAST = "\U0010ffff"


def get_state(connection: Connection, owner: str, key: str) -> StateRow | None:
    """Read one value."""
    columns = ("key", "value", "version")
    for row in fetch(connection, schema.plugin_state, "key", (key,), *columns, owner=owner):
        return StateRow(key=row.key, value=row.value, version=row.version)
    return None


def list_state(
    connection: Connection, owner: str, *, prefix: str, after: str, limit: int
) -> list[StateRow]:
    """Read values whose key begins with a prefix, in key order, after a key."""
    table = schema.plugin_state
    found = connection.execute(
        select(table.c.key, table.c.value, table.c.version)
        .where(table.c.owner == owner, table.c.key >= prefix, table.c.key < prefix + _LAST)
        .where(table.c.key > after)
        .order_by(table.c.key)
        .limit(limit)
    )
    return [StateRow(key=row.key, value=row.value, version=row.version) for row in found]


def acquire_lease(
    connection: Connection, name: str, owner: str, *, now: int, ttl: int
) -> Lease | None:
    """Take or renew a lease: whoever holds it keeps the token, whoever takes over gets the next."""
    table = schema.lease
    now = present(connection, now)
    insert: Any = insert_into(connection, table).values(
        name=name, owner=owner, token=1, expires_at=now + ttl
    )
    held = (table.c.owner == owner) & (table.c.expires_at > now)
    connection.execute(insert.on_conflict_do_nothing())
    row = connection.execute(
        select(table.c.owner, table.c.token, table.c.expires_at, held.label("held"))
        .where(table.c.name == name)
        .with_for_update()
    ).one()
    if row.owner != owner and row.expires_at > now:
        return None
    token = row.token if row.held else row.token + 1
    connection.execute(
        update(table)
        .where(table.c.name == name)
        .values(owner=owner, token=token, expires_at=now + ttl)
    )
    return Lease(name=name, owner=owner, token=token, expires_at=now + ttl)


def release_lease(connection: Connection, lease: Lease) -> None:
    """Give a lease back; its row stays, so that tokens go on growing."""
    table = schema.lease
    connection.execute(
        update(table)
        .where(
            table.c.name == lease.name,
            table.c.owner == lease.owner,
            table.c.token == lease.token,
        )
        .values(owner="", expires_at=0)
    )


def note(connection: Connection, name: str, value: str) -> None:
    """Write a fact about the store itself."""
    put(connection, schema.meta, [(name, value)])

"""Plugin state and named leases."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, bindparam, select, text

from gateway.store import schema
from gateway.store.operations import Lease, StateRow
from gateway.store.statements import add_missing, fetch, present, put, query, run_many

_LAST = "\U0010ffff"
_state, _lease = schema.plugin_state.c, schema.lease.c
_LIST = (
    select(_state.key, _state.value, _state.version)
    .where(_state.owner == bindparam("owner"), _state.key > bindparam("after"))
    .where(_state.key >= bindparam("first"), _state.key < bindparam("end"))
    .order_by(_state.key)
    .limit(bindparam("most"))
)
_HELD = (
    select(_lease.owner, _lease.token, _lease.expires_at)
    .where(_lease.name == bindparam("name"))
    .with_for_update()
)
_TAKE = text(
    "UPDATE lease SET owner = :owner, token = :token, expires_at = :expires_at WHERE name = :name"
)
_RELEASE = text(
    "UPDATE lease SET owner = '', expires_at = 0"
    " WHERE name = :name AND owner = :owner AND token = :token"
)


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
    found = query(
        connection, _LIST, owner=owner, after=after, first=prefix, end=prefix + _LAST, most=limit
    )
    return [StateRow(key=row.key, value=row.value, version=row.version) for row in found]


def acquire_lease(
    connection: Connection, name: str, owner: str, *, now: int, ttl: int
) -> Lease | None:
    """Take or renew a lease: whoever holds it keeps the token, whoever takes over gets the next."""
    now = present(connection, now)
    add_missing(connection, schema.lease, [(name, owner, 1, now + ttl)])
    [row] = query(connection, _HELD, name=name)
    runs = row.expires_at > now
    if runs and row.owner != owner:
        return None
    token = row.token if runs else row.token + 1
    lease = Lease(name=name, owner=owner, token=token, expires_at=now + ttl)
    run_many(connection, _TAKE, [msgspec.structs.asdict(lease)])
    return lease


def release_lease(connection: Connection, lease: Lease) -> None:
    """Give a lease back; its row stays, so that tokens go on growing."""
    run_many(connection, _RELEASE, [msgspec.structs.asdict(lease)])


def note(connection: Connection, name: str, value: str) -> None:
    """Write a fact about the store itself."""
    put(connection, schema.meta, [(name, value)])

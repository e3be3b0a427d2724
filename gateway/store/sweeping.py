"""Sweep the blobs that nothing refers to any more, whatever the tenant.

A blob is retired before it is purged. Whoever stored the same content at the moment it was retired,
and committed the row that names it afterwards, is noticed an hour later: the blob is taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from gateway.store import schema
from gateway.store.statements import fetch, query

REST_MS = 3_600_000
_unused = schema.blob_unused.c
_UNUSED = (
    select(_unused.blob, _unused.retired_at)
    .where(or_(_unused.retired_at.is_(None), _unused.retired_at <= bindparam("rested")))
    .order_by(_unused.blob)
    .limit(bindparam("most"))
)


class Unused(NamedTuple):
    """A blob that lost a user; `used` says whether it has others, `retired` whether it is aside."""

    blob: str
    retired: bool
    used: bool


def unused_blobs(connection: Connection, *, now: int, limit: int) -> list[Unused]:
    """Read blobs to be looked at: newly unused ones, and those that were retired an hour ago."""
    found = query(connection, _UNUSED, rested=now - REST_MS, most=limit)
    blobs = [row.blob for row in found]
    used = {row.blob for row in fetch(connection, schema.blob_use, "blob", blobs, "blob")}
    used |= {row.blob for row in fetch(connection, schema.arrival, "blob", blobs, "blob")}
    return [Unused(row.blob, row.retired_at is not None, row.blob in used) for row in found]


def note_retired(connection: Connection, blobs: Sequence[str], *, now: int) -> None:
    """Note that blobs were put aside."""
    table = schema.blob_unused
    connection.execute(update(table).where(table.c.blob.in_(blobs)).values(retired_at=now))


def note_settled(connection: Connection, blobs: Sequence[str]) -> None:
    """Note that blobs need not be looked at again: they are used, or gone."""
    connection.execute(delete(schema.blob_unused).where(schema.blob_unused.c.blob.in_(blobs)))

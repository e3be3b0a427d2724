"""Bury contents: what retention and erasure leave of arrivals, messages and their attachments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, text

from gateway.domain.arrival import Arrival, tombstone
from gateway.domain.message import Gone
from gateway.store import schema
from gateway.store.rows import decode, encode
from gateway.store.statements import fetch, insert_into, run_many

_BURY = text("UPDATE arrival SET blob = NULL, body = :body, doc = :doc WHERE id = :id")
_RELEASE = text("DELETE FROM blob_use WHERE message = :message")


def bury_arrivals(connection: Connection, ids: Iterable[int], why: Gone) -> int:
    """Take the content out of arrivals; gives how many had one."""
    buried, blobs = [], set()
    for row in fetch(connection, schema.arrival, "id", ids, "id", "blob", "doc", lock=True):
        arrival = decode(row.doc, Arrival)
        if arrival.gone:
            continue
        buried.append({"id": row.id, "body": b"", "doc": encode(tombstone(arrival, why))})
        blobs.add(row.blob)
    run_many(connection, _BURY, buried)
    note_unused(connection, filter(None, blobs))
    return len(buried)


def release_blobs(connection: Connection, messages: Sequence[int]) -> None:
    """Note that messages do not use their blobs any more."""
    used = fetch(connection, schema.blob_use, "message", messages, "message", "blob")
    run_many(connection, _RELEASE, [{"message": one} for one in sorted({r.message for r in used})])
    note_unused(connection, {row.blob for row in used})


def note_unused(connection: Connection, blobs: Iterable[str]) -> None:
    """Note blobs that lost a user, so that they are looked at; they may have others."""
    for blob in sorted(blobs):
        insert = insert_into(connection, schema.blob_unused).values(blob=blob, retired_at=None)
        again = insert.on_conflict_do_update(index_elements=["blob"], set_={"retired_at": None})
        connection.execute(again)

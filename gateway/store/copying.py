"""Copy a deployment's records from one database into another, of the same engine or the other one.

Page by page, in the order of the keys; how far a table has come is committed with its page, so that a
copy that was killed goes on. At the end both are read again and compared, table by table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Column, Connection, Table, delete, func, literal, select, text, tuple_

from gateway.config.database import parse_url
from gateway.errors import Refused, StoreError
from gateway.store import schema
from gateway.store.ends import Run
from gateway.store.statements import insert_into, is_postgres, present
from gateway.store.transactions import EARLIER

PAGE = 200
_STATE = "copy"
# What holds for one database only: who lives on it, and how far a copy has come.
_OWN = ("meta", "process", "share")
Advance = Callable[[int, int], None]


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """One table at the end of a copy: how many rows, and the hash that both sides agree on."""

    table: str
    rows: int
    hash: str


class _Place(msgspec.Struct, frozen=True):
    """How far the copy of a table has come: the key of its last row, bytes in hex, and how many."""

    after: list[Any]
    rows: int


class _Page(NamedTuple):
    rows: list[dict[str, Any]]
    after: list[Any]


def tables() -> list[Table]:
    """The tables that are copied, those before others that point to them."""
    return [table for table in schema.metadata.sorted_tables if table.name not in _OWN]


async def copy(
    source: Run, target: Run, *, origin: str, on_progress: Advance = lambda _done, _all: None
) -> list[Copied]:
    """Copy everything, or what is left of a copy that was killed, and compare both sides.

    Args:
        source: as of `gateway.store.ends.reading`; both databases have the newest schema.
        target: as of `gateway.store.ends.writing`.
        origin: the source's URL, by which a copy that was begun is recognised.
        on_progress: told rows done and rows in all; each is copied and then compared.

    Raises:
        Refused: the target holds something else.
        StoreError: the two differ at the end.
    """
    await target(partial(_begin, fingerprint=_fingerprint(origin)))
    many = {table.name: await source(partial(_count, table=table)) for table in tables()}
    done, total = 0, 2 * sum(many.values())
    for table in tables():
        place = await target(partial(_place, table=table))
        done += place.rows
        while True:
            page: _Page = await source(partial(_read, table=table, place=place))
            if not page.rows:
                break
            place = _Place(page.after, place.rows + len(page.rows))
            await target(partial(_write, table=table, rows=page.rows, place=place))
            done += len(page.rows)
            on_progress(done, total)
    found = []
    for table in tables():
        here, there = await _digest(source, table), await _digest(target, table)
        if here != there:
            raise StoreError(
                f"the table {table.name} differs: {here.rows} rows were read and {there.rows} "
                "written. Something wrote to one of them since the copy began; begin again with an "
                "empty target"
            )
        found.append(here)
        done += here.rows
        on_progress(done, total)
    await target(_finish)
    return found


def holds_nothing(connection: Connection) -> bool:
    """Whether a database has no records of its own."""
    return all(
        connection.execute(select(literal(1)).select_from(table).limit(1)).first() is None
        for table in tables()
        if table is not schema.lease
    )


def running_on(connection: Connection, now: int) -> str:
    """Name a process that lives on a database at the moment; empty if there is none."""
    table = schema.process
    living = table.c.expires_at > present(connection, now)
    return connection.execute(select(table.c.name).where(living).limit(1)).scalar() or ""


def used_blobs(connection: Connection) -> list[str]:
    """Name every blob that something refers to, in order."""
    arrival, use = schema.arrival, schema.blob_use
    found = set(connection.execute(select(use.c.blob).distinct()).scalars())
    with_body = select(arrival.c.blob).where(arrival.c.blob.is_not(None)).distinct()
    return sorted(found | set(connection.execute(with_body).scalars()))


def _fingerprint(origin: str) -> str:
    address = parse_url(origin)
    place = f"{address.host}:{address.port}/{address.database}"
    return hashlib.sha256(place.encode()).hexdigest()[:16]


def _begin(connection: Connection, fingerprint: str) -> None:
    meta = schema.meta
    begun = connection.execute(select(meta.c.value).where(meta.c.name == _STATE)).scalar()
    if begun == fingerprint:
        return
    if begun is not None:
        raise Refused("the target holds a copy of another database that was not finished")
    if not holds_nothing(connection):
        raise Refused("the target holds records already; a copy goes into an empty database")
    connection.execute(delete(schema.lease))
    connection.execute(meta.insert().values(name=_STATE, value=fingerprint))


def _finish(connection: Connection) -> None:
    meta = schema.meta
    connection.execute(delete(meta).where(meta.c.name == _STATE))
    connection.execute(delete(meta).where(meta.c.name.like(f"{_STATE}/%")))
    if is_postgres(connection):
        connection.execute(
            text(
                "SELECT setval(pg_get_serial_sequence('event', 'position'),"
                " (SELECT COALESCE(max(position), 0) + 1 FROM event), false)"
            )
        )


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _keys(table: Table) -> list[Column[Any]]:
    # Events, and arrivals that wait, are in the order in which they were committed, and get new
    # places in it: the target numbers its transactions anew.
    if table is schema.event:
        return [table.c.xid, table.c.position]
    if table is schema.arrival_state:
        return [table.c.xid, table.c.arrival]
    return list(table.primary_key)


def _place(connection: Connection, table: Table) -> _Place:
    meta = schema.meta
    found = connection.execute(
        select(meta.c.value).where(meta.c.name == f"{_STATE}/{table.name}")
    ).scalar()
    return msgspec.json.decode(found, type=_Place) if found else _Place([], 0)


def _read(connection: Connection, table: Table, place: _Place, *, limit: int = PAGE) -> _Page:
    keys = _keys(table)
    statement = select(table).order_by(*keys).limit(limit)
    if place.after:
        last = [
            literal(bytes.fromhex(value) if _is_bytes(key) else value, key.type)
            for key, value in zip(keys, place.after, strict=True)
        ]
        statement = statement.where(tuple_(*keys) > tuple_(*last))
    rows = [dict(row) for row in connection.execute(statement).mappings()]
    if not rows:
        return _Page([], [])
    after = [rows[-1][key.name] for key in keys]
    return _Page(rows, [one.hex() if isinstance(one, bytes) else one for one in after])


def _is_bytes(column: Column[Any]) -> bool:
    return column.type.python_type is bytes


def _write(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]], place: _Place
) -> None:
    first = place.rows - len(rows) + 1
    if table is schema.event:
        rows = [{**row, "position": first + n, "xid": 0} for n, row in enumerate(rows)]
    if table is schema.arrival_state:
        rows = [{**row, "xid": EARLIER + first + n} for n, row in enumerate(rows)]
    connection.execute(table.insert(), list(rows))
    meta = schema.meta
    value = msgspec.json.encode(place).decode()
    insert = insert_into(connection, meta).values(name=f"{_STATE}/{table.name}", value=value)
    connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


async def _digest(run: Run, table: Table) -> Copied:
    digest, place = hashlib.blake2b(digest_size=16), _Place([], 0)
    numbered_anew = ("position", "xid")
    names = [column.name for column in table.columns if column.name not in numbered_anew]
    while True:
        page: _Page = await run(partial(_read, table=table, place=place))
        if not page.rows:
            return Copied(table="".join(table.name), rows=place.rows, hash=digest.hexdigest())
        for row in page.rows:
            digest.update(msgspec.msgpack.encode([row[name] for name in names]))
        place = _Place(page.after, place.rows + len(page.rows))

"""The numbers of transactions, which tell in what order arrivals were stored.

Whoever was told that an arrival is safe and hands in another one has it stored by a transaction with
a greater number, whichever process stores it and whatever its clock says. On PostgreSQL several are
open at once, and what one of them stores turns up behind what later ones stored: a reader looks on
from the oldest that is open. SQLite writes one after another, and they are counted in the database.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, literal_column, text

from gateway.store.statements import is_postgres

XID = "pg_current_xact_id()::text::bigint"
# The oldest transaction that may still bring something, on an engine by its name.
OLDEST_OPEN: dict[str, ColumnElement[int]] = {
    "postgresql": literal_column("pg_snapshot_xmin(pg_current_snapshot())::text::bigint"),
    "sqlite": literal_column(str((1 << 63) - 1)),
}
# Since when the server runs. One that took over numbers transactions that were not handed on anew.
SERVER: dict[str, str] = {
    "postgresql": "CAST(EXTRACT(EPOCH FROM pg_postmaster_start_time()) * 1000000 AS BIGINT)",
    "sqlite": "0",
}
# One seek a flow, however many arrivals each has.
FLOWS = (
    "WITH RECURSIVE found (flow) AS ("
    "SELECT min(flow) FROM arrival_state WHERE state = 'waiting' UNION ALL "
    "SELECT (SELECT min(flow) FROM arrival_state WHERE state = 'waiting' AND flow > found.flow)"
    " FROM found WHERE found.flow IS NOT NULL)"
)
_NEWEST = (
    f"{FLOWS} SELECT COALESCE(max((SELECT max(xid) FROM arrival_state"  # noqa: S608 - constants
    " WHERE state = 'waiting' AND flow = found.flow)), 0) FROM found"
)
_COUNT = (
    "INSERT INTO meta (name, value) VALUES ('transactions', '1')"
    " ON CONFLICT (name) DO UPDATE SET value = value + 1"
)
_COUNTED = "SELECT value FROM meta WHERE name = 'transactions'"
EARLIER = -(1 << 40)  # what came from another database is numbered from here on, before all else
_FOREIGN = text(
    f"SELECT GREATEST(({_NEWEST}), (SELECT COALESCE(max(xid), 0) FROM event))"  # noqa: S608 - constants
    " >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
)
_ANEW = [
    text(
        f"UPDATE {table} SET xid = {EARLIER} + anew.place FROM (SELECT {key} AS one,"  # noqa: S608 - constants
        f" row_number() OVER (ORDER BY xid, {key}) AS place FROM {table}) AS anew WHERE {key} = one"
    )
    for table, key in (("arrival_state", "arrival"), ("event", "position"))
]
_LOCK = 7_305_180_523  # any number; every gateway asks PostgreSQL for the same one


def number_of(connection: Connection) -> int:
    """The number of the transaction that is open on a connection, which stores something."""
    if is_postgres(connection):
        return int(connection.exec_driver_sql(f"SELECT {XID}").scalar_one())
    connection.exec_driver_sql(_COUNT)
    return int(connection.exec_driver_sql(_COUNTED).scalar_one())


def number_anew(connection: Connection) -> None:
    """Number what a dump brought from another PostgreSQL, whose transactions were further.

    What is stored from now on would be taken for older, and no event be told before this server is
    as far. The order stays as it was.
    """
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    if connection.scalar(_FOREIGN):
        for statement in _ANEW:
            connection.execute(statement)

"""Driver-level statements: compiled once a dialect, run for many rows in one call.

SQLAlchemy's own handling of each row costs more than SQLite's insert, so what is written in bulk
is compiled to the driver's text here and given plain tuples.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Dialect,
    Executable,
    LargeBinary,
    SmallInteger,
    Table,
    any_,
    column,
    literal,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler

_PRESENT = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_ARRAYS = ((SmallInteger, "smallint"), (BigInteger, "bigint"), (LargeBinary, "bytea"))
Row = tuple[Any, ...]


def is_postgres(connection: Connection) -> bool:
    """Whether the connection leads to PostgreSQL; else it is SQLite."""
    return connection.dialect.name == "postgresql"


def present(connection: Connection, now: int) -> int:
    """The moment by PostgreSQL's own clock, which no step of a host's moves; on SQLite `now`."""
    if is_postgres(connection):
        return int(connection.exec_driver_sql(_PRESENT).scalar_one())
    return now


def among(
    connection: Connection, column: ColumnElement[Any], values: Iterable[Any]
) -> ColumnElement[bool]:
    """Make the condition that a column is one of some values, in order and without repeats.

    On PostgreSQL it is an array, so that the prepared statement does not depend on how many.
    """
    wanted = sorted(set(values))
    if is_postgres(connection):
        return column == any_(literal(wanted, postgresql.ARRAY(column.type)))
    return column.in_(wanted)


def fetch(
    connection: Connection,
    table: Table,
    key: str,
    values: Iterable[Any],
    *columns: str,
    lock: bool = False,
    **same: Any,
) -> Sequence[Any]:
    """Read columns of the rows whose key is one of some values, in the order of the key.

    Args:
        lock: keep others from changing the rows until the transaction ends.
        same: further columns and the value each must have.
    """
    wanted = sorted(set(values))
    if not wanted:
        return ()
    parameters: tuple[Any, ...] = (wanted,)
    places = 0
    if not is_postgres(connection):
        # Filled up to a power of two, so that few texts have to be prepared.
        places = 1 << (len(wanted) - 1).bit_length()
        parameters = (*wanted, *(wanted[-1:] * (places - len(wanted))))
    text = _fetch_text(connection.dialect, table, key, columns, places, lock, tuple(same))
    return connection.exec_driver_sql(text, (*parameters, *same.values())).all()


@cache
def _fetch_text(
    dialect: Dialect, table: Table, key: str, columns: tuple[str, ...], places: int, lock: bool,
    same: tuple[str, ...],
) -> str:  # fmt: skip
    quote = dialect.identifier_preparer.quote
    names = ", ".join(map(quote, columns))
    among = f"IN ({', '.join('?' * places)})" if places else "= ANY($1)"
    for number, name in enumerate(same, 2):
        among += f" AND {quote(name)} = {'?' if places else f'${number}'}"
    end = " FOR NO KEY UPDATE" if lock and not places else ""
    return (
        f"SELECT {names} FROM {quote(table.name)} "  # noqa: S608 - names of our own schema
        f"WHERE {quote(key)} {among} ORDER BY {quote(key)}{end}"
    )


def insert_into(connection: Connection, table: Table) -> Any:
    """Begin an insert that can say ``ON CONFLICT``."""
    return postgresql.insert(table) if is_postgres(connection) else sqlite.insert(table)


def add(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows (all columns, in the table's order); a row that is there is an error."""
    _insert(connection, table, rows, "fail")


def add_missing(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows whose key is not there yet."""
    _insert(connection, table, rows, "ignore")


def put(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, or replace the ones that have their primary key."""
    _insert(connection, table, rows, "replace")


def _insert(connection: Connection, table: Table, rows: Sequence[Row], conflict: str) -> None:
    """Insert rows: on PostgreSQL as one statement over arrays, which is one round trip."""
    if not rows:
        return
    words = _insert_text(connection.dialect, table, conflict)
    if is_postgres(connection):
        columns = tuple(list(column) for column in zip(*rows, strict=True))
        connection.exec_driver_sql(words, columns)
    else:
        connection.exec_driver_sql(words, list(rows))


def run_many(
    connection: Connection, statement: Executable, parameters: Sequence[dict[str, Any]]
) -> None:
    """Run a statement once for each set of parameters."""
    if parameters:
        text, names, _ = _text(connection.dialect, statement)
        connection.exec_driver_sql(text, [tuple(p[name] for name in names) for p in parameters])


def query(connection: Connection, statement: Executable, **parameters: Any) -> Sequence[Any]:
    """Read the rows of a statement that is a constant, so that it is compiled only once."""
    text, names, literals = _text(connection.dialect, statement)
    values = {**literals, **parameters}
    return connection.exec_driver_sql(text, tuple(values[name] for name in names)).all()


def columns_of(table: Table) -> list[str]:
    """Name the columns that an insert gives, in order: all but those the database fills in."""
    return [
        column.name
        for column in table.columns
        if column.autoincrement is not True and column.server_default is None
    ]


def _array(column: ColumnElement[Any]) -> str:
    """Name the type of a column as PostgreSQL's arrays have it."""
    return next((name for kind, name in _ARRAYS if isinstance(column.type, kind)), "text")


@cache
def _insert_text(dialect: Dialect, table: Table, conflict: str) -> str:
    names = columns_of(table)
    statement: Any
    if dialect.name == "postgresql":
        arrays = [f"${number}::{_array(table.c[name])}[]" for number, name in enumerate(names, 1)]
        rows = text(f"SELECT * FROM unnest({', '.join(arrays)})")  # noqa: S608 - our own schema
        statement = postgresql.insert(table).from_select(names, rows.columns(*map(column, names)))
    else:
        statement = sqlite.insert(table).inline()
    if conflict == "ignore":
        statement = statement.on_conflict_do_nothing()
    elif conflict == "replace":
        keys = [column.name for column in table.primary_key]
        others = {name: statement.excluded[name] for name in names if name not in keys}
        statement = statement.on_conflict_do_update(index_elements=keys, set_=others)
    return str(statement.compile(dialect=dialect, column_keys=names))


@cache
def _text(dialect: Dialect, statement: Executable) -> tuple[str, list[str], dict[str, Any]]:
    """Compile a statement: its text, its parameters in order, and the values it brings itself."""
    compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
    if not isinstance(compiled, SQLCompiler) or compiled.positiontup is None:
        raise TypeError(f"{dialect.name} does not take its parameters by position")
    return str(compiled), list(compiled.positiontup), dict(compiled.params)

"""What the databases' errors mean for a store."""

from __future__ import annotations

import re
import sqlite3
import ssl
from typing import Any

from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError

from gateway.domain.changes import Conflict
from gateway.errors import StoreBroken, StoreError, StoreUnavailable

_TABLE = re.compile(r"constraint failed: (\w+)\.")
# What a clash in a table is called; the others are named like their table.
_NAMES = {"message": "seq", "plugin_state": "state"}
_SERIALIZATION, _DEADLOCK, _LOCK_TIMEOUT = "40001", "40P01", "55P03"
# PostgreSQL's classes for a server that is gone, out of resources, shutting down or at fault.
_AWAY = ("08", "53", "57", "58")
# Its states for a server that answers but does not let the gateway do its work, and the remedy.
_REFUSALS = {
    "28": "check user and password in the database's URL (store.url), and the server's pg_hba.conf",
    "3D": "create the database, or mend its name in the URL (store.url)",
    "3F": "have its owner make a schema that the gateway's user may use",
    "42501": "have the owner of database and schema grant it to the gateway's user",
    "25006": "name the server that takes writes in store.url, or add target_session_attrs=read-write to it",
}
_DISK = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def conflict_of(error: DBAPIError) -> Conflict | None:
    """Say what a refused write ran into; None if it is no conflict but a fault."""
    state = _sqlstate(error)
    if state in (_SERIALIZATION, _DEADLOCK, _LOCK_TIMEOUT):
        return Conflict(on="deadlock", detail="another process holds what this one needs")
    if not isinstance(error, IntegrityError):
        return None
    cause: Any = getattr(error.orig, "__cause__", None)
    if table := getattr(cause, "table_name", None):
        constraint = str(getattr(cause, "constraint_name", "") or "")
        if state == "23503":
            return Conflict(on="relation", detail=constraint)
        return Conflict(on=_NAMES.get(table, table), detail=constraint)
    words = str(error.orig)
    if found := _TABLE.search(words):
        return Conflict(on=_NAMES.get(found[1], found[1]), detail=words)
    return Conflict(on="relation", detail=words)


def is_full(error: BaseException) -> bool:
    """Whether SQLite's disk, or the limit set for its file, is full."""
    return _sqlite_code(error) == sqlite3.SQLITE_FULL


def store_error(error: BaseException) -> StoreError | None:
    """Translate a fault of the database; None if it is a mistake of the program's own."""
    code = _sqlite_code(error)
    if code is not None:
        return _sqlite_error(code, error)
    state = _sqlstate(error) or ""
    for refusal, remedy in _REFUSALS.items():
        if state.startswith(refusal):
            return StoreUnavailable(
                f"the database refuses the gateway: {_first_line(error)}; {remedy}"
            )
    if isinstance(error, ssl.SSLError):
        return StoreUnavailable(
            f"the database's server is not to be trusted: {_first_line(error)}; check the host and "
            "sslrootcert in the database's URL (store.url), and the server's certificate"
        )
    if (
        isinstance(error, (InterfaceError, OperationalError, OSError, TimeoutError))
        or (isinstance(error, DBAPIError) and error.connection_invalidated)
        or state.startswith(_AWAY)
    ):
        return StoreUnavailable(f"the database does not answer: {_first_line(error)}")
    return None


def _sqlite_error(code: int, error: BaseException) -> StoreError | None:
    words = _first_line(error)
    if code == sqlite3.SQLITE_FULL:
        return StoreUnavailable(
            "the disk that holds the database is full; nothing is taken in until there is space"
        )
    if code in _DISK:
        return StoreBroken(
            f"the database file cannot be trusted any more ({words}); "
            "the gateway has to stop: check the disk, then start it again"
        )
    if code in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISUSE):
        return None
    return StoreUnavailable(f"the database does not take writes: {words}")


def _sqlite_code(error: BaseException) -> int | None:
    original = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(original, sqlite3.Error):
        return None
    # SQLite gives up the whole transaction when the disk is full or fails, so that going back to
    # a savepoint fails as well; what went wrong first is what counts.
    if "no such savepoint" in str(original) and error.__context__ is not None:
        return _sqlite_code(error.__context__)
    code = getattr(original, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _sqlstate(error: BaseException) -> str | None:
    original = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(original, "sqlstate", None)
    return state if isinstance(state, str) else None


def _first_line(error: BaseException) -> str:
    original = error.orig if isinstance(error, DBAPIError) else error
    return (str(original).splitlines() or [type(original).__name__])[0]

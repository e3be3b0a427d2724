"""Row-level security: PostgreSQL itself keeps from the API's reads what is another tenant's.

The API and the pages name their tenants in each query. With a role of their own, to which the
policies of migration 0005 apply, a query that forgot to would still see nothing of others.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, text

from gateway.errors import StoreUnavailable

R = TypeVar("R")
SETTING = "gateway.tenants"  # as migration 0005 has it
_READ = ("arrival", "conversation", "message", "delivery", "decision", "message_arrival")


def as_tenants(
    connection: Connection, role: str, tenants: frozenset[str], function: Callable[[Connection], R]
) -> R:
    """Read as a role that sees these tenants' rows only, until the transaction ends."""
    name = connection.dialect.identifier_preparer.quote_identifier(role)
    connection.exec_driver_sql(f"SET LOCAL ROLE {name}")
    connection.execute(
        text("SELECT set_config(:setting, :tenants, true)"),
        {"setting": SETTING, "tenants": json.dumps(sorted(tenants))},
    )
    return function(connection)


def check_role(connection: Connection, role: str) -> None:
    """See that a role can be used and is bound by the policies.

    Raises:
        StoreUnavailable: it is not; the sentence says what the database's owner has to do.
    """
    found = connection.execute(
        text(
            "SELECT rolsuper OR rolbypassrls AS free, pg_has_role(rolname, 'MEMBER') AS ours,"
            " oid = (SELECT relowner FROM pg_class WHERE oid = 'message'::regclass) AS owner"
            " FROM pg_roles WHERE rolname = :role"
        ),
        {"role": role},
    ).one_or_none()
    if found is None:
        raise _unfit(role, "does not exist", f"CREATE ROLE {role} NOLOGIN")
    if found.free or found.owner:
        raise _unfit(
            role, "is bound by no policy", "name one that is no superuser and owns no table"
        )
    if not found.ours:
        user = connection.scalar(text("SELECT current_user"))
        raise _unfit(role, "is not granted to the gateway's user", f"GRANT {role} TO {user}")
    for table in _READ:
        may = "SELECT has_table_privilege(:role, :table, 'SELECT')"
        if not connection.scalar(text(may), {"role": role, "table": table}):
            grant = f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
            raise _unfit(role, f"may not read the table {table}", grant)


def _unfit(role: str, why: str, remedy: str) -> Any:
    return StoreUnavailable(f"store.api_role: the role {role!r} {why}; {remedy}")

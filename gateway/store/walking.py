"""Walk through what has become old, a small step at a time, in the order of the ids.

How far a walk has come is committed with what each step removes, so that a crash at any point costs
nothing. What cannot be removed yet is kept back, and looked at again each time; so no walk ever
goes over the same rows twice, and its cost does not grow with history.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, Table, delete, select

from gateway.domain.ids import first_id
from gateway.store import expiring, schema
from gateway.store.removing import expire_conversations
from gateway.store.statements import Row, add_missing, among, fetch, put

OWNER = "core/retention"
What = Literal["arrivals", "attachments", "conversations", "deliveries", "decisions"]
Expire = Callable[[Connection, Sequence[int], int], expiring.Expired]
_STEPS: dict[What, tuple[Table, Expire]] = {
    "arrivals": (schema.arrival, expiring.expire_arrivals),
    "attachments": (schema.message, expiring.expire_attachments),
    "conversations": (schema.conversation, expire_conversations),
    "deliveries": (schema.delivery, expiring.expire_deliveries),
    "decisions": (schema.decision, expiring.expire_decisions),
}


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """What is walked through.

    Args:
        name: under which it is remembered how far it came.
        tenants: whose rows; None for everybody's but those of `apart`.
        until: what is older expires; milliseconds since the Unix epoch.
        limit: rows looked at in one step.
    """

    what: What
    name: str
    tenants: frozenset[str] | None = None
    apart: frozenset[str] = frozenset()
    until: int
    limit: int = 200


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """How far a walk has come, and how much it has removed since that was last told."""

    after: int = 0
    removed: int = 0


class Step(NamedTuple):
    """What came of one step; `last` is None when there was nothing to look at."""

    last: int | None
    removed: int


def walk_on(connection: Connection, walk: Walk) -> Step:
    """Look at the next rows that have become old."""
    table, expire = _STEPS[walk.what]
    place, version = read_place(connection, walk.name)
    statement = (
        select(table.c.id)
        .where(table.c.id > place.after, table.c.id < first_id(walk.until))
        .order_by(table.c.id)
        .limit(walk.limit)
    )
    if walk.tenants is not None:
        statement = statement.where(among(connection, table.c.tenant, walk.tenants))
    elif walk.apart:
        statement = statement.where(table.c.tenant.not_in(sorted(walk.apart)))
    ids = connection.execute(statement).scalars().all()
    if not ids:
        return Step(None, 0)
    expired = expire(connection, ids, walk.until)
    rows: list[Row] = [(walk.name, one) for one in sorted(expired.kept)]
    add_missing(connection, schema.kept_back, rows)
    _note(
        connection,
        walk.name,
        Place(after=ids[-1], removed=place.removed + expired.removed),
        version,
    )
    return Step(ids[-1], expired.removed)


def walk_again(connection: Connection, walk: Walk, after: int) -> Step:
    """Look again at rows that were kept back, those with an id above `after`."""
    _, expire = _STEPS[walk.what]
    table = schema.kept_back
    mine = table.c.walk == walk.name
    ids = connection.execute(
        select(table.c.id).where(mine, table.c.id > after).order_by(table.c.id).limit(walk.limit)
    ).scalars().all()  # fmt: skip
    if not ids:
        return Step(None, 0)
    place, version = read_place(connection, walk.name)
    expired = expire(connection, ids, walk.until)
    over = sorted(set(ids) - expired.kept)
    if over:
        connection.execute(delete(table).where(mine, among(connection, table.c.id, over)))
    if expired.removed:
        changed = msgspec.structs.replace(place, removed=place.removed + expired.removed)
        _note(connection, walk.name, changed, version)
    return Step(ids[-1], expired.removed)


def read_place(connection: Connection, name: str) -> tuple[Place, int]:
    """Read how far a walk has come, with the version of that."""
    columns = ("value", "version")
    for row in fetch(connection, schema.plugin_state, "key", [name], *columns, owner=OWNER):
        return msgspec.json.decode(row.value, type=Place), row.version
    return Place(), 0


def _note(connection: Connection, name: str, place: Place, version: int) -> None:
    put(connection, schema.plugin_state, [(OWNER, name, msgspec.json.encode(place), version + 1)])

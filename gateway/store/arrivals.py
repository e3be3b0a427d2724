"""The journal: arrivals appended, read back, and what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, delete, select, update

from gateway.domain.arrival import Arrival, ArrivalState, Quarantined
from gateway.domain.changes import Changes, StateWrite
from gateway.domain.flow import flow_of
from gateway.domain.partition import Fence, of_lane
from gateway.errors import NotFound, Refused
from gateway.store import schema
from gateway.store.operations import Cursor, QuarantinedArrival, StoredArrival, Tenants
from gateway.store.rows import BIG_BODY, decode
from gateway.store.statements import Row, add, among, insert_into
from gateway.store.transactions import number_of
from gateway.store.writing import commit


class Appended(NamedTuple):
    """Rows of arrivals on their way into the journal."""

    arrivals: list[Row]
    states: list[Row]


class Found(NamedTuple):
    """An arrival whose body may lie in the blob store still."""

    arrival: Arrival
    blob: str | None


def append(connection: Connection, rows: Appended) -> None:
    """Append arrivals."""
    xid = number_of(connection)
    add(connection, schema.arrival, rows.arrivals)
    add(connection, schema.arrival_state, [(*row, xid) for row in rows.states])


def append_with_state(
    connection: Connection, rows: Appended, state: Sequence[StateWrite], fence: Fence | None
) -> None:
    """Append arrivals together with a connector's own state.

    Raises:
        Refused: a `StateWrite` expected a version that has moved on, or the fence fell.
    """
    append(connection, rows)
    [conflict] = commit(connection, [Changes(tenant="", state=tuple(state), fence=fence)])
    if conflict and conflict.on == "fence":
        raise Refused("another process runs this connector now")
    if conflict:
        raise Refused(f"the connector's state has moved on: {conflict.detail}")


def found_in(row: Any) -> Found:
    """Read an arrival without what the blob store has of it."""
    bare = decode(row.doc, Arrival)
    return Found(msgspec.structs.replace(bare, body=row.body) if row.body else bare, row.blob)


def _of_tenants(connection: Connection, statement: Select[Any], tenants: Tenants) -> Select[Any]:
    if tenants is None:
        return statement
    return statement.where(among(connection, schema.arrival.c.tenant, tenants))


def read_arrival(
    connection: Connection, tenants: Tenants, identifier: int
) -> tuple[Found, StoredArrival]:
    """Read one arrival with what became of it."""
    table, state = schema.arrival, schema.arrival_state
    statement = (
        select(table.c.doc, table.c.body, table.c.blob, state.c.state, state.c.reason)
        .outerjoin(state, state.c.arrival == table.c.id)
        .where(table.c.id == identifier)
    )
    row = connection.execute(_of_tenants(connection, statement, tenants)).one_or_none()
    if row is None:
        raise NotFound("there is no such arrival")
    found = found_in(row)
    messages = _messages_of(connection, [identifier])
    return found, _stored(row, found.arrival, messages)


def list_arrivals(
    connection: Connection,
    tenants: Tenants,
    *,
    source: str,
    since: int,
    until: int,
    page: Cursor,
) -> list[StoredArrival]:
    """List arrivals received in a span, newest first, without their bodies."""
    table, state = schema.arrival, schema.arrival_state
    statement = (
        select(table.c.id, table.c.doc, state.c.state, state.c.reason)
        .outerjoin(state, state.c.arrival == table.c.id)
        .where(table.c.received_at >= since, table.c.received_at <= until)
        .order_by(table.c.id.desc())
        .limit(page.limit)
    )
    if source:
        statement = statement.where(table.c.source == source)
    if page.before is not None:
        statement = statement.where(table.c.id < page.before)
    found = connection.execute(_of_tenants(connection, statement, tenants)).all()
    messages = _messages_of(connection, [row.id for row in found])
    return [_stored(row, decode(row.doc, Arrival), messages) for row in found]


def _messages_of(connection: Connection, arrivals: Sequence[int]) -> dict[int, list[int]]:
    messages: dict[int, list[int]] = {}
    if arrivals:
        table = schema.message_arrival
        for row in connection.execute(
            select(table.c.arrival, table.c.message)
            .where(among(connection, table.c.arrival, arrivals))
            .order_by(table.c.arrival, table.c.message)
        ):
            messages.setdefault(row.arrival, []).append(row.message)
    return messages


def _stored(row: Any, arrival: Arrival, messages: dict[int, list[int]]) -> StoredArrival:
    return StoredArrival(
        arrival=arrival,
        state=row.state or "done",
        reason=decode(row.reason, Quarantined) if row.reason else None,
        messages=tuple(messages.get(arrival.id, ())),
    )


def list_quarantine(
    connection: Connection, tenants: Tenants, page: Cursor
) -> list[QuarantinedArrival]:
    """List quarantined arrivals, newest first, without their bodies."""
    table, state = schema.arrival, schema.arrival_state
    statement = (
        select(table.c.doc, state.c.reason)
        .join(state, state.c.arrival == table.c.id)
        .where(state.c.state == "quarantined", state.c.reason.is_not(None))
        .order_by(state.c.arrival.desc())
        .limit(page.limit)
    )
    if page.before is not None:
        statement = statement.where(state.c.arrival < page.before)
    return [
        QuarantinedArrival(arrival=decode(row.doc, Arrival), reason=decode(row.reason, Quarantined))
        for row in connection.execute(_of_tenants(connection, statement, tenants))
    ]


def set_state(
    connection: Connection,
    tenants: Tenants,
    identifier: int,
    state: ArrivalState,
    *,
    when: ArrivalState,
) -> None:
    """Put an arrival from one state into another."""
    table, states = schema.arrival, schema.arrival_state
    statement = (
        select(table.c.tenant, table.c.doc, table.c.body, table.c.blob).where(
            table.c.id == identifier
        )
    ).with_for_update()
    row = connection.execute(_of_tenants(connection, statement, tenants)).one_or_none()
    if row is None:
        raise NotFound("there is no such arrival")
    mine = states.c.arrival == identifier
    found = connection.scalar(select(states.c.state).where(mine).with_for_update()) or "done"
    if found != when:
        raise Refused(f"the arrival is {found}, not {when}")
    if state == "done":
        connection.execute(delete(states).where(mine))
    elif found == "done":
        size = BIG_BODY if row.blob else len(row.body)
        arrival = decode(row.doc, Arrival)
        place = of_lane(arrival.tenant, arrival.lane)
        flow = flow_of(row.tenant, arrival.source_kind)
        values = {
            "arrival": identifier, "state": state, "size": size, "partition": place, "flow": flow,
            "xid": number_of(connection),
        }  # fmt: skip
        connection.execute(insert_into(connection, states).values(**values))
    else:
        # The reason is kept: it tells why a discarded arrival was in quarantine.
        connection.execute(update(states).where(mine).values(state=state))

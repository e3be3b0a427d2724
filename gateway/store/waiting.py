"""Arrivals that wait, read in the order in which they were stored, the flows in turn."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import BigInteger, BindParameter, Connection, bindparam, select, text, tuple_

from gateway.domain.arrival import Mark
from gateway.domain.flow import in_turn
from gateway.domain.partition import Share, mask
from gateway.store import schema
from gateway.store.arrivals import Found, found_in
from gateway.store.statements import fetch, query
from gateway.store.transactions import FLOWS, OLDEST_OPEN, SERVER

_state = schema.arrival_state.c


def _number(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger())


_FLOWS = {
    engine: text(f"{FLOWS} SELECT flow, {server} AS server FROM found WHERE flow IS NOT NULL")  # noqa: S608 - constants
    for engine, server in SERVER.items()
}
_WAITING = {
    engine: select(_state.arrival, _state.size, _state.xid, oldest_open.label("oldest_open"))
    .where(
        _state.state == "waiting",
        _state.flow == bindparam("flow"),
        tuple_(_state.xid, _state.arrival) > tuple_(_number("xid"), _number("arrival")),
        text(schema.MINE),
    )
    .order_by(_state.xid, _state.arrival)
    .limit(bindparam("most"))
    for engine, oldest_open in OLDEST_OPEN.items()
}


class FoundWaiting(NamedTuple):
    """One that waits, and from where to read on after it."""

    found: Found
    mark: Mark


def waiting(
    connection: Connection,
    *,
    after: Mapping[str, Mark],
    limit: int,
    max_bytes: int,
    share: Share | None,
    but: Collection[int],
) -> list[FoundWaiting]:
    """Read waiting arrivals, of each flow the oldest, as many as fit, but one at least.

    A mark of another server than the one that answers says nothing: all that waits is read.
    """
    marks: dict[int, Mark] = {}
    total = 0
    # What is known already is read again, for it may all lie before what is not.
    most, mine = limit + len(but), mask(share)
    engine, queues, server = connection.dialect.name, [], 0
    for row in query(connection, _FLOWS[engine]):
        mark, server = after.get(row.flow, Mark()), row.server
        if mark.server != server:
            mark = Mark()
        queues.append(
            query(
                connection, _WAITING[engine],
                flow=row.flow, xid=mark.xid, arrival=mark.arrival, most=most, mine=mine,
            )
        )  # fmt: skip
    for row in in_turn([one for one in queue if one.arrival not in but] for queue in queues):
        total += row.size
        if marks and (total > max_bytes or len(marks) == limit):
            break
        marks[row.arrival] = min(
            Mark(row.xid, row.arrival, server), Mark(row.oldest_open, 0, server)
        )
    rows = fetch(connection, schema.arrival, "id", marks, "id", "doc", "body", "blob")
    found = {row.id: found_in(row) for row in rows}
    return [FoundWaiting(found[one], mark) for one, mark in marks.items() if one in found]

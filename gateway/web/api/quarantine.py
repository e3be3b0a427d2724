"""The quarantine: list, read, run again or discard."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from gateway.errors import NotFound
from gateway.store.operations import Cursor, StoredArrival
from gateway.web.api.operation import Answer, Call, Operation
from gateway.web.api.paging import Limit, QuarantineCursor, cut, read_cursor, write_cursor
from gateway.web.shapes.arrival import (
    ArrivalDocument,
    ArrivalPage,
    ArrivalSummary,
    arrival_document,
    quarantined_summary,
    stored_summary,
)


class QuarantineQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page to list."""

    before: QuarantineCursor = ""
    limit: Limit = 50


class Replay(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to run it again."""

    release: Annotated[
        bool, Meta(description="Let it pass although a plugin holds or refuses it.")
    ] = False


async def list_quarantine(call: Call) -> Answer:
    """List the quarantine."""
    query: QuarantineQuery = call.query
    before = read_cursor("quarantine", "before", query.before)
    found = await call.services.store.quarantine(
        call.caller.tenants, Cursor(before=before, limit=query.limit + 1)
    )
    rows, last = cut(found, query.limit)
    return Answer(
        value=ArrivalPage(
            items=tuple(quarantined_summary(one) for one in rows),
            next=write_cursor("quarantine", last.arrival.id) if last else None,
        )
    )


async def get_quarantined(call: Call) -> Answer:
    """Read a quarantined or discarded arrival."""
    found = await call.services.store.arrival(call.caller.tenants, call.ids["arrival"])
    if found.state not in ("quarantined", "discarded"):
        raise NotFound(found.state)
    return Answer(value=arrival_document(found, with_body=call.caller.may("operate")))


async def replay_quarantined(call: Call) -> Answer:
    """Run it again."""
    replay: Replay = call.body
    caller = call.caller
    await call.services.operator.replay_arrival(
        caller.tenants, call.ids["arrival"], release=replay.release, who=caller.who
    )
    return Answer(value=stored_summary(await _stored(call)))


async def discard_quarantined(call: Call) -> Answer:
    """Discard it."""
    caller = call.caller
    await call.services.operator.discard_arrival(caller.tenants, call.ids["arrival"], caller.who)
    return Answer(value=stored_summary(await _stored(call)))


async def _stored(call: Call) -> StoredArrival:
    return await call.services.store.arrival(call.caller.tenants, call.ids["arrival"])


OPERATIONS = (
    Operation(
        name="list_quarantine", method="GET", path="/quarantine", scope="read", tag="quarantine",
        summary="List quarantined arrivals, newest first", run=list_quarantine,
        query=QuarantineQuery, answer=ArrivalPage,
    ),
    Operation(
        name="get_quarantined", method="GET", path="/quarantine/{arrival}", scope="read",
        tag="quarantine", summary="Read a quarantined or discarded arrival",
        description="Its bytes, as received and not redacted, are there for the scope `operate`.",
        run=get_quarantined, answer=ArrivalDocument,
    ),
    Operation(
        name="replay_quarantined", method="POST", path="/quarantine/{arrival}/replay",
        scope="operate", tag="quarantine", summary="Run a quarantined arrival again", status=202,
        run=replay_quarantined, body=Replay, body_needed=False, answer=ArrivalSummary,
        problems=("refused",),
    ),
    Operation(
        name="discard_quarantined", method="POST", path="/quarantine/{arrival}/discard",
        scope="operate", tag="quarantine", summary="Discard a quarantined arrival",
        description="It is not run again, and stays visible by its id.",
        run=discard_quarantined, answer=ArrivalSummary, problems=("refused",),
    ),
)  # fmt: skip

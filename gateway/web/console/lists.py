"""The pages of what needs a person: the quarantine and the dead letters."""

from __future__ import annotations

from aiohttp import web

from gateway.store.operations import Cursor, DeliveryFilter
from gateway.web.api.callers import Caller
from gateway.web.api.deliveries import DEAD
from gateway.web.api.paging import cut, read_cursor, write_cursor
from gateway.web.api.reading import read_query
from gateway.web.console.queries import Older
from gateway.web.console.rendering import render
from gateway.web.services import Services
from gateway.web.shapes.arrival import quarantined_summary
from gateway.web.shapes.delivery import delivery_document

ROWS = 50


async def quarantine_page(request: web.Request, services: Services, caller: Caller) -> web.Response:
    """Show the quarantine."""
    before = read_cursor("quarantine", "before", read_query(Older, request).before)
    found = await services.store.quarantine(caller.tenants, Cursor(before=before, limit=ROWS + 1))
    rows, last = cut(found, ROWS)
    return render(
        services,
        "quarantine.html",
        rows=[quarantined_summary(one) for one in rows],
        next=write_cursor("quarantine", last.arrival.id) if last else None,
    )


async def dead_letters_page(
    request: web.Request, services: Services, caller: Caller
) -> web.Response:
    """Show dead and unknown deliveries."""
    before = read_cursor("deliveries", "before", read_query(Older, request).before)
    found = await services.store.deliveries(
        caller.tenants, DeliveryFilter(states=DEAD), Cursor(before=before, limit=ROWS + 1)
    )
    rows, last = cut(found, ROWS)
    return render(
        services,
        "dead_letters.html",
        rows=[delivery_document(one) for one in rows],
        next=write_cursor("deliveries", last.id) if last else None,
    )

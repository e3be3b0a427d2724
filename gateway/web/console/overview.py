"""The first page: what is sick, what waits, the latest conversations and what was decided."""

from __future__ import annotations

import msgspec
from aiohttp import web

from gateway.domain.decision import Decision
from gateway.domain.ids import read
from gateway.errors import StoreError
from gateway.store.operations import ConversationFilter, Cursor, DeliveryFilter
from gateway.web.api.callers import Caller
from gateway.web.api.deliveries import DEAD
from gateway.web.api.health import counts_document
from gateway.web.api.paging import cut, read_cursor, write_cursor
from gateway.web.api.reading import read_query
from gateway.web.console.queries import Older
from gateway.web.console.rendering import render
from gateway.web.probes import CountsReader, readiness
from gateway.web.redacting import summaries
from gateway.web.services import Services
from gateway.web.shapes.conversation import ConversationSummary
from gateway.web.shapes.decision import DecisionDocument, decision_document

ROWS = 25
TOLD = frozenset(
    {
        "answer", "duplicate", "hold", "identity", "link", "match", "merge", "refuse", "repeat",
        "reply", "route", "state",
    }
)  # fmt: skip
SHOWN = 3


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation with the latest that was decided about it."""

    conversation: ConversationSummary
    decisions: tuple[DecisionDocument, ...]


async def overview(
    request: web.Request, services: Services, caller: Caller, counts: CountsReader
) -> web.Response:
    """Show the first page."""
    before = read_cursor("conversations", "before", read_query(Older, request).before)
    page = Cursor(before=before, limit=ROWS + 1)
    found = await services.store.conversations(caller.tenants, ConversationFilter(), page)
    rows, last = cut(found, ROWS)
    shown = await summaries(services.store, services.redact, caller.tenants, rows)
    return render(
        services,
        "overview.html",
        readiness=readiness(services, caller.tenants),
        counts=await _counts(caller, counts),
        rests=await _rests(services, caller),
        rows=[await _row(services, caller, one) for one in shown],
        next=write_cursor("conversations", last.id) if last else None,
    )


async def _counts(caller: Caller, counts: CountsReader) -> object:
    if caller.tenants is not None:
        return None
    try:
        return counts_document(await counts.read())
    except StoreError:
        return None


async def _rests(services: Services, caller: Caller) -> list[tuple[str, str]]:
    """Name the pages on which something waits for a person, of what the caller may see."""
    store, one = services.store, Cursor(limit=1)
    found = []
    if await store.quarantine(caller.tenants, one):
        found.append(("/quarantine", "quarantine"))
    if await store.deliveries(caller.tenants, DeliveryFilter(states=DEAD), one):
        found.append(("/dead-letters", "dead letters"))
    return found


async def _row(services: Services, caller: Caller, shown: ConversationSummary) -> Row:
    identifier = read("conv", shown.id)
    decisions = await services.store.decisions(caller.tenants, conversation=identifier)
    return Row(conversation=shown, decisions=_latest(decisions))


def _latest(decisions: list[Decision]) -> tuple[DecisionDocument, ...]:
    told = [one for one in decisions if one.kind in TOLD]
    return tuple(decision_document(one) for one in told[-SHOWN:])

"""The API's routes, made from its table of operations."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from gateway.core.tracing import span
from gateway.web.api.callers import Caller, read_bearer
from gateway.web.api.operation import PREFIX, Answer, Call, Operation
from gateway.web.api.reading import read_body, read_ids, read_key, read_query
from gateway.web.api.table import OPERATIONS
from gateway.web.bodies import Bodies
from gateway.web.guards import CALLER, Handler
from gateway.web.probes import CountsReader
from gateway.web.services import Services

NOBODY = Caller(name="", scopes=frozenset(), tenants=frozenset())


def add_api(app: web.Application, services: Services, bodies: Bodies, counts: CountsReader) -> None:
    """Add every operation of the table; the API has no other routes."""
    for operation in OPERATIONS:
        handler = _handler(operation, services, bodies, counts)
        app.router.add_route(operation.method, PREFIX + operation.path, handler)


def _handler(
    operation: Operation, services: Services, bodies: Bodies, counts: CountsReader
) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        caller = NOBODY
        if operation.scope is not None:
            caller = read_bearer(services.tokens, request.headers.get("Authorization", ""))
            request[CALLER] = caller.name
            caller.needs(operation.scope)
        ids = read_ids(operation, request.match_info)
        query: Any = read_query(operation.query or _Nothing, request)
        key = read_key(request) if operation.takes_key else ""
        body = None if operation.method == "GET" else await read_body(operation, request, bodies)
        with span("web.api", operation=operation.name):
            call = Call(
                services=services, counts=counts, caller=caller, ids=ids, query=query, body=body,
                key=key,
            )  # fmt: skip
            return _response(operation, await operation.run(call))

    return handle


class _Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The query of an operation that has none."""


def _response(operation: Operation, answer: Answer) -> web.Response:
    if isinstance(answer.value, bytes):
        media_type, body = "application/octet-stream", answer.value
    else:
        media_type, body = "application/json", msgspec.json.encode(answer.value)
    return web.Response(
        status=operation.status, body=body, headers={**answer.headers, "Content-Type": media_type}
    )

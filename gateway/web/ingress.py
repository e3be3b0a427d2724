"""Ways in for webhooks: a connector's routes below ``/in/NAME``, a plugin's below ``/plugins/NAME``."""

from __future__ import annotations

from aiohttp import web

from gateway.config.addresses import Network
from gateway.contracts.web import Route, WebRequest, WebResponse
from gateway.core.tracing import span
from gateway.web.bodies import Bodies
from gateway.web.guards import CALLER, Handler
from gateway.web.peers import peer_of
from gateway.web.services import Services


def add_ingress(
    app: web.Application, services: Services, bodies: Bodies, trusted: tuple[Network, ...]
) -> None:
    """Add every route that connectors and plugins answer."""
    for name, kind, route in services.routes:
        handler = _handler(services, bodies, trusted, f"/in/{name}", f"{kind}/{name}", route)
        app.router.add_route(route.method, f"/in/{name}{route.path}", handler)
    for name, route in services.plugin_routes:
        handler = _handler(services, bodies, trusted, f"/plugins/{name}", f"plugin/{name}", route)
        app.router.add_route(route.method, f"/plugins/{name}{route.path}", handler)


async def read_request(
    request: web.Request,
    services: Services,
    bodies: Bodies,
    trusted: tuple[Network, ...],
    prefix: str,
) -> WebRequest:
    """Read a request as connectors and plugins see it.

    Args:
        prefix: what their paths do not show.

    Raises:
        Problem: the body is over a limit.
    """
    return WebRequest(
        method=request.method,
        path=request.path.removeprefix(prefix),
        public_url=services.public_url.rstrip("/") + _target(request),
        headers=_headers(request),
        query=tuple(request.query.items()),
        params=dict(request.match_info),
        body=await bodies.read(request),
        peer=peer_of(request, trusted),
    )


def _handler(
    services: Services,
    bodies: Bodies,
    trusted: tuple[Network, ...],
    prefix: str,
    part: str,
    route: Route,
) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        request[CALLER] = part
        with span("web.ingress", part=part, route=route.path):
            asked = await read_request(request, services, bodies, trusted, prefix)
            return _response(part, route, await route.handler(asked))

    return handle


def _response(part: str, route: Route, answer: WebResponse) -> web.Response:
    if not isinstance(answer, WebResponse):
        raise TypeError(
            f"{part} answered {route.method} {route.path} with {type(answer).__name__}; "
            "a WebResponse is expected: mend or update the plugin"
        )
    response = web.Response(status=answer.status, body=answer.body, headers=answer.headers or None)
    response.headers["Content-Type"] = answer.content_type
    return response


def _headers(request: web.Request) -> dict[str, str]:
    """Headers by lower-case name; one that came several times is joined (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def _target(request: web.Request) -> str:
    """Path and query byte for byte as they were sent, since signatures are checked over them."""
    target = request.raw_path
    return target if target.startswith("/") else request.rel_url.raw_path_qs

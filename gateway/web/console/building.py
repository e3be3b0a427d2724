"""The routes of the pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
from aiohttp import web
from markupsafe import Markup

from gateway.config.addresses import Network
from gateway.contracts.console import ConsolePage
from gateway.web.api.callers import Caller
from gateway.web.bodies import Bodies
from gateway.web.console.access import admit
from gateway.web.console.conversation import conversation_page
from gateway.web.console.lists import dead_letters_page, quarantine_page
from gateway.web.console.overview import overview
from gateway.web.console.rendering import render, style
from gateway.web.guards import Handler
from gateway.web.ingress import read_request
from gateway.web.probes import CountsReader
from gateway.web.problems import Problem
from gateway.web.services import Services

Page = Callable[[web.Request, Services, Caller], Awaitable[web.Response]]
_PRIVATE = frozenset({"authorization", "cookie"})


def add_console(
    app: web.Application,
    services: Services,
    bodies: Bodies,
    counts: CountsReader,
    trusted: tuple[Network, ...],
) -> None:
    """Add the gateway's own pages and those of its plugins."""
    for path, page in (
        ("/", partial(overview, counts=counts)),
        ("/conversations/{conversation}", conversation_page),
        ("/quarantine", quarantine_page),
        ("/dead-letters", dead_letters_page),
    ):
        app.router.add_get(path, _guarded(services, page))
    for plugin, added in services.console_pages:
        prefix = f"/pages/{plugin}"
        shown = _plugin_page(added, prefix, bodies, trusted)
        app.router.add_get(prefix + added.path, _guarded(services, shown))

    async def sheet(_: web.Request) -> web.Response:
        return style()

    app.router.add_get("/console.css", sheet)


def _guarded(services: Services, page: Page) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        return await page(request, services, admit(request, services))

    return handle


def _plugin_page(
    page: ConsolePage, prefix: str, bodies: Bodies, trusted: tuple[Network, ...]
) -> Page:
    async def handle(request: web.Request, services: Services, caller: Caller) -> web.Response:
        if caller.tenants is not None:
            detail = "A plugin's page may show every tenant; this needs a token for all of them."
            raise Problem("forbidden", detail)
        asked = await read_request(request, services, bodies, trusted, prefix)
        headers = {name: text for name, text in asked.headers.items() if name not in _PRIVATE}
        inner = await page.render(msgspec.structs.replace(asked, headers=headers))
        # The plugin escapes what people wrote: that is its contract.
        return render(services, "page.html", title=page.title, inner=Markup(inner))  # noqa: S704

    return handle

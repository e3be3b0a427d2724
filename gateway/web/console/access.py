"""Who may see the pages: whoever sits at this machine, else who has a token."""

from __future__ import annotations

from aiohttp import web

from gateway.web.api.callers import Caller, read_basic
from gateway.web.guards import CALLER
from gateway.web.peers import came_straight_from_here, is_loopback
from gateway.web.problems import Problem
from gateway.web.services import Services

CHALLENGE = {"WWW-Authenticate": 'Basic realm="intake-gateway", charset="UTF-8"'}
LOCAL = Caller(name="", scopes=frozenset({"read"}), tenants=None)


def admit(request: web.Request, services: Services) -> Caller:
    """Find out who looks at a page.

    While the gateway listens on a loopback address, the pages are open to this machine. A request
    that came through a proxy, or under another host name, needs a token like anybody from outside.

    Raises:
        Problem: 401 without a token, 403 for one without the scope ``read``.
    """
    if is_loopback(services.web.listen.host) and came_straight_from_here(request):
        return LOCAL
    caller = read_basic(services.tokens, request.headers.get("Authorization", ""))
    if caller is None:
        detail = (
            "Give an API token with the scope 'read' as the password; the user name does not matter."
            if services.tokens
            else "No tokens are configured: add [api.tokens.NAME] to the configuration."
        )
        raise Problem("unauthenticated", detail, headers=CHALLENGE)
    request[CALLER] = caller.name
    caller.needs("read")
    return caller

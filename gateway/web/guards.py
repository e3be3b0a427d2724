"""What every request passes: the access log, problems for errors, limits, and safe headers."""

from __future__ import annotations

import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import PurePath

from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.config.addresses import Network
from gateway.contracts.services import Log
from gateway.core.deadlines import Deadlines
from gateway.web.bodies import Bodies, still_reading
from gateway.web.peers import peer_of
from gateway.web.problems import Problem, as_problem

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CALLER = web.RequestKey("caller", str)
QUIET = frozenset({"/livez", "/readyz", "/metrics"})
PROGRAMS = ("/api/", "/in/", "/plugins/", *QUIET)
SERVER = "intake-gateway"


def access_log(log: Log, trusted: tuple[Network, ...]) -> Middleware:
    """Log each request by its route: neither queries nor what stands in a path are written down.

    What operators' machines ask every few seconds is logged only when it fails.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.monotonic()
        response = await handler(request)
        if request.path in QUIET and response.status < 400:
            return response
        log.info(
            "request",
            method=request.method,
            route=_route(request),
            status=response.status,
            took_ms=round((time.monotonic() - started) * 1000, 1),
            peer=peer_of(request, trusted),
            caller=request.get(CALLER, ""),
        )
        return response

    return middleware


def problems(
    log: Log, page: Callable[[web.Request, Problem], web.Response] | None = None
) -> Middleware:
    """Turn every error into a problem document; one that nobody foresaw tells no details.

    Args:
        page: makes a page of a problem instead, for people.
    """

    def answer(request: web.Request, problem: Problem) -> web.Response:
        if page is not None and _is_for_people(request):
            return page(request, problem)
        return problem.answer(request.path)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Exception as error:
            problem = as_problem(error)
            if problem is not None:
                return answer(request, problem)
            if isinstance(error, web.HTTPException):
                raise
            _report(log, request, error)
            detail = "This is a fault of the gateway; an operator finds more in its log."
            return answer(request, Problem("internal", detail))

    return middleware


def limits(bodies: Bodies, *, seconds: float, most: int) -> Middleware:
    """Refuse a request while too many are worked on, and cut off one that takes too long.

    Args:
        seconds: that a request may take, its body included.
        most: requests at once; what asks for health is never refused.
    """
    active, deadlines = 0, Deadlines(seconds)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal active
        if request.path in QUIET:
            return await handler(request)
        if active >= most:
            raise Problem(
                "overloaded", f"{most} requests are being worked on already.", retry_after=1
            )
        active += 1
        limit = deadlines.limit()
        try:
            with limit:
                return await handler(request)
        except TimeoutError:
            if not limit.expired:
                raise
            raise _late(request, seconds) from None
        finally:
            active -= 1
            bodies.release(request)

    return middleware


async def add_safe_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Say to browsers that nothing here is to be guessed at, framed, run or kept."""
    headers = response.headers
    headers["Server"] = SERVER
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Cache-Control", "no-store")
    headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")


def _is_for_people(request: web.Request) -> bool:
    """Whether a browser asks for a page; what programs ask for answers with a document."""
    wants = "text/html" in request.headers.get("Accept", "")
    return wants and not request.path.startswith(PROGRAMS)


def _late(request: web.Request, seconds: float) -> Problem:
    if still_reading(request):
        detail = f"The body did not arrive within {seconds:g} seconds."
        return Problem("request_timeout", detail, headers={"Connection": "close"})
    return Problem("timeout", f"There was no answer within {seconds:g} seconds.", retry_after=5)


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


def _report(log: Log, request: web.Request, error: Exception) -> None:
    log.error(
        "request.failed",
        method=request.method,
        route=_route(request),
        error=f"{type(error).__name__}: {error}",
        where=_where(error),
    )


def _where(error: Exception) -> str:
    """File and line that raised; never the values that were there."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    return f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}"

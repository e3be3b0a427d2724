"""A connector's routes on a real loopback server, below ``/in/here``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from gateway import Route, WebRequest, WebResponse

PREFIX = "/in/here"


@asynccontextmanager
async def serve_routes(routes: Sequence[Route]) -> AsyncIterator[str]:
    """Serve routes and give the URL they are below."""
    app = web.Application(client_max_size=32 * 1024 * 1024)
    for route in routes:
        app.router.add_route(route.method, PREFIX + route.path, _handler(route))
    async with serve_app(app) as url:
        yield url + PREFIX


@asynccontextmanager
async def serve_app(app: web.Application) -> AsyncIterator[str]:
    """Serve an application on a free loopback port and give its URL."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _handler(route: Route) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        answer: WebResponse = await route.handler(
            WebRequest(
                method=request.method,
                path=request.path.removeprefix(PREFIX),
                public_url=str(request.url),
                headers={name.lower(): value for name, value in request.headers.items()},
                query=tuple(request.query.items()),
                params=dict(request.match_info),
                body=await request.read(),
                peer=request.remote or "",
            )
        )
        headers = {**answer.headers, "content-type": answer.content_type}
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    return handle

"""A connector's routes on a real loopback server, as the gateway serves them below ``/in/NAME``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from gateway.contracts.web import Route, WebRequest
from gateway.testing.context import NAME

LARGEST = 32 * 1024 * 1024


@asynccontextmanager
async def serve_routes(routes: Sequence[Route], *, name: str = NAME) -> AsyncGenerator[str]:
    """Serve routes on a free loopback port and give the URL they are below."""
    prefix = f"/in/{name}"
    app = web.Application(client_max_size=LARGEST)
    for route in routes:
        app.router.add_route(route.method, prefix + route.path, _handler(route, prefix))
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}{prefix}"
    finally:
        await runner.cleanup()


def _handler(route: Route, prefix: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        answer = await route.handler(
            WebRequest(
                method=request.method, path=request.path.removeprefix(prefix),
                public_url=str(request.url),
                headers={key.lower(): value for key, value in request.headers.items()},
                query=tuple(request.query.items()), params=dict(request.match_info),
                body=await request.read(), peer=request.remote or "",
            )
        )  # fmt: skip
        headers = {**answer.headers, "content-type": answer.content_type}
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    return handle

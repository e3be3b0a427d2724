"""A receiver of events on a loopback port, told beforehand how to answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from tests.unit.route_server import serve_app

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Receiver:
    """Keep what came in; answer 204, or as `answer` says.

    Args:
        url: where events are to be posted.
    """

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: Answer | None = None

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON of each event that came in."""
        return [msgspec.json.decode(body) for method, _, body in self.requests if method == "POST"]

    def say(self, status: int, *, body: Any = None, **headers: str) -> None:
        """Answer like this from now on; a body that is no bytes goes as JSON."""
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)

        async def answer(_: web.Request) -> web.Response:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return web.Response(status=status, body=data, headers=named)

        self.answer = answer

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Take one request."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((request.method, headers, await request.read()))
        return await self.answer(request) if self.answer else web.Response(status=204)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Run a receiver."""
    receiver = Receiver()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/hook", receiver.handle)
    async with serve_app(app) as url:
        receiver.url = f"{url}/hook"
        yield receiver

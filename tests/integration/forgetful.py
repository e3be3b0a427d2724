"""A web server's front that carries requests through and, when told, loses the answers to changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from tests.servers.ports import HOST


@dataclass(kw_only=True)
class Forgetful:
    """A running front.

    Args:
        target: the port of the server behind it.
        forgets: lose the answer to every POST from now on, after the server has acted on it.
        lost: the paths whose answers were lost.
    """

    target: int
    port: int = 0
    forgets: bool = False
    lost: list[str] = field(default_factory=list)

    async def carry(self, request: web.Request) -> web.StreamResponse:
        """Carry one request through."""
        body = await request.read()
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method,
                f"http://{HOST}:{self.target}{request.path_qs}",
                data=body or None,
                headers=headers,
            ) as answer,
        ):
            content = await answer.read()
        if self.forgets and request.method == "POST":
            self.lost.append(request.path)
            assert request.transport is not None
            request.transport.abort()
        kept = {k: v for k, v in answer.headers.items() if k.lower() in ("location", "retry-after")}
        return web.Response(
            status=answer.status, body=content, headers=kept, content_type="application/json"
        )


@asynccontextmanager
async def start_forgetful(target: int) -> AsyncIterator[Forgetful]:
    """Run a front before a server on the loopback interface until the block ends."""
    front = Forgetful(target=target)
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", front.carry)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, 0).start()
        front.port = runner.addresses[0][1]
        yield front
    finally:
        await runner.cleanup()

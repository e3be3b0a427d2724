"""The other side in a test: a chat and a ticket system on a loopback port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from gateway_example import signature

from gateway import Secret

KEY = Secret("a key that both sides know")


@dataclass
class Services:
    """What the other side was asked to do, once for each key."""

    url: str = ""
    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    tickets: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def made(self) -> int:
        """How many tickets and entries there are."""
        return len(self.tickets) + len(self.entries)

    async def spoken(self) -> int:
        """How many messages were said in the chat."""
        return len(self.said)

    async def handle(self, request: web.Request) -> web.Response:
        """Do it once for each key."""
        body = await request.read()
        if request.headers["x-signature"] != signature(KEY, body):
            return web.Response(status=401)
        if request.method == "GET":
            return web.json_response({"well": True})
        last = request.path.rpartition("/")[2]
        kept = {"messages": self.said, "tickets": self.tickets, "entries": self.entries}[last]
        key = request.headers["idempotency-key"]
        kept.setdefault(key, {**await request.json(), "id": f"{last}-{len(kept) + 1}"})
        return web.json_response({"id": kept[key]["id"]}, status=201)


@asynccontextmanager
async def serving() -> AsyncIterator[Services]:
    """Serve the other side on a free port."""
    services = Services()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", services.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        services.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield services
    finally:
        await runner.cleanup()

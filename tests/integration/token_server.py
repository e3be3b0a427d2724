"""An OAuth 2 token endpoint (RFC 6749) on the loopback interface."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.servers.ports import HOST


@dataclass(kw_only=True)
class TokenServer:
    """A running endpoint.

    Args:
        tokens: what it gives out, one after the other; the last one for ever.
        revoked: the owner has taken back the consent.
        given: what it has given out.
    """

    tokens: list[str]
    port: int = 0
    revoked: bool = False
    given: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self.port}/token"

    async def answer(self, _request: web.Request) -> web.Response:
        """Answer a token request."""
        if self.revoked:
            told = {"error": "invalid_grant", "error_description": "consent was taken back"}
            return web.json_response(told, status=400)
        token = self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]
        self.given.append(token)
        return web.json_response(
            {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
        )


@asynccontextmanager
async def start_token_server(*tokens: str) -> AsyncIterator[TokenServer]:
    """Run a token endpoint until the block ends."""
    server = TokenServer(tokens=list(tokens))
    app = web.Application()
    app.router.add_post("/token", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, 0).start()
        server.port = runner.addresses[0][1]
        yield server
    finally:
        await runner.cleanup()

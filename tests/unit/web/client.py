"""A client that speaks to the server over a real loopback socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL


@dataclass(frozen=True)
class Got:
    """An answer, read whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


@dataclass
class Client:
    """Sends requests to one port."""

    port: int
    session: aiohttp.ClientSession

    @classmethod
    @asynccontextmanager
    async def to(cls, port: int) -> AsyncIterator[Client]:
        """Open a client."""
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            yield cls(port, session)

    async def send(
        self,
        method: str,
        path: str,
        *,
        as_: str = "",
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> Got:
        """Send a request; the path goes out as it is given.

        Args:
            as_: name of the token to send.
        """
        sent = dict(headers or {})
        if as_:
            sent["Authorization"] = f"Bearer {as_}-token-0123456789"
        url = URL(f"http://127.0.0.1:{self.port}{path}", encoded=True)
        async with self.session.request(
            method, url, headers=sent, allow_redirects=False, **more
        ) as response:
            headers_got = {name.lower(): value for name, value in response.headers.items()}
            return Got(response.status, headers_got, await response.read())

    async def get(self, path: str, **more: Any) -> Got:
        """Send a GET."""
        return await self.send("GET", path, **more)

    async def post(self, path: str, **more: Any) -> Got:
        """Send a POST."""
        return await self.send("POST", path, **more)

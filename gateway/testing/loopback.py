"""HTTP that reaches this machine only, and can be told to go wrong."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

OWN = "localhost"
NOWHERE = ".invalid"  # never there (RFC 6761, 6.4)


class LeftTheMachine(AssertionError):
    """A test was about to talk to another machine; nothing that a plugin catches."""


class LoopbackHttp:
    """Outgoing HTTP in a test: any address but this machine's own is refused, names included.

    Set `lost` to lose the replies to that many requests after the target has answered them, or
    `down` to have every connection refused. `opened` counts the sessions, `sent` the requests.
    """

    def __init__(self) -> None:
        self.opened = self.sent = self.lost = 0
        self.down = False
        self.in_use = asyncio.Event()

    @asynccontextmanager
    async def session(
        self,
        *,
        trusted: bool = False,  # noqa: ARG002  # nothing outside is trusted in a test
        ssl: Any = True,
        middlewares: Sequence[Any] = (),
        **options: Any,
    ) -> AsyncGenerator[aiohttp.ClientSession]:
        """Open a client session; options are those of `aiohttp.ClientSession`."""
        self.opened += 1
        connector = aiohttp.TCPConnector(socket_factory=_socket, ssl=ssl, resolver=_Resolver())
        async with aiohttp.ClientSession(
            connector=connector, middlewares=(*middlewares, self._fault), **options
        ) as session:
            self.in_use.set()
            yield session

    async def _fault(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if self.down:
            refused = ConnectionRefusedError(111, "the test says that nobody is there")
            raise aiohttp.ClientConnectorError(request.connection_key, refused)
        self.sent += 1
        response = await handler(request)
        if self.lost:
            self.lost -= 1
            response.close()
            raise aiohttp.ServerDisconnectedError
        return response


class _Resolver(AbstractResolver):
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host.endswith(NOWHERE):
            raise OSError(socket.EAI_NONAME, "no such name")
        if host != OWN:
            raise LeftTheMachine(f"a test may reach {OWN} and 127.0.0.1, not {host}")
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        """Nothing is held."""


def _socket(info: Any) -> socket.socket:
    family, kind, protocol, _, address = info
    if not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback:
        raise LeftTheMachine(f"a test may reach 127.0.0.1 and [::1], not {address[0]}")
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setblocking(False)
    return made

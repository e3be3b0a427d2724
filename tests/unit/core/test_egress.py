"""Outgoing HTTP never reaches this machine's own network by an address that came with a message."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.core.egress import Forbidden, GuardedHttp, allowed

FORBIDDEN = [
    # this host and its networks
    "0.0.0.0", "0.1.2.3", "127.0.0.1", "127.1.2.3", "127.255.255.254", "10.0.0.1",
    "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255",
    "169.254.169.254", "169.254.0.1", "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1",
    "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255",
    # IPv6 of the same kind
    "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1",
    "ff05::2", "2001:db8::1", "3fff::1", "100::1", "2001::1", "2001:10::1", "5f00::1", "4000::1",
    "64:ff9b:1::1", "64:ff9b:1::7f00:1",
    # IPv4 in disguise
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
    "0:0:0:0:0:ffff:7f00:1", "::127.0.0.1", "::7f00:1", "::10.0.0.1", "::ffff:192.168.1.1",
    "64:ff9b::7f00:1", "64:ff9b::127.0.0.1", "64:ff9b::10.1.1.1", "64:ff9b::169.254.169.254",
    "64:ff9b::c0a8:101", "2002:7f00:1::", "2002:7f00:1::1", "2002:a00:1::1", "2002:c0a8:101::1",
    "2002:a9fe:a9fe::1", "2002:e000:1::", "64:ff9b::224.0.0.1", "::ffff:224.0.0.1",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "198.17.255.255", "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1",
]  # fmt: skip


@pytest.mark.parametrize("host", FORBIDDEN)
def test_forbidden_address(host: str) -> None:
    """No address of this host, its networks or the special ranges may be connected to."""
    assert not allowed(host, ())


@pytest.mark.parametrize("host", PUBLIC)
def test_public_address(host: str) -> None:
    """The public internet may be reached, also through the usual translations."""
    assert allowed(host, ())


def test_there_are_enough_vectors() -> None:
    """The list of tricks is as long as it claims to be."""
    assert len(set(FORBIDDEN)) >= 60


def test_networks_that_are_meant() -> None:
    """A network named in the configuration may be reached, in disguise as well, and only it."""
    from ipaddress import ip_network

    mine = [ip_network("10.1.0.0/16"), ip_network("fd00::/8")]
    assert [True, True, False, True, False] == [
        allowed(host, mine)
        for host in ("10.1.2.3", "::ffff:10.1.2.3", "10.2.0.1", "fd00::5", "127.0.0.1")
    ]


@pytest.mark.parametrize("host", ["", "localhost", "not an address"])
def test_what_is_no_address_is_no_way_out(host: str) -> None:
    """A name instead of an address is a fault, never an allowance."""
    with pytest.raises(ValueError, match="does not appear to be"):
        allowed(host, ())


class Double(AbstractResolver):
    """A resolver that changes its mind: harmless at the first question, this host afterwards."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked = list(answers), 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        address = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        pass


class Inside:
    """A server on this host that counts who reaches it."""

    def __init__(self) -> None:
        self.hits = 0
        self.port = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.hits += 1
        if "to" in request.query:
            raise web.HTTPFound(request.query["to"])
        return web.Response(text="secret")


@pytest.fixture
async def inside() -> AsyncIterator[Inside]:
    """Such a server on a free port."""
    server = Inside()
    app = web.Application()
    app.router.add_get("/{any:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    yield server
    await runner.cleanup()


HOSTS = ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1",
         "[::ffff:127.0.0.1]", "0.0.0.0", "127.0.0.1.", "user:pass@127.0.0.1"]  # fmt: skip


async def reach(session: aiohttp.ClientSession, url: str) -> BaseException | None:
    """Ask for a URL; the error that it ended with."""
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(5)) as response:
            await response.read()
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return error
    return None


@pytest.mark.parametrize("host", HOSTS)
async def test_no_spelling_of_this_host_is_reached(inside: Inside, host: str) -> None:
    """However an address of this host is written, nothing connects."""
    async with GuardedHttp().session() as session:
        assert None is not await reach(session, f"http://{host}:{inside.port}/")
    assert 0 == inside.hits


async def test_same_spellings_connect_without_the_guard(inside: Inside) -> None:
    """The negative control: for an address out of the configuration most of them do connect."""
    async with GuardedHttp().session(trusted=True) as session:
        reached = [await reach(session, f"http://{host}:{inside.port}/") for host in HOSTS]
    assert inside.hits >= 5
    assert None is reached[0]


async def test_name_that_changes_its_mind_is_not_followed(inside: Inside) -> None:
    """A name that resolves to this host at the second look is stopped at the socket."""
    resolver = Double("127.0.0.1")
    connector: Any
    async with GuardedHttp().session() as session:
        connector = session.connector
        connector._resolver = resolver
        error = await reach(session, f"http://rebinding.example:{inside.port}/")
    assert isinstance(error, aiohttp.ClientConnectorError)
    assert (1, 0) == (resolver.asked, inside.hits)


async def test_redirect_into_the_network_is_not_followed(inside: Inside) -> None:
    """Where a server that may be reached points elsewhere, the guard is asked again."""
    from ipaddress import ip_network

    async with GuardedHttp(["127.0.0.1/32"]).session() as session:
        error = await reach(
            session, f"http://127.0.0.1:{inside.port}/?to=http://127.0.0.2:{inside.port}/"
        )
    assert isinstance(error, aiohttp.ClientConnectorError)
    assert isinstance(error.os_error, Forbidden)
    assert 1 == inside.hits
    assert not allowed("127.0.0.2", [ip_network("127.0.0.1/32")])


async def test_refusal_says_what_to_do(inside: Inside) -> None:
    """The sentence names the address and the way out."""
    async with GuardedHttp().session() as session:
        error = await reach(session, f"http://127.0.0.1:{inside.port}/")
    assert "connections to 127.0.0.1 are not allowed; name its network" in str(error)

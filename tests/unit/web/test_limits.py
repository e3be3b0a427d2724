"""Bounds: how long, how many, how much at once, and how the server stops."""

from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.config.addresses import Listen
from gateway.config.server import WebSettings
from gateway.contracts.web import Route, WebRequest, WebResponse
from gateway.errors import Refused
from gateway.web.server import WebServer
from gateway.web.services import Services
from tests.unit.web.client import Client
from tests.unit.web.world import World, serving


class Gate:
    """A handler that waits until it is let go."""

    def __init__(self) -> None:
        self.entered = asyncio.Semaphore(0)
        self.open = asyncio.Event()

    async def __call__(self, request: WebRequest) -> WebResponse:
        self.entered.release()
        await self.open.wait()
        return WebResponse(body=b"done")


def _services(world: World, gate: Gate, *, seconds: float = 30, **more: int) -> Services:
    web = WebSettings(listen=Listen("127.0.0.1", 0), request_seconds=seconds, body_limit=4096)
    route = Route(method="POST", path="/hook", handler=gate)
    return world.services(routes=[("sms", "channel", route)], web=web, **more)


async def test_slow_answer_is_cut_off(world: World) -> None:
    """An answer that takes too long becomes a 503 with Retry-After."""
    async with serving(_services(world, Gate(), seconds=0.1)) as client:
        got = await client.post("/in/sms/hook")
    assert (got.status, got.headers["retry-after"], got.json["detail"]) == (
        503, "5", "There was no answer within 0.1 seconds.",
    )  # fmt: skip


async def test_slow_body_is_cut_off(world: World) -> None:
    """A body that trickles in gets a 408 and its connection is closed."""
    async with serving(_services(world, Gate(), seconds=0.2)) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(b"POST /in/sms/hook HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        answer = await asyncio.wait_for(reader.readuntil(b"}"), 5)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"The body did not arrive within 0.2 seconds." in answer


async def test_too_many_at_once(world: World) -> None:
    """More requests than allowed at once get a 503; health still answers; then it goes on."""
    gate = Gate()
    async with serving(_services(world, gate, most_requests=2)) as client:
        first = [asyncio.create_task(client.post("/in/sms/hook")) for _ in range(2)]
        for _ in first:
            await gate.entered.acquire()
        got = await client.post("/in/sms/hook")
        assert (got.status, got.headers["retry-after"], got.json["detail"]) == (
            503, "1", "2 requests are being worked on already.",
        )  # fmt: skip
        assert (await client.get("/livez")).status == 200
        assert (await client.get("/readyz")).status == 200
        gate.open.set()
        assert [200, 200] == [one.status for one in await asyncio.gather(*first)]
        assert (await client.post("/in/sms/hook")).status == 200


async def test_too_many_bytes_at_once(world: World) -> None:
    """Bodies that together fill their memory are refused until one is done with."""
    gate = Gate()
    async with serving(_services(world, gate, most_bytes=5000)) as client:
        first = asyncio.create_task(client.post("/in/sms/hook", data=b"x" * 3000))
        await gate.entered.acquire()
        got = await client.post("/in/sms/hook", data=b"x" * 3000)
        assert (got.status, got.json["title"]) == (503, "Too much at once")
        gate.open.set()
        assert (await first).status == 200
        assert (await client.post("/in/sms/hook", data=b"x" * 3000)).status == 200


async def test_huge_headers_are_refused(client: Client) -> None:
    """Headers over 16 KiB are refused before anything else happens."""
    got = await client.get("/livez", headers={"X-Big": "x" * 20_000})
    assert got.status == 400


async def test_stop_lets_running_requests_finish(world: World) -> None:
    """A stop takes no new connections and lets the request that runs answer."""
    gate = Gate()
    server = WebServer(_services(world, gate))
    port = await server.start("127.0.0.1", 0)
    async with Client.to(port) as client:
        running = asyncio.create_task(client.post("/in/sms/hook"))
        await gate.entered.acquire()
        stopping = asyncio.create_task(server.stop())
        async with asyncio.timeout(5):
            while _listens(port):  # noqa: ASYNC110 - nothing but a try tells
                await asyncio.sleep(0)
        gate.open.set()
        assert (await running).body == b"done"
        await stopping


async def test_taken_port_is_an_error(world: World) -> None:
    """Starting on a taken port raises, and leaves nothing running behind."""
    first, second = WebServer(world.services()), WebServer(world.services())
    port = await first.start("127.0.0.1", 0)
    try:
        with pytest.raises(
            Refused, match=f"cannot listen on 127.0.0.1:{port}: address already in use"
        ):
            await second.start("127.0.0.1", port)
    finally:
        await first.stop()
    assert await second.start("127.0.0.1", port) == port
    await second.stop()


async def test_stop_twice_is_harmless(world: World) -> None:
    """A server that was never started, or is stopped, can be stopped."""
    server = WebServer(world.services())
    await server.stop()
    port = await server.start("127.0.0.1", 0)
    await server.stop()
    await server.stop()
    assert not _listens(port)


def _listens(port: int) -> bool:
    """Whether anybody listens; a connection to try it might be left to a server that is closing."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False

"""Ways in for webhooks: what connectors see of a request, and what callers see of a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.config.addresses import Listen, Network
from gateway.config.server import WebSettings
from gateway.contracts.web import Route, WebRequest, WebResponse
from gateway.errors import Overloaded, StoreUnavailable
from gateway.web.services import Services
from tests.unit.web.client import Client
from tests.unit.web.world import World, serving

Handler = Callable[[WebRequest], Awaitable[WebResponse]]


class Seen:
    """A handler that keeps what it was given."""

    def __init__(self, answer: WebResponse | Exception | None = None) -> None:
        self.requests: list[WebRequest] = []
        self.answer = answer or WebResponse(status=202, body=b"thanks", headers={"x-id": "7"})

    async def __call__(self, request: WebRequest) -> WebResponse:
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def _services(world: World, handler: Handler, **more: Any) -> Services:
    routes = [
        ("sms", "channel", Route(method="POST", path="/hook/{number}", handler=handler)),
        ("desk", "backend", Route(method="GET", path="/tickets", handler=handler)),
    ]
    plugin = [("survey", Route(method="POST", path="/answers", handler=handler))]
    return world.services(routes=routes, plugin_routes=plugin, **more)


async def test_connector_sees_the_request(world: World) -> None:
    """A connector gets path, query, headers and bytes as they were sent."""
    seen = Seen()
    async with serving(_services(world, seen)) as client:
        got = await client.post(
            "/in/sms/hook/%2B49%2030?b=2&a=%20&b=1",
            data=b"\x00\xff",
            headers={"X-Signature": "abc", "Content-Type": "application/weird"},
        )
    assert (got.status, got.body, got.headers["x-id"]) == (202, b"thanks", "7")
    [request] = seen.requests
    assert (request.method, request.path, request.body) == ("POST", "/hook/+49 30", b"\x00\xff")
    assert request.query == (("b", "2"), ("a", " "), ("b", "1"))
    assert request.params == {"number": "+49 30"}
    assert (request.headers["x-signature"], request.peer) == ("abc", "127.0.0.1")


async def test_public_url_never_comes_from_the_host_header(world: World) -> None:
    """Signatures are checked over the configured URL with the target byte for byte as sent."""
    seen = Seen()
    async with serving(_services(world, seen)) as client:
        await client.post("/in/sms/hook/%2B49?a=%20b&c=+", headers={"Host": "evil.example"})
    assert seen.requests[0].public_url == (
        "https://gateway.example.org/base/in/sms/hook/%2B49?a=%20b&c=+"
    )


async def test_public_url_may_end_with_a_slash(world: World) -> None:
    """A slash at the end of the configured URL does not become two."""
    seen = Seen()
    async with serving(_services(world, seen, public_url="https://gw.example.org/")) as client:
        await client.post("/in/sms/hook/1")
    assert seen.requests[0].public_url == "https://gw.example.org/in/sms/hook/1"


async def test_absolute_target_is_not_believed(world: World) -> None:
    """A request line with a whole URL in it names no other host to the connector."""
    seen = Seen()
    async with serving(_services(world, seen)) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(
            b"POST http://evil.example/in/sms/hook/1?x=%20 HTTP/1.1\r\nHost: evil.example\r\n"
            b"Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 202")
    assert seen.requests[0].public_url == "https://gateway.example.org/base/in/sms/hook/1?x=%20"


async def test_compressed_bytes_are_left_alone(world: World) -> None:
    """A body reaches its connector byte for byte, so that no small bomb unfolds on the way."""
    seen = Seen()
    async with serving(_services(world, seen)) as client:
        got = await client.post(
            "/in/sms/hook/1", data=b"\x1f\x8b not really", headers={"Content-Encoding": "gzip"}
        )
    assert (got.status, seen.requests[0].body) == (202, b"\x1f\x8b not really")


async def test_headers_that_repeat_are_joined(world: World) -> None:
    """A header that comes twice is joined in order, as HTTP says."""
    seen = Seen()
    async with serving(_services(world, seen)) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(
            b"GET /in/desk/tickets HTTP/1.1\r\nHost: x\r\nX-Tag: a\r\nx-tag: b\r\n"
            b"Connection: close\r\n\r\n"
        )
        await reader.read()
        writer.close()
    assert seen.requests[0].headers["x-tag"] == "a, b"


async def test_plugins_answer_below_their_own_prefix(world: World) -> None:
    """A plugin's routes are below /plugins/NAME and see their own path."""
    seen = Seen()
    async with serving(_services(world, seen)) as client:
        got = await client.post("/plugins/survey/answers", data=b"5")
    assert (got.status, seen.requests[0].path) == (202, "/answers")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/in/nobody/hook/1", 404),
        ("POST", "/in/sms", 404),
        ("POST", "/in/sms/hook/1/2", 404),
        ("POST", "/plugins/sms/hook/1", 404),
        ("GET", "/in/sms/hook/1", 405),
    ],
)
async def test_unknown_routes(world: World, method: str, path: str, status: int) -> None:
    """What no connector answers is a problem document, and nothing is called."""
    seen = Seen()
    async with serving(_services(world, seen)) as client:
        got = await client.send(method, path)
    assert (got.status, got.json["instance"], seen.requests) == (status, path, [])


@pytest.mark.parametrize(
    ("error", "retry"), [(Overloaded("full"), "2"), (StoreUnavailable("disk full"), "5")]
)
async def test_nothing_is_acknowledged_that_was_not_stored(
    world: World, error: Exception, retry: str
) -> None:
    """When the store takes nothing in, the sender is asked to come back later."""
    async with serving(_services(world, Seen(error))) as client:
        got = await client.post("/in/sms/hook/1")
    assert (got.status, got.headers["retry-after"], got.json["detail"]) == (
        503, retry, "Nothing was stored; come back later.",
    )  # fmt: skip


async def test_failing_handler_is_a_500_without_details(world: World) -> None:
    """A connector that raises answers 500 and tells the caller nothing about it."""
    async with serving(_services(world, Seen(ValueError("token s3cret is bad")))) as client:
        got = await client.post("/in/sms/hook/1?token=s3cret")
    assert (got.status, got.json["detail"]) == (
        500, "This is a fault of the gateway; an operator finds more in its log.",
    )  # fmt: skip
    assert b"s3cret" not in got.body
    assert ["/in/sms/hook/{number}"] * 2 == [facts["route"] for *_, facts in world.log.lines]


async def test_secrets_in_paths_are_not_logged(world: World) -> None:
    """The access log names the route, so that a secret in a path or query stays out of it."""
    async with serving(_services(world, Seen())) as client:
        await client.post("/in/sms/hook/s3cret?key=s3cret")
        await client.post("/in/s3cret/unknown")
    assert [facts["route"] for *_, facts in world.log.lines] == [
        "/in/sms/hook/{number}", "unknown",
    ]  # fmt: skip
    assert "s3cret" not in str(world.log.lines)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "peer"),
    [
        ((), "203.0.113.9", "127.0.0.1"),
        (("127.0.0.1",), "203.0.113.9", "203.0.113.9"),
        (("127.0.0.0/8", "10.0.0.0/8"), "1.2.3.4, 203.0.113.9, 10.1.1.1", "203.0.113.9"),
        (("127.0.0.1",), "203.0.113.9, nonsense", "127.0.0.1"),
    ],
)
async def test_peer_behind_proxies(
    world: World, proxies: tuple[str, ...], forwarded: str, peer: str
) -> None:
    """Only a trusted proxy's word counts for where a request came from."""
    seen = Seen()
    web = WebSettings(
        listen=Listen("127.0.0.1", 0),
        trusted_proxies=tuple(Network.from_config(one, Path()) for one in proxies),
    )
    async with serving(_services(world, seen, web=web)) as client:
        await client.post("/in/sms/hook/1", headers={"X-Forwarded-For": forwarded})
    assert seen.requests[0].peer == peer
    assert world.log.lines[-1][2]["peer"] == peer


async def test_connector_may_answer_html(world: World) -> None:
    """A connector's own media type and headers come through."""
    answer = WebResponse(
        body="<p>ä</p>".encode(), content_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": "default-src 'self'"},
    )  # fmt: skip
    async with serving(_services(world, Seen(answer))) as client:
        got: Any = await client.get("/in/desk/tickets")
    assert (got.text, got.headers["content-type"]) == ("<p>ä</p>", "text/html; charset=utf-8")
    assert got.headers["content-security-policy"] == "default-src 'self'"


async def test_client_is_told_of_no_library(client: Client) -> None:
    """The Server header names neither the language nor its version."""
    got = await client.get("/in/nobody")
    assert got.headers["server"] == "intake-gateway"

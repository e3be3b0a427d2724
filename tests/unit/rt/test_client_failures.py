"""Each way a request to a Request Tracker can fail has its own meaning for what follows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from gateway.core.egress import GuardedHttp
from gateway_rt.client import RtClient
from gateway_rt.errors import (
    RtBusy,
    RtError,
    RtForbidden,
    RtNotFound,
    RtRefused,
    RtUnauthorized,
    RtUnknown,
    RtUnreachable,
)
from tests.faults.proxy import Fault, FaultProxy, start_fault_proxy
from tests.servers.ports import HOST, free_port

SESSION = GuardedHttp(["127.0.0.0/8"]).session
TOKEN = "1-2-very-secret"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Double:
    """A server that answers every request with ``answer`` and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Answer = self.created
        self.asked: list[str] = []
        self.port = 0

    async def created(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"id": "7", "type": "ticket"}, status=201)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.asked.append(f"{request.method} {request.path}")
        return await self.answer(request)


@pytest.fixture
async def double() -> AsyncIterator[Double]:
    """A running double."""
    double = Double()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", double.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    double.port = runner.addresses[0][1]
    yield double
    await runner.cleanup()


@pytest.fixture
async def proxy(double: Double) -> AsyncIterator[FaultProxy]:
    """A fault proxy in front of the double."""
    async with start_fault_proxy(double.port) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy) -> RtClient:
    """A client that reaches the double through the proxy, and is soon out of patience."""
    return RtClient(
        url=f"http://{HOST}:{proxy.port}/",
        token=TOKEN,
        connect_seconds=1,
        total_seconds=1,
        session=SESSION,
    )


async def create(client: RtClient) -> int:
    """Create a ticket: the change that the tests make."""
    return await client.create_ticket(queue="Q", subject="s", requestor="a@example.org", text="t")


def reply(status: int, body: object, **headers: str) -> Answer:
    """Return a handler that always answers the same."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response(body, status=status, headers=named)

    return answer


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, RtRefused),
        (400, RtRefused),
        (401, RtUnauthorized),
        (403, RtForbidden),
        (404, RtNotFound),
        (413, RtRefused),
        (429, RtBusy),
        (503, RtBusy),
        (500, RtUnknown),
        (502, RtUnknown),
        (504, RtUnknown),
    ],
)
async def test_status_of_a_change(
    double: Double, client: RtClient, status: int, error: type[RtError]
) -> None:
    """Each status is one kind of error, with RT's words and never with the token."""
    double.answer = reply(status, {"message": "no luck"})
    with pytest.raises(RtError) as raised:
        await create(client)
    assert (type(raised.value), raised.value.status) == (error, status)
    assert "no luck" in str(raised.value)
    assert TOKEN not in str(raised.value)


async def test_server_error_to_a_question_is_busy(double: Double, client: RtClient) -> None:
    """A question that met a server error can be asked again: nothing is unknown."""
    double.answer = reply(500, {"message": "oops"})
    with pytest.raises(RtBusy):
        await client.ticket(1)


async def test_retry_after_is_told(double: Double, client: RtClient) -> None:
    """The error carries the seconds that the server asks for."""
    double.answer = reply(429, {"message": "slow down"}, Retry_After="17")
    with pytest.raises(RtBusy) as raised:
        await create(client)
    assert raised.value.retry_after == 17.0


async def test_nothing_listens(client: RtClient, proxy: FaultProxy, double: Double) -> None:
    """A refused connection means that nothing was done."""
    await proxy.set_fault(Fault.REFUSE)
    with pytest.raises(RtUnreachable, match="POST ticket"):
        await create(client)
    assert double.asked == []


async def test_lost_answer_is_unknown(client: RtClient, proxy: FaultProxy, double: Double) -> None:
    """When the answer to a change is lost, the change was made, and the error says unknown."""
    await proxy.set_fault(Fault.CUT_REPLY)
    with pytest.raises(RtUnknown):
        await create(client)
    assert double.asked == ["POST /REST/2.0/ticket"]


async def test_half_an_answer_is_unknown(
    client: RtClient, proxy: FaultProxy, double: Double
) -> None:
    """An answer of success that breaks off in its body is not a success."""
    await proxy.set_fault(Fault.CUT_REPLY, cut_after=160)
    with pytest.raises(RtUnknown):
        await create(client)
    assert double.asked == ["POST /REST/2.0/ticket"]


async def test_silence_is_unknown(client: RtClient, proxy: FaultProxy) -> None:
    """A server that takes a change and never answers leaves it unknown after the timeout."""
    await proxy.set_fault(Fault.BLACKHOLE)
    with pytest.raises(RtUnknown, match="took too long"):
        await create(client)


async def test_lost_answer_to_a_question(client: RtClient, proxy: FaultProxy) -> None:
    """A question without an answer is never unknown, as it changes nothing."""
    await proxy.set_fault(Fault.CUT_REPLY)
    with pytest.raises(RtUnreachable):
        await client.ticket(1)


async def test_unknown_host() -> None:
    """An address where nothing listens is unreachable, in words without those of a library."""
    port = free_port()
    client = RtClient(url=f"http://{HOST}:{port}", token=TOKEN, session=SESSION)
    with pytest.raises(RtUnreachable) as raised:
        await create(client)
    assert (
        f"no answer from RT to POST ticket: {HOST}:{port}: connection refused; does it run, and is url right?"
        == str(raised.value)
    )


@pytest.mark.parametrize(("ask", "error"), [(True, RtRefused), (False, RtUnknown)])
async def test_web_page_instead_of_json(
    double: Double, client: RtClient, ask: bool, error: type[RtError]
) -> None:
    """A web page with status 200 is no success: the words ask whether the address is RT's."""

    async def page(_request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>Welcome</html>", content_type="text/html")

    double.answer = page
    with pytest.raises(error, match="is not JSON; is http"):
        await (client.ticket(1) if ask else create(client))


async def test_too_long_an_answer(double: Double) -> None:
    """An answer beyond the limit is cut off instead of filling the memory."""
    double.answer = reply(200, {"Version": "x" * 100_000})
    client = RtClient(
        url=f"http://{HOST}:{double.port}", token=TOKEN, answer_limit=1000, session=SESSION
    )
    with pytest.raises(RtUnreachable, match="more than 1000 bytes"):
        await client.version()


async def test_answer_of_another_shape(double: Double, client: RtClient) -> None:
    """JSON that is not RT's is refused with what was missed, not with a KeyError."""
    double.answer = reply(200, {"hello": "world"})
    with pytest.raises(RtRefused, match="not understood: KeyError: 'Version'"):
        await client.version()

"""Connectors that are wrong in one way each: the kit names every one of them, and what to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, ClassVar

import msgspec
import pytest

from gateway import (
    Address,
    Arrival,
    BackendCapabilities,
    BackendType,
    ChannelCapabilities,
    ChannelType,
    Draft,
    EntryRef,
    Forward,
    Health,
    Intake,
    NewArrival,
    Reply,
    Route,
    Sent,
    StoreUnavailable,
    TicketRef,
    Unreachable,
    WebRequest,
    WebResponse,
)
from gateway.testing import Faults, Surroundings, Violation, check_backend, check_channel
from tests.unit.kit.test_conformance import (
    ARRIVAL,
    ENTRY,
    FORWARD,
    REPLY,
    Kept,
    Post,
    PostSettings,
    office,
    read_well,
)

REQUEST = WebRequest(
    method="POST", path="/notes/7", public_url="https://g.example/in/here/notes/7", headers={},
    body=b"hello",
)  # fmt: skip
SECRET = "do not tell anybody"


def generating(arrival: Arrival) -> Any:
    """Answer what can be gone through only once."""
    yield from read_well(arrival)


def read_as_nothing(arrival: Arrival) -> Sequence[Draft]:
    """Answer nothing for what says something."""
    return read_well(arrival)[:0]


def read_as_proven(arrival: Arrival) -> Sequence[Draft]:
    """Believe whatever name is given."""
    name = msgspec.json.encode(read_well(arrival)[0].text).decode()
    return [Draft(text="x", proof="proven", author=Address(scheme="chat", value=name))]


def read_with_a_secret(arrival: Arrival) -> Sequence[Draft]:
    """Show customers' agents what nobody is to know."""
    return [Draft(text=f"{read_well(arrival)[0].text} {SECRET}")]


class Generating(Post):
    reader = staticmethod(generating)


class Silent(Post):
    reader = staticmethod(read_as_nothing)


class Believing(Post):
    reader = staticmethod(read_as_proven)


class TellingReader(Post):
    reader = staticmethod(read_with_a_secret)


class Ending(Post):
    async def send(self, reply: Reply) -> Any:
        await super().send(reply)


class Texting(Post):
    async def send(self, reply: Reply) -> Any:
        return (await super().send(reply)).external_ids[0]


class Counting(Post):
    async def send(self, reply: Reply) -> Sent:
        await super().send(reply)
        return Sent(external_ids=(7,))  # type: ignore[arg-type]


class TellingIds(Post):
    async def send(self, reply: Reply) -> Sent:
        return Sent(external_ids=((await super().send(reply)).external_ids[0] + SECRET,))


class Hanging(Post):
    async def send(self, reply: Reply) -> Sent:
        await super().send(reply)
        return await asyncio.Event().wait()  # type: ignore[return-value]


class Finding(Post):
    capabilities: ClassVar[ChannelCapabilities] = ChannelCapabilities(repeat="lookup")

    async def find_sent(self, reply: Reply) -> Sent | None:
        return Sent(external_ids=(f"id-{reply.key}",))


class FindingNonsense(Finding):
    async def find_sent(self, reply: Reply) -> Any:
        return 77


class ProbingNothing(Post):
    async def probe(self) -> Any:
        await super().probe()


class ProbingNonsense(Post):
    async def probe(self) -> Health:
        return Health(state="fine")  # type: ignore[arg-type]


class Falling(Post):
    async def run(self, intake: Intake) -> None:
        raise KeyError("room")


class Leaving(Post):
    async def run(self, intake: Intake) -> None:
        return


class Clinging(Post):
    async def run(self, intake: Intake) -> None:
        for _ in range(2):
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()


class Stopping(Post):
    async def run(self, intake: Intake) -> None:
        time.sleep(0.01)  # noqa: ASYNC251  # this is what is to be found


class Reconciling(Post):
    async def reconcile(self, intake: Intake) -> None:
        raise KeyError("cursor")


class Answering(Post):
    """Answers a route as it should."""

    def routes(self, intake: Intake) -> Sequence[Route]:
        async def take(request: WebRequest) -> WebResponse:
            answer: WebResponse = await self.take(intake, request)
            return answer

        return [Route(method="POST", path="/notes/{note}", handler=take)]

    async def take(self, intake: Intake, request: WebRequest) -> Any:
        try:
            await intake.accept([NewArrival(key=request.params["note"], body=request.body)])
        except StoreUnavailable:
            return WebResponse(status=503)
        return WebResponse(status=202)


class Hasty(Answering):
    async def take(self, intake: Intake, request: WebRequest) -> Any:
        self.later = asyncio.ensure_future(super().take(intake, request))
        return WebResponse(status=202)


class Mute(Answering):
    async def take(self, intake: Intake, request: WebRequest) -> Any:
        await super().take(intake, request)


class Elsewhere(Answering):
    def routes(self, intake: Intake) -> Sequence[Route]:
        return [msgspec.structs.replace(one, path="/other") for one in super().routes(intake)]


async def check(kind: type[Post], requests: Sequence[WebRequest] = ()) -> None:
    """Check a channel against a service that counts."""
    async with office() as (url, kept):

        async def count() -> int:
            return len(kept)

        await check_channel(
            ChannelType(name="post", make=kind, settings=PostSettings),
            PostSettings(url=url), arrivals=[ARRIVAL], replies=[REPLY], count=count,
            requests=requests, deadline=1.0,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "breach"),
    [
        (Generating, "its parser answered a value of type generator; a list or tuple"),
        (Silent, "it is read as nothing: answer Ignored(reason=…)"),
        (Believing, "a sender who was made up is `proven`; rest the proof on what was verified"),
        (TellingReader, "a secret of the settings shows in what its parser answers"),
        (Ending, "send of the connector answered None; a Sent whose external_ids"),
        (Texting, "send of the connector answered a value of type str"),
        (Counting, "(Expected `str`, got `int` - at `$.external_ids[0]`)"),
        (TellingIds, "a secret of the settings shows in what it answers"),
        (Hanging, "send takes more than 1 s, though the double answers at once: set a deadline"),
        (Finding, "looking up send finds it before it was done: it would count as sent"),
        (FindingNonsense, "looking up send of the connector answered a value of type int"),
        (ProbingNothing, "probe of the connector answered None; a Health is expected"),
        (ProbingNonsense, "answered a Health that is wrong (Invalid enum value 'fine'"),
        (Falling, "run raises KeyError: 'room', though the double is there"),
        (Leaving, "run returns at once, and there are no routes"),
        (Clinging, "run goes on 1 s after it was cancelled: let CancelledError pass"),
        (Stopping, "run raises BlockingError"),
        (Reconciling, "reconcile raises KeyError: 'cursor'"),
        (Hasty, "POST /notes/7 answers 202 though nothing was stored: await intake.accept first"),
        (Hasty, "POST /notes/7 answers 202, but nothing was handed to intake.accept by then"),
        (Mute, "POST /notes/7 answers NoneType; a WebResponse is expected"),
        (Elsewhere, "POST /notes/7: no route answers it"),
    ],
)
async def test_a_wrong_channel_is_told_what_to_do(kind: type[Post], breach: str) -> None:
    """Each is found by one of the kit's checks, in a sentence, and the secret is not told."""
    with pytest.raises(Violation) as caught:
        await check(kind, [REQUEST] if issubclass(kind, Answering) else ())
    assert breach in str(caught.value)
    assert SECRET not in str(caught.value)


async def test_a_right_route_passes() -> None:
    """A route that stores before it acknowledges has no breach."""
    await check(Answering, [REQUEST])


class Opening(Kept):
    """A backend whose answers a test chooses."""

    answers: ClassVar[Callable[[Forward], Any]]

    async def open_ticket(self, forward: Forward) -> Any:
        await super().open_ticket(forward)
        return type(self).__dict__["answers"](forward)


class PollingBadly(Kept):
    async def poll(self, intake: Intake) -> None:
        raise KeyError("cursor")


class FindingAll(Kept):
    capabilities: ClassVar[BackendCapabilities] = BackendCapabilities(repeat="lookup")

    async def find(self, forward: Forward) -> TicketRef | None:
        return TicketRef(external_id="77")

    async def find_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef | None:
        return EntryRef(external_id="77")


def opening(answer: Callable[[Forward], Any]) -> type[Kept]:
    """Make a backend that answers this for a ticket."""
    return type("Opener", (Opening,), {"answers": answer})


@pytest.mark.parametrize(
    ("kind", "breach"),
    [
        (opening(lambda _: None), "open_ticket of the connector answered None; a TicketRef"),
        (opening(lambda _: 7), "open_ticket of the connector answered a value of type int"),
        (opening(lambda _: TicketRef(external_id="")), "a TicketRef without an external_id"),
        (
            opening(lambda _: TicketRef(external_id="7", url=f"https://t/?key={SECRET}")),
            "a secret of the settings shows in what it answers",
        ),
        (PollingBadly, "poll raises KeyError: 'cursor'"),
        (FindingAll, "looking up open_ticket finds it before it was done"),
        (FindingAll, "looking up add_entry finds it before it was done"),
    ],
)
async def test_a_wrong_backend_is_told_what_to_do(kind: type[Kept], breach: str) -> None:
    """Each is found by one of the kit's checks, in a sentence."""
    with pytest.raises(Violation) as caught:
        await check_backend(
            BackendType(name="kept", make=kind, settings=PostSettings),
            PostSettings(url="http://127.0.0.1:1/"), forwards=[FORWARD, ENTRY],
            surroundings=Surroundings(), deadline=1.0,
        )  # fmt: skip
    assert breach in str(caught.value)


class Wire(Post):
    """A channel over TCP, whose target does nothing twice."""

    server: ClassVar[Callable[[str], Any]]

    async def post(self, key: str) -> str:
        host, _, port = self.context.settings.url.partition(":")
        try:
            reading, writing = await asyncio.open_connection(host, int(port))
        except OSError as error:
            raise self.away() from error
        try:
            writing.write(key.encode() + b"\n")
            answer = await reading.readline()
        finally:
            writing.close()
        if not answer:
            raise self.lost()
        return answer.decode().strip()


class Denying(Wire):
    """Says that nothing was sent, whenever no answer came."""

    def lost(self) -> Exception:
        return Unreachable("it broke off")


async def check_wire(kind: type[Wire], *, heeded: bool) -> None:
    """Check a channel against a double that speaks no HTTP."""
    faults, kept = Faults(), set[str]()

    async def serve(reading: asyncio.StreamReader, writing: asyncio.StreamWriter) -> None:
        key = (await reading.readline()).decode().strip()
        if not faults.down:
            kept.update(filter(None, (key,)))
            if faults.lost:
                faults.lost -= 1
            else:
                writing.write(f"id-{key}\n".encode())
        writing.close()

    async def count() -> int:
        return len(kept)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        await check_channel(
            ChannelType(name="wire", make=kind, settings=PostSettings),
            PostSettings(url=f"{host}:{port}"), replies=[REPLY], count=count,
            faults=faults if heeded else None, deadline=1.0,
        )  # fmt: skip


async def test_what_cannot_be_tried_is_said_loudly() -> None:
    """Without faults nothing of a TCP channel is proven, and that is a breach of its own."""
    with pytest.raises(
        Violation, match=r"neither a lost answer nor a target that is away was tried"
    ):
        await check_wire(Wire, heeded=False)


async def test_a_wrong_unreachable_over_tcp_is_found() -> None:
    """A double that heeds faults shows that a lost answer is told as if nothing was sent."""
    with pytest.raises(Violation, match="a lost answer is told as Unreachable"):
        await check_wire(Denying, heeded=True)

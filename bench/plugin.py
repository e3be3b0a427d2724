"""A channel that takes a JSON webhook and a backend that posts JSON, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Any, ClassVar

import aiohttp
import msgspec

from gateway import (
    Address,
    Arrival,
    Backend,
    BackendCapabilities,
    BackendType,
    Channel,
    ChannelType,
    Context,
    Draft,
    EntryRef,
    Forward,
    Intake,
    NewArrival,
    Parsed,
    Parser,
    Route,
    ThreadRef,
    TicketRef,
    Unreachable,
    WebRequest,
    WebResponse,
    hookimpl,
)


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """The channel has no settings."""


class Sink(msgspec.Struct, frozen=True, kw_only=True):
    """Where the backend posts to."""

    url: str


class Said(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    """One message."""

    id: str
    sender: str
    text: str


def parse(arrival: Arrival) -> Sequence[Parsed]:
    """Read one message; all that one sender says is one conversation."""
    said = msgspec.json.decode(arrival.body, type=Said)
    author = Address(scheme="tel", value=said.sender)
    return [
        Draft(
            author=author, proof="asserted", text=said.text, language="en",
            thread=ThreadRef(native_id=said.sender),
        )
    ]  # fmt: skip


class Hook(Channel[Nothing]):
    """Takes POST /in/NAME/message."""

    def routes(self, intake: Intake) -> Sequence[Route]:
        async def take(request: WebRequest) -> WebResponse:
            said = msgspec.json.decode(request.body, type=Said)
            await intake.accept([NewArrival(key=said.id, lane=said.sender, body=request.body)])
            return WebResponse(status=200)

        return [Route(method="POST", path="/message", handler=take)]

    @property
    def parser(self) -> Parser:
        return parse

    def is_quick(self, arrival: Arrival) -> bool:
        return len(arrival.body) <= 4096  # a few fields of JSON, read in microseconds


class Poster(Backend[Sink]):
    """Posts every forward to the sink, over kept connections."""

    capabilities: ClassVar[BackendCapabilities] = BackendCapabilities(
        repeat="idempotent", concurrency=32
    )

    def __init__(self, context: Context[Sink]) -> None:
        super().__init__(context)
        # Not in `run`, which one process has for all: each of them sends.
        self._stack = AsyncExitStack()
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        await self._stack.aclose()

    async def open_ticket(self, forward: Forward) -> TicketRef:
        await self._post(forward)
        return TicketRef(external_id=forward.conversation)

    async def add_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef:
        await self._post(forward)
        return EntryRef(external_id=forward.key)

    async def _post(self, forward: Forward) -> None:
        if self._session is None:
            opening = self.context.http.session(trusted=True)
            self._session = await self._stack.enter_async_context(opening)
        body = msgspec.json.encode(sent(forward.key, forward.conversation, forward.text))
        try:
            async with self._session.post(self.context.settings.url, data=body) as response:
                await response.read()
        except aiohttp.ClientError as error:
            raise Unreachable(str(error)) from error


def sent(key: str, conversation: str, text: str) -> dict[str, Any]:
    """What the sink is sent."""
    return {"key": key, "conversation": conversation, "text": text}


@hookimpl
def register_channels() -> Iterable[ChannelType]:
    yield ChannelType(name="bench", make=Hook, settings=Nothing)


@hookimpl
def register_backends() -> Iterable[BackendType]:
    yield BackendType(name="bench", make=Poster, settings=Sink)

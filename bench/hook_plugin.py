"""A channel that takes a JSON webhook: what a provider's plugin does, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from gateway import (
    Address,
    Arrival,
    Channel,
    ChannelType,
    Draft,
    Intake,
    NewArrival,
    Parsed,
    Parser,
    Route,
    WebRequest,
    WebResponse,
    hookimpl,
)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """It has none."""


class Said(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    """One message."""

    id: str
    sender: str
    text: str


def parse(arrival: Arrival) -> Sequence[Parsed]:
    """Read one message."""
    said = msgspec.json.decode(arrival.body, type=Said)
    return [
        Draft(author=Address(scheme="tel", value=said.sender), proof="asserted", text=said.text)
    ]


class Hook(Channel[Settings]):
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


@hookimpl
def register_channels() -> Iterable[ChannelType]:
    yield ChannelType(name="bench", make=Hook, settings=Settings)

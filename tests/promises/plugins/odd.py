"""A channel whose parser has faults: some words make it hang, eat memory, or kill its process."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence

import msgspec

from gateway import (
    Address,
    Arrival,
    Channel,
    ChannelCapabilities,
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

FIXED = False


class OddSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing to set."""


def read(arrival: Arrival) -> Sequence[Parsed]:
    """Read words, unless they are poison."""
    words = arrival.body.decode()
    if not FIXED:
        while "hang" in words:
            pass
        if "eat" in words:
            eaten = [bytearray(1 << 24)]
            while True:
                eaten.append(bytearray(1 << 24))
        if "die" in words:
            os._exit(1)
        if "stumble" in words:
            raise ValueError("it stumbled")
    author = Address(scheme="odd", value=arrival.lane)
    return [Draft(author=author, proof="asserted", text=words, external_ids=(arrival.key,))]


class Odd(Channel[OddSettings]):
    capabilities = ChannelCapabilities(sends=False)

    def routes(self, intake: Intake) -> Sequence[Route]:
        async def take(request: WebRequest) -> WebResponse:
            key = hashlib.sha256(request.body).hexdigest()
            await intake.accept(
                [
                    NewArrival(
                        key=key, body=request.body, kind="words", lane=request.headers["x-lane"]
                    )
                ]
            )
            return WebResponse(status=202)

        return [Route(method="POST", path="", handler=take)]

    @property
    def parser(self) -> Parser:
        return read


@hookimpl
def register_channels() -> Iterable[ChannelType]:
    """Declare the channel."""
    yield ChannelType(name="odd", make=Odd, settings=OddSettings)

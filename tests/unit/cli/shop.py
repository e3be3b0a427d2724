"""A plugin for the tests of the command line: a channel, two kinds of trouble, and a command."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

import click
import msgspec

from gateway import (
    Address,
    Arrival,
    AuthenticationFailed,
    Backend,
    BackendCapabilities,
    BackendType,
    Channel,
    ChannelType,
    Draft,
    Forward,
    Health,
    Hold,
    Message,
    Parsed,
    Rejected,
    Reply,
    Sent,
    TicketRef,
    UnreadableArrival,
    hookimpl,
)


class ShopSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a shop's channel may be told; `loud` and `lenient` change how arrivals are read."""

    loud: bool = False
    lenient: bool = False


class NoSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing to set."""


def read(arrival: Arrival, *, loud: bool, lenient: bool) -> Sequence[Parsed]:
    """Read ``sender|subject|text``."""
    parts = arrival.body.decode().split("|")
    if len(parts) != 3:
        if not lenient:
            raise UnreadableArrival("it has no three parts")
        parts = ["eve@example.com", "", arrival.body.decode()]
    sender, subject, text = parts
    return [
        Draft(
            author=Address(scheme="email", value=sender, name=sender.partition("@")[0].title()),
            proof="asserted",
            evidence="the shop knows its customers",
            subject=subject,
            text=text.upper() if loud else text,
            external_ids=(arrival.key,),
        )
    ]


class Shop(Channel[ShopSettings]):
    @property
    def parser(self) -> Any:
        settings = self.context.settings
        return partial(read, loud=settings.loud, lenient=settings.lenient)

    def is_quick(self, arrival: Arrival) -> bool:
        return True

    async def send(self, reply: Reply) -> Sent:
        return Sent(external_ids=(reply.key,))


class Sick(Backend[NoSettings]):
    capabilities: ClassVar[BackendCapabilities] = BackendCapabilities(repeat="tolerable")

    async def open_ticket(self, forward: Forward) -> TicketRef:
        raise Rejected("the queue is not there", code="no_queue")

    async def probe(self) -> Health:
        raise AuthenticationFailed("the password was refused; renew it")


@hookimpl
def register_channels() -> Iterable[ChannelType]:
    """Offer the channel type."""
    yield ChannelType(name="shop", make=Shop, settings=ShopSettings)


@hookimpl
def register_backends() -> Iterable[BackendType]:
    """Offer a backend that refuses everything."""
    yield BackendType(name="sick", make=Sick, settings=NoSettings)


@hookimpl
def normalise_message(draft: Draft) -> Draft | Hold | None:
    """Hold back what looks like a scam."""
    return Hold(reason="it looks like a scam") if "winner" in draft.text.lower() else None


@hookimpl
def redact_message(message: Message, audience: str) -> Message | None:
    """Hide a number from people."""
    if audience != "console" or "4711" not in message.text:
        return None
    return msgspec.structs.replace(message, text=message.text.replace("4711", "••••"))


@hookimpl
def register_commands() -> Iterable[click.Command]:
    """Offer a command."""

    @click.command()
    @click.argument("word")
    @click.pass_obj
    def shout(obj: Any, word: str) -> None:
        """Say a word loudly."""
        obj.print({"said": word.upper()}, f"{word.upper()}!")

    yield shout

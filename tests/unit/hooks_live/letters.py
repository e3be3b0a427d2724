"""A plugin for the tests: letters come in and go out by it, and lie on its shelf as tickets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import msgspec

from gateway import (
    Address,
    Arrival,
    Backend,
    BackendCapabilities,
    BackendType,
    Channel,
    ChannelType,
    Draft,
    DraftAttachment,
    EntryRef,
    Forward,
    Parser,
    Reply,
    Sent,
    ThreadRef,
    TicketRef,
    hookimpl,
)


class NoSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing to set."""


def read_letter(arrival: Arrival) -> Sequence[Draft]:
    """Read a letter."""
    letter: dict[str, Any] = json.loads(arrival.body)
    return [
        Draft(
            author=Address(scheme="letter", value=letter["from"]),
            proof="asserted",
            text=letter["text"],
            subject=letter.get("subject", ""),
            external_ids=(arrival.key,),
            attachments=tuple(
                DraftAttachment(
                    name="voice.txt",
                    media_type="text/x-spoken",
                    data=spoken.encode(),
                    mark="recording",
                )
                for spoken in letter.get("spoken", ())
            ),
            thread=ThreadRef(native_id=letter.get("thread", arrival.key)),
        )
    ]


class Letters(Channel[NoSettings]):
    """Keeps what it sends."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.sent: list[Reply] = []

    @property
    def parser(self) -> Parser:
        """Read letters."""
        return read_letter

    def is_quick(self, arrival: Arrival) -> bool:
        """Whether it is; nothing here is hostile."""
        return True

    async def send(self, reply: Reply) -> Sent:
        """Keep a reply."""
        self.sent.append(reply)
        return Sent(external_ids=(reply.key,))


class Shelf(Backend[NoSettings]):
    """Keeps what is forwarded."""

    capabilities: ClassVar = BackendCapabilities(repeat="idempotent")

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.forwards: list[Forward] = []

    async def open_ticket(self, forward: Forward) -> TicketRef:
        """Keep a conversation's first message."""
        self.forwards.append(forward)
        return TicketRef(external_id=forward.conversation)

    async def add_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef:
        """Keep a further message."""
        self.forwards.append(forward)
        return EntryRef(external_id=forward.message)


@hookimpl
def register_channels() -> Iterable[ChannelType]:
    """Offer ``letters``."""
    yield ChannelType(name="letters", make=Letters, settings=NoSettings)


@hookimpl
def register_backends() -> Iterable[BackendType]:
    """Offer ``shelf``."""
    yield BackendType(name="shelf", make=Shelf, settings=NoSettings)

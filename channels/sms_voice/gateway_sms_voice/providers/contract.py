"""What a provider of phone numbers has to do, and nothing that all of them have in common.

The channel owns what is the same everywhere: it answers the webhooks (prove, store, acknowledge), keeps
the book of what was sent, splits long texts, paces each number, holds back what people opted out of,
fetches media, and reconciles. A provider is asked for the rest:

====================  ==============================================================================
in                    `ways`, `verify`, `arrival`, `wishes`, `acknowledge`, `reader`
what pushes missed    `missed`
media                 `media_request`
out                   `limits`, `send`, `find`
health                `probe`
====================  ==============================================================================

To add one: a folder beside this module with a class of this kind, its settings as a further table of
`PhoneSettings`, and a line in `gateway_sms_voice.providers.making`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import ClassVar, Literal

import msgspec

from gateway import Arrival, Health, NewArrival, Parsed, ReceiptState, WebRequest, WebResponse
from gateway_sms_voice.numbers import Endpoint

Reader = Callable[[Arrival], Sequence[Parsed]]


class NotProven(Exception):
    """A request is not the provider's; it is answered with 403 and nothing of it is believed.

    Args:
        reason: for the operator's log and health; never a secret, nor the sender's text.
        claims: it claims at least to be the provider's, as a request with a signature does; of
            others, which scanners send all day, the operator need not hear.
    """

    def __init__(self, reason: str, *, claims: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.claims = reason, claims


class Unusable(Exception):
    """A proven request says nothing that could be stored; answered with 400 and this reason."""


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One address below ``/in/NAME`` that the provider calls.

    Args:
        kind: the arrival's kind, by which the reader tells arrivals apart: ``message`` for what a
            customer wrote, ``status`` for what became of a text of ours. ``media`` is the channel's.
        path: beginning with a slash; a status path has ``{delivery}``, ``{part}`` and ``{parts}``.
    """

    kind: str
    method: Literal["GET", "POST"]
    path: str


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the channel has to know of a customer's message at the door.

    Args:
        text: the whole text.
        opt_out: the provider's own flag (``STOP``, ``START``, ``HELP``), if it sets one.
        media: addresses of what has to be fetched, in the order of the draft's attachments.
        at: when it was sent, in milliseconds since the Unix epoch; None for now.
    """

    ours: Endpoint
    theirs: Endpoint
    text: str = ""
    opt_out: str = ""
    media: tuple[str, ...] = ()
    at: int | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one request to the provider may hold.

    Args:
        segments: most segments of one text; a longer one is split by the channel.
        characters: most characters of one text, however few segments they make.
        per_second: segments a second (messages, where there are none) that one sending number may
            hand over; 0 for no limit.
        media: most media of one text; 0 where the provider carries none.
    """

    segments: int
    characters: int
    per_second: float
    media: int = 0


class OutgoingText(msgspec.Struct, frozen=True, kw_only=True):
    """One text to hand over: a reply, or one part of a long one.

    Args:
        sender: our number, or what stands for it.
        text: at most what `Limits` allows.
        receipt_url: where the provider is to say what became of it; empty if it cannot reach us.
        delivery: our delivery's id as shown, ``dlv_…``.
        part, parts: counted from 1.
        made_at: when the reply was made; an earlier attempt cannot be older. Milliseconds.
        template: the provider's name of a template, where free text is not allowed.
        variables: what is filled into the template.
    """

    sender: Endpoint
    to: Endpoint
    text: str
    receipt_url: str = ""
    delivery: str
    part: int = 1
    parts: int = 1
    made_at: int = 0
    template: str = ""
    variables: Mapping[str, str] = {}


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The provider took a text.

    Args:
        id: the provider's id of it; empty where it gives none.
    """

    id: str
    state: ReceiptState = "accepted"


class MediaRequest(msgspec.Struct, frozen=True, kw_only=True):
    """How a medium is fetched.

    Args:
        trusted: the host is the operator's own setting, so it may lie in a private network.
        headers: credentials; they are sent to this very URL and never to where it redirects.
    """

    url: str
    trusted: bool = False
    headers: Mapping[str, str] = {}


class Provider(ABC):
    """One account at a provider of phone numbers.

    Class attributes:
        repeat: ``lookup`` if `find` can tell whether a text was taken, else ``never``.
        ways: the addresses it calls.
        answers_help: it answers HELP itself; else that is a question like any other.
        keeps: where it keeps texts by itself, for whoever has to erase them there.
    """

    repeat: ClassVar[Literal["lookup", "never"]] = "never"
    answers_help: ClassVar[bool] = False
    keeps: ClassVar[str] = "the provider's records"
    ways: ClassVar[Sequence[Way]] = ()

    # in

    @abstractmethod
    def verify(self, request: WebRequest) -> None:
        """Prove that a request is the provider's, in constant time and whatever it holds.

        Raises:
            NotProven: it is not. Nothing else may come out, however hostile the request.
        """

    @abstractmethod
    def arrival(self, way: Way, request: WebRequest) -> NewArrival:
        """Make the arrival of a proven request: its key, lane and body as received; no more.

        The key is the provider's id of the message, so that a redelivery and what `missed` finds
        are the same arrival's. `remote` of a status holds ``delivery``,
        ``part`` and ``parts`` of its path, and the provider's ``id`` of the text if it tells one.

        Raises:
            Unusable: it names no message.
        """

    @abstractmethod
    def acknowledge(self, way: Way) -> WebResponse:
        """Answer a request whose arrival is on disk, such that nothing is sent to the customer."""

    @property
    @abstractmethod
    def reader(self) -> Reader:
        """Give a picklable pure function that reads arrivals of these ways (see `Channel.parser`).

        A message with media has its attachments ``pending`` and is quiet: the channel fetches what
        `wishes` names, and has the message read again with what came of it.
        """

    @abstractmethod
    def wishes(self, arrival: NewArrival) -> Wishes | None:
        """Say what a message wants of the channel; None for an arrival that is no message.

        Pure and bounded, as it runs before the acknowledgement.
        """

    def missed(self, since: int) -> AsyncIterator[NewArrival]:
        """Ask for what came in since a moment, oldest first, as arrivals with the same keys.

        Args:
            since: milliseconds since the Unix epoch.

        Raises:
            ConnectorError: one of its kinds.
        """
        del since
        return _nothing()

    def media_request(self, url: str) -> MediaRequest | None:
        """Say how a medium of a message is fetched; None if it may not be (a foreign host)."""
        del url
        return None

    # out

    @abstractmethod
    def limits(self, sender: Endpoint) -> Limits:
        """Say what one request may hold and how fast they may follow one another."""

    @abstractmethod
    async def send(self, text: OutgoingText) -> Accepted:
        """Hand one text over.

        Raises:
            ConnectorError: one of its kinds; `OutcomeUnknown` if it may have been taken, and that
                only: the channel sends again what any other error speaks of.
        """

    def in_template(self, text: OutgoingText, language: str) -> OutgoingText | None:
        """Put a text into a template, for where free text is not allowed; None if there is none.

        Args:
            language: the conversation's, as ``de`` or ``pt-BR``; empty if it is not known.
        """
        del text, language
        return None

    async def find(self, text: OutgoingText) -> Sequence[str]:
        """Find ids of texts that are exactly like this one and no older, oldest first.

        They may be another delivery's; the channel knows which ones are taken.

        Raises:
            ConnectorError: one of its kinds.
        """
        del text
        return ()

    # life

    def held(self) -> AbstractAsyncContextManager[None]:
        """Keep connections open while the channel runs."""
        return nullcontext()

    async def watch(self) -> None:  # noqa: B027  # most have nothing to watch
        """Report to the context, until cancelled, how the provider is though nothing is sent."""

    @abstractmethod
    async def probe(self) -> Health:
        """Log in as the real work would, changing nothing."""


async def _nothing() -> AsyncIterator[NewArrival]:
    return
    yield

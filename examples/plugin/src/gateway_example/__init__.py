"""An example to start from: a chat that comes by signed webhooks, and a ticket system with HTTP."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar

import aiohttp
import msgspec

from gateway import (
    Address,
    Arrival,
    AuthenticationFailed,
    Backend,
    BackendCapabilities,
    BackendType,
    Channel,
    ChannelCapabilities,
    ChannelType,
    ConnectorError,
    Context,
    Draft,
    EntryRef,
    Forward,
    Health,
    Intake,
    NewArrival,
    OutcomeUnknown,
    Overloaded,
    Parser,
    Rejected,
    Reply,
    Route,
    Secret,
    Sent,
    StoreUnavailable,
    TargetBroken,
    ThreadRef,
    Throttled,
    TicketRef,
    Trust,
    Unreachable,
    UnreadableArrival,
    WebRequest,
    WebResponse,
    hookimpl,
)

TIMEOUT = aiohttp.ClientTimeout(total=15)


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What both need: where the other side is, and the key that both sides know."""

    url: Annotated[str, msgspec.Meta(pattern="^https?://", description="Where it is.")]
    key: Annotated[Secret, msgspec.Meta(description="Signs what is sent, both ways.")]


class Chat(msgspec.Struct, frozen=True):
    """One message of the chat, as its webhook tells it."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    room: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    sender: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    text: str


def signature(key: Secret, body: bytes) -> str:
    """Sign a body."""
    return hmac.new(key.reveal().encode(), body, hashlib.sha256).hexdigest()


def read_chat(arrival: Arrival) -> Sequence[Draft]:
    """Read an arrival; a plain function of its arrival, so that it can run in a worker process."""
    try:
        chat = msgspec.json.decode(arrival.body, type=Chat)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableArrival(f"not a chat message: {error}") from error
    return [
        Draft(
            author=Address(scheme="example-chat", value=chat.sender),
            proof="asserted",
            evidence="the chat's signature",
            text=chat.text,
            thread=ThreadRef(native_id=chat.room, admits_sender=True),
            external_ids=(f"chat:{chat.id}",),
            trust=Trust(signature="pass"),
        )
    ]


async def ask(
    context: Context[ServiceSettings], method: str, path: str, value: Any = None, key: str = ""
) -> Any:
    """Ask the other side, and tell its failures in the gateway's words.

    Args:
        key: the same for every attempt; the other side does it once.
    """
    settings = context.settings
    body = b"" if value is None else msgspec.json.encode(value)
    headers = {"x-signature": signature(settings.key, body), "idempotency-key": key}
    url = settings.url + path
    try:
        async with (
            context.http.session(trusted=True, timeout=TIMEOUT) as session,
            session.request(method, url, data=body, headers=headers) as response,
        ):
            answer, status = await response.read(), response.status
            wait = response.headers.get("retry-after", "")
    except aiohttp.ClientConnectorError as error:
        raise Unreachable(f"{settings.url} cannot be connected to: {error.os_error}") from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise OutcomeUnknown(f"{settings.url} broke off: {type(error).__name__}") from error
    if status in (401, 403):
        raise AuthenticationFailed(f"{settings.url} does not accept our key; compare both sides")
    if status in (429, 503):
        pause = float(wait) if wait.isdecimal() else None
        raise Throttled(f"{settings.url} asks for a pause", retry_after=pause)
    if status >= 500:
        raise TargetBroken(f"{settings.url} failed with {status}")
    if status >= 300:
        raise Rejected(f"{settings.url} refuses this with {status}", code=f"http_{status}")
    try:
        return msgspec.json.decode(answer or b"null")
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise OutcomeUnknown(f"{settings.url} answered what is no JSON") from error


async def probe(context: Context[ServiceSettings]) -> Health:
    """Look whether the other side is there."""
    try:
        await ask(context, "GET", "/health")
    except ConnectorError as error:
        return Health(state="down", code=error.reason_code, reason=str(error))
    return Health()


class ExampleChat(Channel[ServiceSettings]):
    """The chat."""

    capabilities: ClassVar[ChannelCapabilities] = ChannelCapabilities(repeat="idempotent")

    def routes(self, intake: Intake) -> Sequence[Route]:
        """Take the chat's webhook: verified first, durable before it is acknowledged."""

        async def take(request: WebRequest) -> WebResponse:
            wanted = signature(self.context.settings.key, request.body)
            sent = request.headers.get("x-signature", "")
            if not hmac.compare_digest(wanted.encode(), sent.encode("utf-8", "surrogateescape")):
                return WebResponse(status=401, body=b"wrong signature")
            try:
                chat = msgspec.json.decode(request.body, type=Chat)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                return WebResponse(status=400, body=b"not a chat message")
            try:
                await intake.accept([NewArrival(key=chat.id, lane=chat.room, body=request.body)])
            except (Overloaded, StoreUnavailable):
                return WebResponse(status=503, headers={"retry-after": "2"})
            return WebResponse(status=202)

        return [Route(method="POST", path="/messages", handler=take)]

    @property
    def parser(self) -> Parser:
        """Read chat messages."""
        return read_chat

    async def send(self, reply: Reply) -> Sent:
        """Say it in the room it answers."""
        if reply.thread is None:
            raise Rejected("this chat answers only where somebody wrote", code="no_room")
        said = {"room": reply.thread.native_id, "text": reply.text}
        await ask(self.context, "POST", "/messages", said, reply.key)
        return Sent(external_ids=(f"chat:{reply.key}",))

    async def probe(self) -> Health:
        """Look whether the chat is there."""
        return await probe(self.context)


class ExampleTickets(Backend[ServiceSettings]):
    """The ticket system."""

    capabilities: ClassVar[BackendCapabilities] = BackendCapabilities(repeat="idempotent")

    async def open_ticket(self, forward: Forward) -> TicketRef:
        """Open a ticket; the ticket system does it once for each key."""
        made = await self._put("/tickets", forward)
        return TicketRef(external_id=made, url=f"{self.context.settings.url}/tickets/{made}")

    async def add_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef:
        """Add an entry; the ticket system does it once for each key."""
        made = await self._put(f"/tickets/{ticket.external_id}/entries", forward)
        return EntryRef(external_id=made)

    async def _put(self, path: str, forward: Forward) -> str:
        value = {
            "subject": forward.subject,
            "text": forward.text,
            "author": forward.author.value if forward.author else "",
            "internal": forward.audience == "internal",
        }
        answer = await ask(self.context, "POST", path, value, forward.key)
        if not isinstance(answer, dict) or not isinstance(answer.get("id"), str):
            raise OutcomeUnknown(f"{self.context.settings.url} did not name what it made")
        return str(answer["id"])

    async def probe(self) -> Health:
        """Look whether the ticket system is there."""
        return await probe(self.context)


@hookimpl
def register_channels() -> Iterable[ChannelType]:
    """Offer the channel type ``example-chat``."""
    yield ChannelType(
        name="example-chat", make=ExampleChat, settings=ServiceSettings, summary="An example chat."
    )


@hookimpl
def register_backends() -> Iterable[BackendType]:
    """Offer the backend type ``example-tickets``."""
    yield BackendType(
        name="example-tickets",
        make=ExampleTickets,
        settings=ServiceSettings,
        summary="An example ticket system.",
    )

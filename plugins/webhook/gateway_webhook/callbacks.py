"""Signed callbacks: agents' replies and changes of tickets, from the receiver back to us."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from gateway import (
    AgentReply,
    Arrival,
    Context,
    DraftAttachment,
    Intake,
    NewArrival,
    Overloaded,
    Parsed,
    StoreUnavailable,
    TicketChange,
    UnreadableArrival,
    WebRequest,
    WebResponse,
)
from gateway_webhook.settings import WebhookSettings
from gateway_webhook.signing import ID, TIMESTAMP, BadSignature, read_secret, verify

_NAME = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\Z"
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=_NAME)]
MaybeName = Annotated[str, msgspec.Meta(max_length=255, pattern=_NAME)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_PHRASES = {400: "Bad Request", 401: "Unauthorized", 503: "Service Unavailable"}


class CallbackAttachment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of a reply; `content` is base64."""

    name: Name
    media_type: MaybeName = "application/octet-stream"
    content: bytes


class CreatedReply(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Data of ``reply.created``: an agent wrote something.

    Args:
        entry: its id in the ticket system; without one the event's id counts.
        audience: ``customer`` sends it out, ``internal`` keeps it as a note.
    """

    ticket: Name
    text: Annotated[str, msgspec.Meta(pattern=r"\S", max_length=1_000_000)]
    entry: MaybeName = ""
    audience: Literal["customer", "internal"] = "internal"
    html: Annotated[str, msgspec.Meta(max_length=4_000_000)] = ""
    subject: MaybeName = ""
    author: MaybeName = ""
    author_id: MaybeName = ""
    attachments: Annotated[tuple[CallbackAttachment, ...], msgspec.Meta(max_length=100)] = ()
    at: Moment | None = None


class ChangedTicket(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Data of ``ticket.changed``: a ticket has another state.

    Args:
        native_state: the ticket system's own word for it.
    """

    ticket: Name
    state: Literal["open", "waiting", "held", "resolved", "closed"]
    native_state: MaybeName = ""
    at: Moment | None = None


class _Event(msgspec.Struct, frozen=True, kw_only=True):
    timestamp: str = ""


class ReplyCreated(_Event, frozen=True, tag="reply.created"):
    """The event ``reply.created``."""

    data: CreatedReply


class TicketChanged(_Event, frozen=True, tag="ticket.changed"):
    """The event ``ticket.changed``."""

    data: ChangedTicket


class Ping(_Event, frozen=True, tag="ping"):
    """The event ``ping``, which only proves that both sides hold the same secret."""


_decoder: msgspec.json.Decoder[ReplyCreated | TicketChanged | Ping] = msgspec.json.Decoder(
    ReplyCreated | TicketChanged | Ping
)


def read_event(body: bytes) -> ReplyCreated | TicketChanged | Ping:
    """Read a callback's body.

    Raises:
        ValueError: with a sentence that names the field that is wrong.
    """
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the body is not an event this gateway takes: {error}") from error


class Callbacks:
    """Receive callbacks: verify, look whether it can be read, store, and only then acknowledge."""

    def __init__(self, context: Context[WebhookSettings], intake: Intake) -> None:
        self._context, self._intake = context, intake
        settings = context.settings
        self._keys = [read_secret(secret) for secret in settings.reply_secrets or settings.secrets]

    async def receive(self, request: WebRequest) -> WebResponse:
        """Answer ``POST /replies``."""
        try:
            identifier = verify(
                self._keys,
                request.headers,
                request.body,
                now=self._context.clock.now() / 1000,
                tolerance=self._context.settings.tolerance,
            )
        except BadSignature as error:
            return _problem(401, str(error))
        try:
            event = read_event(request.body)
        except ValueError as error:
            return _problem(400, str(error))
        if not isinstance(event, Ping):
            try:
                await self._intake.accept([_arrival(identifier, event.data.ticket, request)])
            except (Overloaded, StoreUnavailable) as error:
                return _problem(503, f"nothing was stored, come back later: {error}")
        return WebResponse(
            status=202,
            body=msgspec.json.encode({"accepted": identifier}),
            content_type="application/json",
        )


def read_arrival(arrival: Arrival) -> Sequence[Parsed]:
    """Read a stored callback.

    Raises:
        UnreadableArrival: no callback was stored like this.
    """
    try:
        event = read_event(arrival.body)
    except ValueError as error:
        raise UnreadableArrival(str(error)) from error
    if isinstance(event, ReplyCreated):
        return [_reply(event.data, arrival.key)]
    if isinstance(event, TicketChanged):
        data = event.data
        return [
            TicketChange(
                ticket=data.ticket,
                state=data.state,
                native_state=data.native_state or data.state,
                at=_milliseconds(data.at),
            )
        ]
    return []


def _reply(data: CreatedReply, key: str) -> AgentReply:
    return AgentReply(
        ticket=data.ticket,
        entry=data.entry or key,
        audience=data.audience,
        author=data.author,
        author_id=data.author_id,
        text=data.text,
        html=data.html,
        subject=data.subject,
        attachments=tuple(
            DraftAttachment(name=file.name, media_type=file.media_type, data=file.content)
            for file in data.attachments
        ),
        at=_milliseconds(data.at),
    )


def _arrival(identifier: str, ticket: str, request: WebRequest) -> NewArrival:
    return NewArrival(
        key=identifier,
        lane=ticket,
        kind="callback",
        body=request.body,
        headers={ID: identifier, TIMESTAMP: request.headers[TIMESTAMP]},
        content_type="application/json",
        remote={"signature": "pass", "peer": request.peer},
    )


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def _problem(status: int, detail: str) -> WebResponse:
    """Make a problem document (RFC 9457)."""
    return WebResponse(
        status=status,
        body=msgspec.json.encode(
            {"type": "about:blank", "title": _PHRASES[status], "status": status, "detail": detail}
        ),
        content_type="application/problem+json",
        headers={"retry-after": "2"} if status == 503 else {},
    )

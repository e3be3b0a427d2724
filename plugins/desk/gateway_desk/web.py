"""The desk's JSON API below ``/in/NAME``, for agents' tools."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args

import msgspec

from gateway import (
    Intake,
    NotFound,
    Overloaded,
    Refused,
    Route,
    Secret,
    StoreUnavailable,
    WebRequest,
    WebResponse,
)
from gateway_desk.ticket import Audience, TicketState, read_number, shown

if TYPE_CHECKING:
    from gateway_desk.backend import Desk

Handler = Callable[[WebRequest], Awaitable[WebResponse]]
T = TypeVar("T")
LIMIT = 200
_PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    409: "Conflict",
    503: "Service Unavailable",
}


class _Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000_000)]
    author: Annotated[str, msgspec.Meta(max_length=200)] = ""


class _State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    state: TicketState


class _Assignee(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    assignee: Annotated[str, msgspec.Meta(max_length=200)]


class _BadRequest(Exception):
    """The request cannot be understood; the sentence says why."""


class DeskApi:
    """Answer the API's requests.

    Args:
        token: what the Authorization header has to bear.
    """

    def __init__(self, desk: Desk, intake: Intake, token: Secret) -> None:
        self._desk, self._intake = desk, intake
        self._token = token

    def routes(self) -> Sequence[Route]:
        """Name the paths and who answers them."""

        def route(method: Any, path: str, handler: Handler) -> Route:
            return Route(method=method, path=path, handler=self._guarded(handler))

        return [
            route("GET", "/tickets", self._list),
            route("GET", "/tickets/{ticket}", self._show),
            route("GET", "/tickets/{ticket}/entries/{entry}/attachments/{index}", self._attachment),
            route("POST", "/tickets/{ticket}/replies", self._reply),
            route("POST", "/tickets/{ticket}/notes", self._note),
            route("POST", "/tickets/{ticket}/state", self._set_state),
            route("POST", "/tickets/{ticket}/assignee", self._assign),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: WebRequest) -> WebResponse:
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            if not self._token.matches(given) or scheme.lower() != "bearer":
                return _problem(401, "the desk's bearer token is missing or wrong")
            try:
                return await handler(request)
            except _BadRequest as error:
                return _problem(400, str(error))
            except NotFound as error:
                return _problem(404, str(error))
            except Refused as error:
                return _problem(409, str(error))
            except (Overloaded, StoreUnavailable) as error:
                return _problem(503, str(error))

        return guarded

    async def _list(self, request: WebRequest) -> WebResponse:
        query = dict(request.query)
        state = query.get("state", "")
        if state and state not in get_args(TicketState):
            raise _BadRequest(f"state must be one of {', '.join(get_args(TicketState))}")
        tickets, before = await self._desk.tickets(
            state=state,
            queue=query.get("queue", ""),
            before=_number(query, "cursor") if "cursor" in query else None,
            limit=_limit(query),
        )
        cursor = None if before is None else str(before)
        return _answer({"tickets": [shown(ticket) for ticket in tickets], "cursor": cursor})

    async def _show(self, request: WebRequest) -> WebResponse:
        number, query = _ticket(request), dict(request.query)
        limit = _limit(query)
        ticket = await self._desk.ticket(number)
        after = _number(query, "cursor") if "cursor" in query else 0
        entries = await self._desk.entries(number, after=after, limit=limit)
        cursor = str(entries[-1].number) if len(entries) == limit else None
        return _answer(
            {
                "ticket": shown(ticket),
                "entries": [shown(entry) for entry in entries],
                "cursor": cursor,
            }
        )

    async def _attachment(self, request: WebRequest) -> WebResponse:
        number = _ticket(request)
        entry, index = _number(request.params, "entry"), _number(request.params, "index")
        _, data = await self._desk.attachment(number, entry, index)
        # never under its own media type: it is the customer's, and a browser must not run it
        return WebResponse(
            body=data,
            content_type="application/octet-stream",
            headers={"content-disposition": "attachment", "x-content-type-options": "nosniff"},
        )

    async def _reply(self, request: WebRequest) -> WebResponse:
        return await self._write(request, "customer")

    async def _note(self, request: WebRequest) -> WebResponse:
        return await self._write(request, "internal")

    async def _write(self, request: WebRequest, audience: Audience) -> WebResponse:
        number, written = _ticket(request), _body(request, _Text)
        if not written.text.strip():
            raise _BadRequest("text is empty")
        entry = await self._desk.reply(
            self._intake,
            number,
            written.text,
            author=written.author,
            audience=audience,
            key=request.headers.get("idempotency-key", ""),
        )
        return _answer({"entry": shown(entry)}, status=201)

    async def _set_state(self, request: WebRequest) -> WebResponse:
        number, wanted = _ticket(request), _body(request, _State)
        ticket = await self._desk.set_state(self._intake, number, wanted.state)
        return _answer({"ticket": shown(ticket)})

    async def _assign(self, request: WebRequest) -> WebResponse:
        number, wanted = _ticket(request), _body(request, _Assignee)
        return _answer({"ticket": shown(await self._desk.assign(number, wanted.assignee))})


def _ticket(request: WebRequest) -> int:
    return read_number(request.params.get("ticket", ""))


def _number(given: Any, name: str) -> int:
    text = given.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise _BadRequest(f"{name} must be a number as an earlier answer gave it")
    return int(text)


def _limit(query: dict[str, str]) -> int:
    limit = _number(query, "limit") if "limit" in query else 50
    if not 1 <= limit <= LIMIT:
        raise _BadRequest(f"limit must be 1 to {LIMIT}")
    return limit


def _body(request: WebRequest, wanted: type[T]) -> T:
    try:
        return msgspec.json.decode(request.body, type=wanted)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _BadRequest(f"the body is not what is expected here: {error}") from error


def _answer(value: Any, *, status: int = 200) -> WebResponse:
    return WebResponse(
        status=status, body=msgspec.json.encode(value), content_type="application/json"
    )


def _problem(status: int, detail: str) -> WebResponse:
    """Make a problem document (RFC 9457)."""
    headers = {401: {"www-authenticate": "Bearer"}, 503: {"retry-after": "2"}}.get(status, {})
    return WebResponse(
        status=status,
        body=msgspec.json.encode(
            {"type": "about:blank", "title": _PHRASES[status], "status": status, "detail": detail}
        ),
        content_type="application/problem+json",
        headers=headers,
    )

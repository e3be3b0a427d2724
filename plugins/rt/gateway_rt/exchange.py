"""One HTTP exchange with a Request Tracker, and what its failure leaves behind."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from types import SimpleNamespace
from typing import Any

import aiohttp
import msgspec

from gateway_rt.answers import error_text, parse_retry_after
from gateway_rt.errors import (
    RtBusy,
    RtError,
    RtForbidden,
    RtNotFound,
    RtRefused,
    RtUnauthorized,
    RtUnknown,
    RtUnreachable,
)
from gateway_rt.wording import words_of

SessionMaker = Callable[..., AbstractAsyncContextManager[aiohttp.ClientSession]]
CHUNK = 65536
BUSY = {429, 503}
ERRORS: dict[int, type[RtError]] = {401: RtUnauthorized, 403: RtForbidden, 404: RtNotFound}


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of success by its status: its JSON body, and the Location field or nothing."""

    status: int
    location: str
    body: Any


class Exchange:
    """Sends requests with a token and turns whatever comes of them into a reply or an ``RtError``.

    Args:
        url: the address of RT's front page.
        token: an API token.
        session: opens a client session; takes ``ssl`` and what `aiohttp.ClientSession` takes.
        tls: settings for https, where the system's own do not do.
        connect_seconds: how long a connection may take to come about.
        total_seconds: how long a request may take altogether.
        answer_limit: bytes an answer may have.
    """

    def __init__(
        self,
        *,
        url: str,
        token: str,
        session: SessionMaker,
        tls: ssl.SSLContext | None,
        connect_seconds: float,
        total_seconds: float,
        answer_limit: int,
    ) -> None:
        self._root = url.rstrip("/") + "/REST/2.0"
        self._token, self._session = token, session
        self._tls = tls
        self._timeout = aiohttp.ClientTimeout(total=total_seconds, connect=connect_seconds)
        self._answer_limit = answer_limit

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Reply:
        """Send a request below ``/REST/2.0/`` and return the answer.

        Args:
            method: ``GET`` for a question; anything else is taken for a change.
            path: without a slash before it.
            params: the query.
            data: a JSON body.

        Raises:
            RtError: nothing but a success by its status is returned.
        """
        sent = SimpleNamespace(connected=False)
        asks = method == "GET"
        try:
            async with (
                self._open() as session,
                session.request(
                    method,
                    f"{self._root}/{path}",
                    params=params,
                    data=data,
                    headers={"Content-Type": "application/json"} if data is not None else None,
                    allow_redirects=False,
                    trace_request_ctx=sent,
                ) as answer,
            ):
                raw = await self._read(answer)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            problem = f"{method} {path}: {words_of(error)}"
            if asks or not sent.connected:
                raise RtUnreachable(f"no answer from RT to {problem}") from error
            raise RtUnknown(f"sent to RT, but not answered: {problem}") from error
        body = _decode(raw)
        if answer.status >= 300:
            raise _failure(answer, body, f"{method} {path}", asks=asks)
        if body is _NOT_JSON:
            kind = RtRefused if asks else RtUnknown
            raise kind(
                f"{method} {path}: the answer is not JSON; is {self._root} a Request Tracker?",
                status=answer.status,
            )
        return Reply(status=answer.status, location=answer.headers.get("Location", ""), body=body)

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        raw = bytearray()
        async for piece in answer.content.iter_chunked(CHUNK):
            raw += piece
            if len(raw) > self._answer_limit:
                raise aiohttp.ClientPayloadError(
                    f"the answer has more than {self._answer_limit} bytes"
                )
        return bytes(raw)

    def _open(self) -> AbstractAsyncContextManager[aiohttp.ClientSession]:
        """Open a session for one request.

        Each request has a connection of its own: on a kept one that the server has just closed,
        a request that never arrived could not be told from one whose answer was lost.
        """
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(_note_connection)
        return self._session(
            ssl=self._tls if self._tls is not None else True,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "Authorization": f"token {self._token}",
                "Accept": "application/json",
                "Accept-Language": "en",
                "Connection": "close",
            },
            timeout=self._timeout,
            trace_configs=[trace],
        )


async def _note_connection(
    _session: aiohttp.ClientSession,
    context: SimpleNamespace,
    _params: aiohttp.TraceConnectionCreateEndParams,
) -> None:
    context.trace_request_ctx.connected = True


_NOT_JSON = object()


def _decode(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _NOT_JSON


def _failure(answer: aiohttp.ClientResponse, body: Any, request: str, *, asks: bool) -> RtError:
    """Return the error that an answer of failure stands for."""
    status = answer.status
    retry_after = parse_retry_after(answer.headers.get("Retry-After"), now=dt.datetime.now(dt.UTC))
    said = error_text(body) or answer.reason or "no reason given"
    message = f"RT answered {request} with {status}: {said}"
    if status < 400:
        return RtRefused(
            f"{message}; set the address that it redirects to, if that is RT's", status=status
        )
    if status in BUSY or (status >= 500 and asks):
        return RtBusy(message, status=status, retry_after=retry_after)
    if status >= 500:
        return RtUnknown(message, status=status, retry_after=retry_after)
    return ERRORS.get(status, RtRefused)(message, status=status, retry_after=retry_after)

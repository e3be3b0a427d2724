"""The webhook backend."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

import aiohttp

from gateway import (
    Arrival,
    Backend,
    BackendCapabilities,
    ConnectorError,
    Context,
    EntryRef,
    Forward,
    Health,
    Intake,
    NotFound,
    Parser,
    Route,
    TicketRef,
)
from gateway_webhook.callbacks import Callbacks, read_arrival
from gateway_webhook.events import EventType, event_body, event_id, ping_body
from gateway_webhook.outcomes import failure, link_of, name_of, read_told, refusal
from gateway_webhook.settings import WebhookSettings
from gateway_webhook.signing import read_secret, sign

ANSWER_LIMIT = 65_536
LARGE = 262_144


class WebhookBackend(Backend[WebhookSettings]):
    """Any system that takes signed events."""

    capabilities: ClassVar[BackendCapabilities] = BackendCapabilities(
        repeat="idempotent", stuck_head="hold", concurrency=4
    )

    def __init__(self, context: Context[WebhookSettings]) -> None:
        super().__init__(context)
        self._keys = [read_secret(secret) for secret in context.settings.secrets]
        self._session: aiohttp.ClientSession | None = None

    async def open_ticket(self, forward: Forward) -> TicketRef:
        """Send ``ticket.open``; without a ticket in the answer its id is the conversation's."""
        told = read_told(await self._send("ticket.open", forward, ticket=""))
        name = name_of(told.ticket)
        if told.ticket is not None and not name:
            self.context.log.warning(
                "webhook_ticket_ignored",
                backend=self.context.name,
                reason="ticket must be a name of 1 to 255 printable characters, or a number",
            )
        return TicketRef(external_id=name or forward.conversation, url=link_of(told.url))

    async def add_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef:
        """Send ``ticket.entry``.

        Raises:
            Rejected: with the ``code`` of the answer's JSON body, such as ``ticket_closed``.
        """
        told = read_told(await self._send("ticket.entry", forward, ticket=ticket.external_id))
        return EntryRef(external_id=name_of(told.entry))

    async def run(self, intake: Intake) -> None:  # noqa: ARG002  # replies come by callback
        """Keep connections open between events."""
        async with self.context.http.session(trusted=True) as session:
            self._session = session
            try:
                await asyncio.Event().wait()
            finally:
                self._session = None

    def routes(self, intake: Intake) -> Sequence[Route]:
        """Answer ``POST /replies``."""
        callbacks = Callbacks(self.context, intake)
        return [Route(method="POST", path="/replies", handler=callbacks.receive)]

    @property
    def parser(self) -> Parser:
        """Read callbacks."""
        return read_arrival

    def is_quick(self, arrival: Arrival) -> bool:
        """Whether it is JSON of a size that is read in no time."""
        return len(arrival.body) <= 65_536

    async def probe(self) -> Health:
        """Connect, by a HEAD request that any answer satisfies; then a ping if settings say so."""
        try:
            await self._request("HEAD", b"", {})
            if self.context.settings.probe_event:
                now = self.context.clock.now()
                body = ping_body(now)
                await self._post(body, sign(self._keys, f"ping_{now}", now // 1000, body))
        except ConnectorError as error:
            return Health(state="down", code=error.reason_code, reason=str(error))
        return Health()

    async def _send(self, type_: EventType, forward: Forward, *, ticket: str) -> bytes:
        contents = await self._contents(forward)
        now = self.context.clock.now()

        def write() -> tuple[bytes, dict[str, str]]:
            body = event_body(type_, forward, contents, ticket=ticket, now=now)
            return body, sign(self._keys, event_id(type_, forward), now // 1000, body)

        size = len(forward.text) + len(forward.html) + sum(map(len, contents.values()))
        body, headers = await asyncio.to_thread(write) if size > LARGE else write()
        return await self._post(body, headers)

    async def _contents(self, forward: Forward) -> dict[str, bytes]:
        """Read the attachments that go along, by their hash: in order, as long as they fit."""
        contents: dict[str, bytes] = {}
        room = self.context.settings.attachment_limit
        for file in forward.attachments:
            if file.state != "stored" or file.size > room or file.sha256 in contents:
                continue
            try:
                contents[file.sha256] = await self.context.blobs.read(file)
            except NotFound:
                continue
            room -= file.size
        return contents

    async def _post(self, body: bytes, headers: dict[str, str]) -> bytes:
        """Post a signed event and return the answer's body.

        Raises:
            ConnectorError: it did not arrive, was not wanted, or nobody knows.
        """
        headers = {**headers, "content-type": "application/json", "user-agent": "intake-gateway"}
        status, retry_after, answer = await self._request("POST", body, headers)
        if 200 <= status < 300:
            return answer
        raise refusal(
            status,
            retry_after,
            answer,
            origin=self.context.settings.origin,
            now=self.context.clock.now() / 1000,
        )

    async def _request(
        self, method: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, str, bytes]:
        settings = self.context.settings
        # connecting ends before the whole does, so that a timeout tells whether anything was sent
        connect = settings.timeout * 2 / 3
        timeout = aiohttp.ClientTimeout(total=settings.timeout, connect=connect)
        try:
            async with (
                self._open_session() as session,
                session.request(
                    method,
                    settings.url,
                    data=io.BytesIO(body) if body else None,
                    headers={**headers, "accept-encoding": "identity"},
                    timeout=timeout,
                    allow_redirects=False,
                ) as response,
            ):
                retry_after = response.headers.get("retry-after", "")
                return response.status, retry_after, await _answer(response)
        except (aiohttp.ClientError, OSError) as error:
            raise failure(error, origin=settings.origin, timeout=settings.timeout) from error

    @asynccontextmanager
    async def _open_session(self) -> AsyncIterator[aiohttp.ClientSession]:
        if self._session is not None:
            yield self._session
            return
        async with self.context.http.session(trusted=True) as session:
            yield session


async def _answer(response: aiohttp.ClientResponse) -> bytes:
    """Read an answer's body; one that is too long says nothing to us."""
    body = bytearray()
    try:
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > ANSWER_LIMIT:
                return b""
    except (aiohttp.ClientError, OSError):
        if response.ok:
            raise  # it may have named the ticket: ask again
        return b""
    return bytes(body)

"""Ticket systems on the loopback interface: they store what they get, and lose answers.

They run in the test's own event loop and outlive any gateway.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
from standardwebhooks import Webhook

from tests.promises.process import HOST

SECRET = "whsec_" + base64.b64encode(b"a secret of the tests, 32 bytes!").decode()


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One entry of a ticket.

    Args:
        key: the idempotency key it came with.
    """

    key: str
    ticket: str
    data: Mapping[str, Any]

    @property
    def text(self) -> str:
        """What the customer wrote."""
        text: str = self.data["text"]
        return text


@dataclass(kw_only=True)
class TicketSystem:
    """A ticket system that takes Standard Webhooks, idempotent by their id.

    Args:
        loses: how often the answer is lost after the entry was stored, 0 to 1; unless it is 0 the
            first answer is lost for certain.
        pause: seconds it takes for each request.
        entries: what it stored, in the order in which it did.
        requests: how often each key came.
        answers: False while it accepts connections and never answers.
        verifies: False where its clock is not the gateway's, so that no signature is fresh.
    """

    dice: random.Random = field(default_factory=lambda: random.Random(1))
    port: int = 0
    loses: float = 0.0
    pause: float = 0.0
    answers: bool = True
    verifies: bool = True
    entries: list[Stored] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    answers_lost: int = 0
    forged: list[str] = field(default_factory=list)
    _known: dict[str, Stored] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it takes events."""
        return f"http://{HOST}:{self.port}/events"

    @property
    def tokens(self) -> list[str]:
        """The first line of every entry's text, in the order in which they were stored."""
        return [entry.text.split("\n", 1)[0].strip() for entry in self.entries]

    async def ticket_of(self, token: str, seconds: float = 20) -> str:
        """Wait until a mail is there; the ticket it is in."""
        await self.until(lambda: token in self.tokens, seconds, why=lambda: f"no {token}")
        return self.entries[self.tokens.index(token)].ticket

    async def until(
        self, condition: Callable[[], Any], seconds: float = 20, *, why: Callable[[], str] = str
    ) -> None:
        """Wait until something holds of it.

        Raises:
            AssertionError: it never did, with what `why` says.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not condition():
            if loop.time() > end:
                raise AssertionError(
                    f"not so within {seconds} s; {len(self.entries)} entries; {why()}"
                )
            await asyncio.sleep(0.01)

    async def reply(
        self, gateway: str, ticket: str, text: str, *, entry: str, audience: str = "customer",
        name: str = "tickets", secret: str = SECRET,
    ) -> tuple[int, Mapping[str, str]]:  # fmt: skip
        """Let an agent write in a ticket; how the gateway answered the callback."""
        data = {"ticket": ticket, "text": text, "entry": entry, "audience": audience}
        body = json.dumps({"type": "reply.created", "data": data}).encode()
        now = datetime.now(UTC)
        headers = {
            "webhook-id": f"reply-{entry}",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(f"reply-{entry}", now, body.decode()),
            "content-type": "application/json",
        }
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(f"{gateway}/in/{name}/replies", data=body) as response,
        ):
            await response.read()
            return response.status, dict(response.headers)

    async def answer(self, request: Request) -> tuple[int, Any] | None:
        """Take one request; None loses the answer."""
        if request.method == "HEAD":
            return 200, {}
        try:
            if self.verifies:
                Webhook(SECRET).verify(request.body, dict(request.headers))
        except Exception as error:
            self.forged.append(repr(error))
            return 401, {}
        key = request.headers["webhook-id"]
        self.requests[key] += 1
        stored = self._known.get(key)
        if stored is None:
            stored = self._store(key, json.loads(request.body))
        if self.pause:
            await asyncio.sleep(self.pause)
        if self._lost():
            return None
        return 200, {"ticket": stored.ticket, "entry": f"entry-{key[-40:]}"}

    def _lost(self) -> bool:
        first = self.loses > 0 and not self.answers_lost
        lost = self.dice.random() < self.loses or first
        self.answers_lost += lost
        return lost

    def _store(self, key: str, event: Any) -> Stored:
        data = event["data"]
        ticket = data["ticket"] or f"T{len(self._known) + 1}"
        stored = Stored(key=key, ticket=ticket, data=data)
        self.remember(stored)
        return stored

    def remember(self, stored: Stored) -> None:
        """Hold an entry from now on."""
        self._known[stored.key] = stored
        self.entries.append(stored)


@dataclass(kw_only=True)
class SearchableSystem(TicketSystem):
    """A ticket system without idempotency: what is sent twice is there twice; but it can be searched.

    ``POST /entries`` stores, ``GET /entries/KEY`` finds.

    Args:
        fails: how often a search fails, 0 to 1.
        searches: how often it was searched.
    """

    fails: float = 0.0
    searches: int = 0

    @property
    def url(self) -> str:
        """Where it takes entries."""
        return f"http://{HOST}:{self.port}/entries"

    async def answer(self, request: Request) -> tuple[int, Any] | None:
        """Take one request; None loses the answer."""
        if request.method == "GET":
            self.searches += 1
            if self.dice.random() < self.fails:
                return 503, {}
            key = request.path.rpartition("/")[2]
            found = next((one for one in self.entries if one.key == key), None)
            answer = (404, {}) if found is None else (200, {"ticket": found.ticket})
        else:
            data = json.loads(request.body)
            self.requests[data["key"]] += 1
            ticket = data["ticket"] or f"T{len(self.entries) + 1}"
            self.entries.append(Stored(key=data["key"], ticket=ticket, data=data))
            answer = (200, {"ticket": ticket})
        return None if self._lost() else answer


@asynccontextmanager
async def ticket_system(system: TicketSystem) -> AsyncIterator[TicketSystem]:
    """Run a ticket system around a block, on a port that the system chooses."""
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            while system.answers and (request := await _read(reader)) is not None:
                answer = await system.answer(request)
                if answer is None:
                    break
                status, body = answer
                content = b"" if request.method == "HEAD" else json.dumps(body).encode()
                writer.write(
                    b"HTTP/1.1 %d Ok\r\ncontent-type: application/json\r\n"
                    b"content-length: %d\r\n\r\n%b" % (status, len(content), content)
                )
                await writer.drain()
            if not system.answers:
                await reader.read()
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # the gateway was killed, or the test is over
        finally:
            serving.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, HOST, 0, limit=1 << 20)
    system.port = server.sockets[0].getsockname()[1]
    try:
        yield system
    finally:
        server.close()
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving)
        await server.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, path, _ = head[0].split(" ")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readuntil(b"\r\n")
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method=method, path=path, headers=headers, body=body)

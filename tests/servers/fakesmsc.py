"""The radio side of Kannel's driver ``smsc = fake``: what phones say and what reaches them.

It speaks the lines of Kannel's own ``fakesmsc`` program, which can say only what it was started
with: sender, receiver, ``text``, ``data`` or ``udh``, and the words.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import quote_from_bytes, unquote_to_bytes

from tests.servers.ports import HOST


@dataclass(frozen=True, kw_only=True)
class Received:
    """One SMS that reached a phone.

    Args:
        coding: ``text`` (UTF-8), ``ucs-2`` (UTF-16BE), or ``data``: with a user data header the
            driver does not tell which of them it is.
    """

    sender: str
    receiver: str
    coding: str
    content: bytes
    header: bytes = b""

    @property
    def part(self) -> tuple[int, int]:
        """Which of how many parts of a long text it is (3GPP TS 23.040, 9.2.3.24.1)."""
        return (self.header[5], self.header[4]) if self.header[1:3] == b"\0\3" else (1, 1)


@dataclass(kw_only=True)
class FakeCentre:
    """A connected SMS centre."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    received: list[Received] = field(default_factory=list)
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition, repr=False)

    async def say(self, sender: str, receiver: str, text: str) -> None:
        """Let a phone send one line of text."""
        await self._send(f"{sender} {receiver} text {text}")

    async def say_parts(self, sender: str, receiver: str, parts: list[bytes], ref: int) -> None:
        """Let a phone send a long 8-bit text in parts with user data headers."""
        for number, part in enumerate(parts, 1):
            header = quote_from_bytes(bytes((5, 0, 3, ref, len(parts), number)), safe="")
            await self._send(f"{sender} {receiver} udh {header} {quote_from_bytes(part, safe='')}")

    async def _send(self, line: str) -> None:
        self.writer.write(line.encode() + b"\n")
        await self.writer.drain()

    async def wait(self, count: int = 1, *, seconds: float = 15) -> list[Received]:
        """Return what phones received as soon as it is at least ``count`` messages.

        Raises:
            TimeoutError: fewer came within ``seconds``.
        """
        async with asyncio.timeout(seconds), self._arrived:
            await self._arrived.wait_for(lambda: len(self.received) >= count)
        return list(self.received)

    async def listen(self) -> None:
        """Take what Kannel sends until it hangs up."""
        while line := await self.reader.readline():
            async with self._arrived:
                self.received.append(read_line(line.removesuffix(b"\n")))
                self._arrived.notify_all()


def read_line(line: bytes) -> Received:
    """Read one message as the driver writes it."""
    sender, receiver, coding, rest = line.split(b" ", 3)
    header = b""
    if coding == b"udh":
        header, coding, rest = rest.split(b" ", 2)
    if coding != b"text":
        rest = unquote_to_bytes(rest.replace(b"+", b" "))
    return Received(
        sender=sender.decode(), receiver=receiver.decode(), coding=coding.decode(), content=rest,
        header=unquote_to_bytes(header),
    )  # fmt: skip


def joined(parts: list[Received]) -> bytes:
    """The content of a long text, whichever way its parts came."""
    return b"".join(part.content for part in sorted(parts, key=lambda one: one.part))


@asynccontextmanager
async def fake_centre(port: int) -> AsyncIterator[FakeCentre]:
    """Be the SMS centre of a Kannel until the block ends."""
    reader, writer = await asyncio.open_connection(HOST, port)
    centre = FakeCentre(reader=reader, writer=writer)
    listening = asyncio.create_task(centre.listen())
    try:
        yield centre
    finally:
        listening.cancel()
        writer.close()
        await asyncio.gather(listening, writer.wait_closed(), return_exceptions=True)

"""A mail listener to test, and a client that sends it exactly what it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

from gateway_email.lmtp import Envelope, ListenerLimits, MailListener, Verdict


class Taker:
    """Accepts mail as told: keeps it, and answers with the verdicts set, or raises."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []
        self.verdicts: dict[str, Verdict] = {}
        self.error: BaseException | None = None
        self.gate: asyncio.Event | None = None
        self.entered = asyncio.Event()
        self.short = False

    async def accept(self, envelope: Envelope) -> Sequence[Verdict]:
        self.entered.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.mails.append(envelope)
        found = [self.verdicts.get(to, Verdict.accepted()) for to in envelope.rcpt_tos]
        return found[:-1] if self.short else found

    async def admit(self, recipient: str) -> Verdict | None:
        if recipient == "broken@example.org":
            raise OSError("the directory is away")
        return None if recipient.endswith("@example.org") else Verdict.unknown_recipient()


class Wire:
    """A client that sends what it is told and reads what comes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def line(self) -> str:
        return (await asyncio.wait_for(self.reader.readline(), 5)).decode()

    async def answer(self) -> str:
        """Return the last line of one answer."""
        while True:
            line = await self.line()
            if line[3:4] != "-":
                return line.rstrip("\r\n")

    async def say(self, line: str | bytes) -> str:
        self.writer.write((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return await self.answer()

    async def begin(
        self, *recipients: str, helo: str = "LHLO c", sender: str = "ann@example.net"
    ) -> None:
        assert (await self.say(helo)).startswith("250")
        assert await self.say(f"MAIL FROM:<{sender}>") == "250 2.1.0 sender taken"
        for to in recipients:
            assert await self.say(f"RCPT TO:<{to}>") == "250 2.1.5 recipient taken"


@contextlib.asynccontextmanager
async def listening(
    taker: Taker, protocol: Literal["lmtp", "smtp"] = "lmtp", **limits: Any
) -> AsyncIterator[MailListener]:
    """Run a listener on a free port."""
    listener = MailListener(
        taker.accept,
        admit=taker.admit,
        protocol=protocol,
        hostname="gw.test",
        limits=ListenerLimits(**limits),
    )
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop(grace=1)


@contextlib.asynccontextmanager
async def connected(listener: MailListener) -> AsyncIterator[Wire]:
    """Connect to a listener."""
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    wire = Wire(reader, writer)
    assert await wire.answer() == "220 gw.test intake gateway"
    try:
        yield wire
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

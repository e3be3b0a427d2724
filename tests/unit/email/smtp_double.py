"""A small SMTP relay that answers as told, and fails where it is told to."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.unit.email.waiting import connections_gone

CLOSE = "CLOSE"
HANG = "HANG"


@dataclass
class SmtpDouble:
    """What the relay says and holds.

    `replies` gives for a verb (GREETING, EHLO, AUTH, MAIL, RCPT, DATA, DOT, RSET) the answers to use up before the
    usual one; CLOSE and HANG are answers too.
    """

    extensions: list[str] = field(default_factory=lambda: ["SIZE 1000000", "8BITMIME"])
    replies: dict[str, list[str]] = field(default_factory=dict)
    credentials: str = "\0gw\0secret"
    token: str = "user=gw\x01auth=Bearer good\x01\x01"
    starttls: ssl.SSLContext | None = None
    port: int = 0
    connections: int = 0
    open: int = 0
    log: list[str] = field(default_factory=list)
    mails: list[tuple[str, list[str], bytes]] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[SmtpDouble]:
        """Serve on a free loopback port."""
        tasks: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            self.connections += 1
            self.open += 1
            try:
                with contextlib.suppress(
                    OSError, asyncio.IncompleteReadError, asyncio.CancelledError, UnicodeDecodeError
                ):
                    await self._talk(reader, writer)
            finally:
                self.open -= 1
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await connections_gone(server)

    async def _say(self, writer: asyncio.StreamWriter, verb: str, usual: str) -> bool:
        waiting = self.replies.get(verb, [])
        reply = waiting.pop(0) if waiting else usual
        if reply == HANG:
            await asyncio.Event().wait()
        if reply != CLOSE:
            writer.write(f"{reply}\r\n".encode())
            await writer.drain()
        return reply[:1] in {"2", "3"} or (reply != CLOSE and reply[:3] != "421")

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender = ""
        recipients: list[str] = []
        if not await self._say(writer, "GREETING", "220 double"):
            return
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            self.log.append(line)
            verb, _, args = line.partition(" ")
            usual, ends = "250 2.0.0 fine", False
            if verb == "EHLO":
                offered = [*self.extensions, *(["STARTTLS"] if self.starttls else [])]
                lines = ["double", *offered]
                usual = "\r\n".join(
                    f"250{'-' if place < len(lines) - 1 else ' '}{word}"
                    for place, word in enumerate(lines)
                )
            elif verb == "STARTTLS" and self.starttls:
                writer.write(b"220 go\r\n")
                await writer.start_tls(self.starttls)
                self.starttls = None
                continue
            elif verb == "AUTH":
                usual = await self._auth(args, reader, writer)
            elif verb == "MAIL":
                sender, recipients = args.split()[0][6:-1], []
            elif verb == "RCPT":
                recipients.append(args[4:-1])
                waiting = self.replies.get("RCPT", [])
                if waiting and waiting[0][:1] != "2":
                    recipients.pop()
            elif verb == "DATA":
                verdict = self.replies.get("DATA", [])[:1]
                if not await self._say(writer, "DATA", "354 go"):
                    return
                if verdict and verdict[0][:1] != "3":
                    continue
                raw = await reader.readuntil(b"\r\n.\r\n")
                verdict = self.replies.get("DOT", [])[:1]
                if not verdict or verdict[0][:1] == "2":
                    self.mails.append((sender, recipients, raw[:-3]))
                verb = "DOT"
                usual = "250 2.0.0 queued as 42"
            elif verb == "QUIT":
                usual, ends = "221 bye", True
            if not await self._say(writer, verb, usual) or ends:
                return

    async def _auth(
        self, args: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> str:
        way, _, given = args.partition(" ")
        if way == "LOGIN":
            writer.write(b"334 UGFzc3dvcmQ6\r\n")
            secret = base64.b64decode(await reader.readline()).decode()
            said = f"\0{base64.b64decode(given).decode()}\0{secret}"
        else:
            said = base64.b64decode(given).decode()
        if said in {self.credentials, self.token}:
            return "235 in"
        if way == "XOAUTH2":
            writer.write(b"334 eyJzdGF0dXMiOiI0MDAifQ==\r\n")
            await reader.readline()
        return "535 5.7.8 no"

"""Mail servers that hand mail over by LMTP and keep a ledger of what was acknowledged."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tests.promises.mails import INBOX, mail, words
from tests.promises.process import HOST

ANSWER_SECONDS = 30.0
PAUSE = 0.02


class Refused(Exception):
    """The other side did not take a mail now; `answer` is what it said."""

    def __init__(self, answer: str) -> None:
        super().__init__(answer)
        self.answer = answer


class Lmtp:
    """One LMTP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, port: int) -> Lmtp:
        """Connect and say hello."""
        connection = cls(*await asyncio.open_connection(HOST, port))
        try:
            await connection._answer("220")
            await connection._say("LHLO mx.example.com", "250")
        except BaseException:
            await connection.close()
            raise
        return connection

    async def offer(self, sender: str, recipient: str, raw: bytes) -> None:
        """Hand a mail over up to its last dot, without waiting for the verdict."""
        await self._say(f"MAIL FROM:<{sender}>", "250")
        await self._say(f"RCPT TO:<{recipient}>", "250")
        await self._say("DATA", "354")
        body = raw.replace(b"\r\n.", b"\r\n..")
        self._writer.write(body + (b"" if body.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        await self._writer.drain()

    async def verdict(self) -> str:
        """The answer to a mail that was handed over."""
        return await self._answer("250")

    async def send(self, sender: str, recipient: str, raw: bytes) -> str:
        """Hand a mail over; the answer if it is 250.

        Raises:
            Refused: it is another.
            OSError, EOFError: the connection broke.
        """
        await self.offer(sender, recipient, raw)
        return await self.verdict()

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _say(self, line: str, wanted: str) -> str:
        self._writer.write(line.encode() + b"\r\n")
        await self._writer.drain()
        return await self._answer(wanted)

    async def _answer(self, wanted: str) -> str:
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                line = (await self._reader.readuntil(b"\n")).decode()
                if line[3:4] != "-":
                    break
        if not line.startswith(wanted):
            raise Refused(line.strip())
        return line.strip()


async def send_once(port: int, raw: bytes, *, sender: str, to: str = INBOX) -> str:
    """Send one mail over a connection of its own; the answer, whatever it is."""
    try:
        connection = await Lmtp.connect(port)
    except Refused as refused:
        return refused.answer
    try:
        return await connection.send(sender, to, raw)
    except Refused as refused:
        return refused.answer
    finally:
        await connection.close()


@dataclass(kw_only=True)
class Sender:
    """A customer whose mail server sends one mail after the other, each until it has a 250.

    The first acknowledgement is lost on its way, and now and then a later one: then the same mail
    is sent again. Every third mail begins a new matter, the others answer the matter before.

    Args:
        acknowledged: tokens in the order in which they were acknowledged.
        offered: every token that was ever sent, in the order in which they were sent first.
        matter: of each token, the token of the mail that began its matter.
        forgets: how often an acknowledgement is lost, 0 to 1.
        told: called with the token of a mail that was acknowledged, even if that is then lost.
        file: makes what is attached to the next mail.
        most: how many mails it sends before it finishes by itself; 0 for no end.
    """

    name: str
    port: int
    dice: random.Random
    forgets: float = 0.15
    pause: float = 0.0
    told: Callable[[str], None] = lambda token: None
    file: Callable[[random.Random], bytes] = lambda dice: b""
    most: int = 0
    acknowledged: list[str] = field(default_factory=list)
    offered: list[str] = field(default_factory=list)
    matter: dict[str, str] = field(default_factory=dict)
    lost_answers: int = 0
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    _over: bool = False

    @property
    def address(self) -> str:
        """Who it writes as."""
        return f"{self.name}@{self.name}.example.net"

    def finish(self) -> None:
        """Begin no further mail; the one under way is sent until it is acknowledged."""
        self._over = True

    async def run(self) -> None:
        """Send mail after mail until told to finish."""
        connection: Lmtp | None = None
        while not self._over:
            token, raw = self._next()
            self.offered.append(token)
            done = False
            while not done:
                try:
                    if connection is None:
                        connection = await Lmtp.connect(self.port)
                    await connection.send(self.address, INBOX, raw)
                except (OSError, EOFError, TimeoutError, Refused):
                    if connection is not None:
                        await connection.close()
                    connection = None
                    await asyncio.sleep(PAUSE)
                    continue
                self.told(token)
                if not self.lost_answers or self.dice.random() < self.forgets:
                    self.lost_answers += 1
                    await connection.close()
                    connection = None
                    continue
                done = True
            self.acknowledged.append(token)
            if len(self.acknowledged) == self.most:
                self._over = True
            self.heard.set()
            await asyncio.sleep(self.pause)
        if connection is not None:
            await connection.close()

    def _next(self) -> tuple[str, bytes]:
        number = len(self.offered)
        token = f"token-{self.name}-{number:05d}-{self.dice.getrandbits(40):010x}"
        first = number % 3 == 0
        self.matter[token] = token if first else self.matter[self.offered[-1]]
        message_id = f"{token}@{self.name}.example.net"
        headers = {}
        if not first:
            lead = f"<{self.matter[token]}@{self.name}.example.net>"
            headers = {"In_Reply_To": lead, "References": lead}
        text = f"{token}\n\n{words(self.dice)}\n"
        return token, mail(
            self.address, text, self.file(self.dice),
            message_id=message_id, subject=words(self.dice, 4), **headers,
        )  # fmt: skip

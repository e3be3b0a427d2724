"""The library's wire protocol, mended where it loses its grip.

aioimaplib 2.0.3 handles each line by recursion (about 900 untagged lines exhaust the stack), does not tell a waiting
command that the connection is gone, takes BYE for ordinary data, never answers the challenge with which a server
refuses a token, forgets EXISTS that arrive beside another command, and formats every byte and password for a log
nobody reads. Each override below mends one of these; everything else is the library's.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re

from aioimaplib import aioimaplib

LINE_LIMIT = 16 * 1024 * 1024
"""Octets of one response line: a SEARCH answer of two million UIDs fits."""

LITERAL_LIMIT = 128 * 1024 * 1024
"""Octets of one literal: sizes are asked before bodies, so a larger one was never asked for."""

_LITERAL = re.compile(rb"\{(\d+)\}$")
_STATUS = (b"* OK", b"* NO", b"* BAD", b"* BYE", b"* PREAUTH")
_COUNT = re.compile(rb"(\d+) (EXISTS|EXPUNGE)\b", re.IGNORECASE)
_MESSAGE_DATA = re.compile(rb"\d+ (FETCH|EXPUNGE)\b", re.IGNORECASE)


class ImapProtocol(aioimaplib.IMAP4ClientProtocol):  # type: ignore[misc]  # the library has no types
    """One connection, with news and loss made visible.

    Attributes:
        lost: Done, with a sentence, as soon as the connection is no longer usable.
        news: Set when the mailbox grew, whatever command was running then.
        exists: How many messages the selected mailbox holds.
        challenge: What the server said when it refused a token, decoded.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.lost: asyncio.Future[str] = loop.create_future()
        self.news = asyncio.Event()
        self.exists = 0
        self.challenge = ""
        self._unread = bytearray()
        self._speaking: aioimaplib.Command | None = None

    def give_up(self, reason: str) -> None:
        """Drop the connection and tell whoever waits why."""
        if not self.lost.done():
            self.lost.set_result(reason)
        if self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail everything that waits, at once."""
        reason = f": {exc}" if exc is not None else ""
        self.give_up(f"the server closed the connection{reason}")

    def data_received(self, data: bytes) -> None:
        """Take what arrived, line by line and literal by literal."""
        if self.lost.done():
            return
        self._unread += data
        try:
            while self._take_literal() and self._take_line():
                pass
        except Exception as error:  # a server can say anything; nobody else could report it
            self.give_up(
                f"the server's answer could not be understood ({type(error).__name__}: {error})"
            )

    def _take_literal(self) -> bool:
        command = self._speaking
        if command is None or not command.wait_literal_data():
            return True
        if not self._unread:
            return False
        self._unread = bytearray(command.append_literal_data(bytes(self._unread)))
        return not command.wait_literal_data()

    def _take_line(self) -> bool:
        end = self._unread.find(b"\r\n")
        if end < 0:
            if len(self._unread) > LINE_LIMIT:
                raise ValueError("a line without end")
            return False
        line = bytes(self._unread[:end])
        del self._unread[: end + 2]
        within = self._speaking is not None
        command = self._handle_line(line, self._speaking)
        literal = _LITERAL.search(line)
        if literal and (within or (line.startswith(b"* ") and not line.startswith(_STATUS))):
            size = int(literal[1])
            if size > LITERAL_LIMIT:
                raise ValueError(f"a literal of {size} octets")
            command = command or aioimaplib.Command("NIL", "unused", loop=self.loop)
            command.begin_literal_data(size)
            self._speaking = command
        else:
            self._speaking = command if command is not None and command.wait_data() else None
        return not self.lost.done()

    def send(self, line: str, scrub: str | None = None) -> None:  # noqa: ARG002 - nothing is logged, so nothing is scrubbed
        """Send one line; never log it, it may hold a password."""
        self.transport.write(f"{line}\r\n".encode())

    async def welcome(self, command: bytes) -> None:
        """Greet the server; a greeting that is a refusal ends the connection with its reason."""
        try:
            await super().welcome(command)
        except Exception as error:  # runs in a task of the library's that nobody awaits
            self.give_up(f"the server's greeting was a refusal: {error}")

    async def capability(self) -> None:
        """Ask what the server can do, and believe only its CAPABILITY lines."""
        response = await self.execute(
            aioimaplib.Command("CAPABILITY", self.new_tag(), loop=self.loop)
        )
        words = b" ".join(bytes(line) for line in response.lines[:-1]).decode("ascii", "replace")
        self.capabilities = {word.upper() for word in words.split()}
        if response.result != "OK" or not self.capabilities & {"IMAP4REV1", "IMAP4REV2", "IMAP4"}:
            raise aioimaplib.Error("it does not speak IMAP4rev1")

    def _untagged_response(self, line: bytes) -> aioimaplib.Command | None:
        text = line.removeprefix(b"* ")
        self._notice(text)
        if self.pending_sync_command is not None:
            self.pending_sync_command.append_to_resp(text)
            return self.pending_sync_command
        message_data = _MESSAGE_DATA.match(text)
        if message_data:
            name, rest = message_data[1], text
        else:
            name, _, rest = text.partition(b" ")
        command = self.pending_async_commands.get(name.decode("ascii", "replace").upper())
        if command is not None:
            command.append_to_resp(rest)
        return command

    def _notice(self, text: bytes) -> None:
        count = _COUNT.match(text)
        if count and count[2].upper() == b"EXISTS":
            if int(count[1]) > self.exists:
                self.news.set()
            self.exists = int(count[1])
        elif count:
            self.exists = max(0, self.exists - 1)
        elif text[:4].upper() == b"BYE " or text.upper() == b"BYE":
            leaving = self.pending_sync_command
            if leaving is None or leaving.name != "LOGOUT":
                self.give_up(f"the server said goodbye: {text[4:].decode('utf-8', 'replace')}")

    def _continuation(self, line: bytes) -> None:
        command = self.pending_sync_command
        if command is not None and command.name == "AUTHENTICATE":
            # RFC 7628: an empty line acknowledges the error, and only then comes the tagged NO.
            self.challenge = _decoded(line[1:].strip())
            self.transport.write(b"\r\n")
        else:
            super()._continuation(line)


def _decoded(challenge: bytes) -> str:
    try:
        return base64.b64decode(challenge, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return challenge.decode("utf-8", "replace")

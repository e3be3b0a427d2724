"""An SMS centre that a real Kannel connects to by SMPP 3.4, as it does to an operator's.

What Kannel's own test driver cannot do is done here: texts in GSM 7-bit and UCS-2 with user data
headers, receipts that come late or tell of a failure, and refusals. Strict: what is no proper PDU
ends the connection.
"""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.servers.ports import HOST

HEADER = struct.Struct(">IIII")
RESPONSE = 0x80000000
BINDS = {0x1: "receiver", 0x2: "transmitter", 0x9: "transceiver"}
SUBMIT, DELIVER, UNBIND, ENQUIRE_LINK = 0x4, 0x5, 0x6, 0x15
INTERNATIONAL, ISDN = 1, 1
HAS_HEADER, IS_RECEIPT = 0x40, 0x04
OK, THROTTLED, INVALID_RECEIVER = 0x0, 0x58, 0x0B
GSM, UCS2 = 0x0, 0x8


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """One SMS as Kannel hands it over.

    Args:
        coding: the data coding: 0 is GSM 7-bit, 8 is UCS-2.
        wants_receipt: it asks for a delivery receipt.
    """

    id: str
    sender: str
    receiver: str
    coding: int
    content: bytes
    header: bytes = b""
    wants_receipt: bool = False

    @property
    def part(self) -> tuple[int, int]:
        """Which of how many parts of a long text it is (3GPP TS 23.040, 9.2.3.24.1)."""
        return (self.header[5], self.header[4]) if self.header[1:3] == b"\0\3" else (1, 1)


@dataclass(kw_only=True)
class SmppCentre:
    """A listening SMS centre; ``answer`` is the status with which it answers what it is handed."""

    port: int
    answer: int = OK
    receipts: bool = True
    submitted: list[Submitted] = field(default_factory=list)
    _writer: asyncio.StreamWriter | None = field(default=None, repr=False)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition, repr=False)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    async def wait(self, count: int = 1, *, seconds: float = 15) -> list[Submitted]:
        """Return what was handed over as soon as it is at least ``count`` messages.

        Raises:
            TimeoutError: fewer came within ``seconds``.
        """
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: len(self.submitted) >= count)
        return list(self.submitted)

    async def connected(self, *, seconds: float = 15) -> None:
        """Wait until Kannel has logged in."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: self._writer is not None)

    async def say(
        self,
        sender: str,
        receiver: str,
        *parts: bytes,
        coding: int = GSM,
        reference: int = 77,
        kind: int = INTERNATIONAL,
    ) -> None:
        """Let a phone send a text.

        Args:
            sender: E.164 without the plus sign, if ``kind`` says that it is international.
            parts: its bytes in the coding, in pieces of at most 134 octets if it is a long one.
            reference: what makes the parts one text; another for each.
            kind: the type of both numbers: 0 unknown, 1 international, 2 national.
        """
        for number, part in enumerate(parts, 1):
            header = bytes((5, 0, 3, reference, len(parts), number)) if len(parts) > 1 else b""
            await self._deliver(
                sender, receiver, header + part, coding, HAS_HEADER if header else 0, kind
            )

    async def report(self, message: Submitted, state: str, error: str = "000") -> None:
        """Send a delivery receipt.

        Args:
            state: ``DELIVRD``, ``UNDELIV``, ``EXPIRED``, ``REJECTD``, ``ENROUTE`` … (SMPP 3.4, B).
        """
        text = (
            f"id:{message.id} sub:001 dlvrd:001 submit date:2611260000 done date:2611260001 "
            f"stat:{state} err:{error} text:"
        )
        sender, receiver = message.receiver, message.sender
        await self._deliver(sender, receiver, text.encode(), GSM, IS_RECEIPT)

    async def _deliver(
        self,
        sender: str,
        receiver: str,
        content: bytes,
        coding: int,
        esm_class: int,
        kind: int = INTERNATIONAL,
    ) -> None:
        body = b"".join(
            (
                b"\0", _address(sender, kind), _address(receiver, kind),
                bytes((esm_class, 0, 0)), b"\0\0",
                bytes((0, 0, coding, 0, len(content))), content,
            )
        )  # fmt: skip
        await self._send(DELIVER, OK, next(self._numbers), body)

    async def _send(self, command: int, status: int, sequence: int, body: bytes = b"") -> None:
        assert self._writer is not None, "Kannel is not connected"
        self._writer.write(HEADER.pack(HEADER.size + len(body), command, status, sequence) + body)
        await self._writer.drain()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it ends."""
        try:
            while True:
                length, command, _, sequence = HEADER.unpack(await reader.readexactly(HEADER.size))
                body = await reader.readexactly(length - HEADER.size)
                if command in BINDS:
                    await self._log_in(writer)
                    await self._send(command | RESPONSE, OK, sequence, b"centre\0")
                elif command == SUBMIT:
                    await self._take(sequence, body)
                elif command in (ENQUIRE_LINK, UNBIND):
                    await self._send(command | RESPONSE, OK, sequence)
                elif command != DELIVER | RESPONSE:
                    raise ValueError(f"PDU {command:#x} has no business here")
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self._writer = None
            writer.close()

    async def _log_in(self, writer: asyncio.StreamWriter) -> None:
        async with self._changed:
            self._writer = writer
            self._changed.notify_all()

    async def _take(self, sequence: int, body: bytes) -> None:
        message = read_submit(body, str(next(self._numbers)))
        await self._send(SUBMIT | RESPONSE, self.answer, sequence, f"{message.id}\0".encode())
        if self.answer != OK:
            return
        if self.receipts and message.wants_receipt:
            await self.report(message, "DELIVRD")
        async with self._changed:
            self.submitted.append(message)
            self._changed.notify_all()


def _address(number: str, kind: int) -> bytes:
    return bytes((kind, ISDN)) + number.encode() + b"\0"


def read_submit(body: bytes, message_id: str) -> Submitted:
    """Read the body of a ``submit_sm`` (SMPP 3.4, 4.4.1)."""
    _, rest = body.split(b"\0", 1)  # service type
    sender, rest = rest[2:].split(b"\0", 1)
    receiver, rest = rest[2:].split(b"\0", 1)
    kind, rest = rest[0], rest[3:]
    _, _, rest = rest.split(b"\0", 2)  # schedule, validity
    registered, _, coding, _, length = rest[:5]
    content, header = rest[5 : 5 + length], b""
    if kind & HAS_HEADER:
        size = content[0] + 1
        header, content = content[:size], content[size:]
    return Submitted(
        id=message_id, sender=sender.decode(), receiver=receiver.decode(), coding=coding,
        content=content, header=header, wants_receipt=bool(registered & 0x3),
    )  # fmt: skip


@asynccontextmanager
async def smpp_centre(port: int) -> AsyncIterator[SmppCentre]:
    """Listen as an SMS centre until the block ends."""
    centre = SmppCentre(port=port)
    server = await asyncio.start_server(centre.serve, HOST, port)
    try:
        yield centre
    finally:
        server.close()
        if centre._writer is not None:
            centre._writer.close()

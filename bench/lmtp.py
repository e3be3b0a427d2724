"""A plain, quick LMTP client, so that the sender is not what is measured."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence


async def send_all(port: int, mails: Sequence[bytes], *, connections: int) -> None:
    """Send mails over several connections; every one must be acknowledged."""
    waiting = list(reversed(mails))
    await asyncio.gather(*(_connection(port, waiting) for _ in range(connections)))


async def _connection(port: int, waiting: list[bytes]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await _answer(reader, b"220")
    writer.write(b"LHLO bench\r\n")
    await _answer(reader, b"250")
    while waiting:
        mail = waiting.pop()
        stuffed = mail.replace(b"\r\n.", b"\r\n..")
        for line in (b"MAIL FROM:<bench@example.net>", b"RCPT TO:<support@example.com>"):
            writer.write(line + b"\r\n")
            await _answer(reader, b"250")
        writer.write(b"DATA\r\n")
        await _answer(reader, b"354")
        writer.write(stuffed + b"\r\n.\r\n")
        await _answer(reader, b"250")
    writer.write(b"QUIT\r\n")
    writer.close()


async def _answer(reader: asyncio.StreamReader, code: bytes) -> None:
    while True:
        line = await reader.readline()
        if not line.startswith(code):
            raise RuntimeError(f"expected {code.decode()}, got {line!r}")
        if line[3:4] != b"-":
            return

"""Customers' mailboxes: a mail server on the loopback interface, and what lies in it for whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage

from tests.servers.smtp_sink import SmtpSink, start_smtp_sink


@dataclass(frozen=True, kw_only=True)
class Customers:
    """Everybody's mailboxes."""

    sink: SmtpSink

    @property
    def port(self) -> int:
        """Where their mail server takes mail."""
        return self.sink.port

    def mailbox(self, address: str) -> list[EmailMessage]:
        """What lies in one's mailbox, oldest first."""
        return [one.message for one in self.sink.received if address in one.recipients]

    async def mail_for(self, address: str, count: int = 1, seconds: float = 15) -> EmailMessage:
        """Wait until so many mails lie in a mailbox; the last of them."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        many = 1
        while len(self.mailbox(address)) < count:
            await self.sink.wait(many, seconds=end - loop.time())
            many = len(self.sink.received) + 1
        return self.mailbox(address)[count - 1]


@asynccontextmanager
async def customers() -> AsyncIterator[Customers]:
    """Run their mail server around a block."""
    async with start_smtp_sink() as sink:
        yield Customers(sink=sink)

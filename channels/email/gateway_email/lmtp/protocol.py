"""The server side of one SMTP or LMTP connection, on aiosmtpd, mended where real mail would suffer.

The library refuses lines over 1,001 octets, answers an LMTP DATA once whatever the number of recipients, lets the end
of a connection cancel work in flight, shares its command limits between connections and reads addresses with a parser
that hostile input can exhaust. What is overridden here replaces exactly that.
"""

from __future__ import annotations

import asyncio
import collections
import logging
import re
from collections.abc import Sequence
from typing import Any, Protocol, cast

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, syntax

from gateway_email.lmtp.content import Content
from gateway_email.lmtp.envelope import Envelope, Verdict

log = logging.getLogger(__name__)

GATHERED = 64 * 1024
"""Octets after which the reader stops the other side until they are taken, so that a large mail is
received in short steps; also the longest command line that is read at all."""

MEGABYTE = 1024 * 1024

COMMAND_LIMIT = 2048
"""Octets of a command line: bounce addresses with their parameters grow long (RFC 5321 wants 512)."""

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_ADDRESS = re.compile(rf"<((?:{_QUOTED}|[^<>\"\s])*)>|([^<>\"\s]+)")


class Host(Protocol):
    """What a connection needs of the listener it belongs to."""

    size_limit: int
    recipient_limit: int

    def opened(self, connection: Connection) -> None:
        """Count a connection in."""

    def closed(self, connection: Connection) -> None:
        """Count a connection out."""

    def hold(self, octets: int) -> bool:
        """Reserve memory for a mail in transfer; False when there is none left."""

    def release(self, octets: int) -> None:
        """Give memory back."""

    async def admit(self, recipient: str) -> Verdict | None:
        """Return None for a recipient of ours, else the refusal."""

    async def take(self, envelope: Envelope) -> Sequence[Verdict]:
        """Return one verdict for each recipient, after the mail is safe."""


class Connection(SMTP):
    """One SMTP connection."""

    lmtp = False

    def __init__(self, host: Host, *, timeout: float, call_limit: int, **options: Any) -> None:
        # An own dictionary: the library's is shared by all connections and cleared by each new one.
        self.command_size_limits = collections.defaultdict(lambda: COMMAND_LIMIT)
        self.line_length_limit = GATHERED
        self.host = host
        self.busy = False
        self._held = 0
        self._leaving = False
        super().__init__(
            self,
            data_size_limit=host.size_limit,
            enable_SMTPUTF8=True,
            ident="intake gateway",
            timeout=timeout,
            command_call_limit=call_limit,
            auth_exclude_mechanism=("PLAIN", "LOGIN"),
            **options,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection in and begin to talk."""
        known = self.transport is not None  # STARTTLS makes the same connection a second time
        super().connection_made(transport)
        if not known:
            self.host.opened(self)
            assert self._handler_coroutine is not None
            self._handler_coroutine.add_done_callback(_picked_up)

    def connection_lost(self, error: Exception | None) -> None:
        """Count the connection out."""
        super().connection_lost(error)
        self.host.closed(self)

    def leave(self) -> None:
        """Say 421 and close: at once when idle, after the answer when a mail is being taken."""
        self._leaving = True
        if not self.busy and self.transport is not None:
            self._say_goodbye()

    def cut_off(self) -> None:
        """Close without an answer; what was in transfer stays with its sender."""
        transport: Any = self.transport
        if transport is not None:
            transport.abort()

    def _say_goodbye(self) -> None:
        transport: Any = self.transport
        if transport is not None and not transport.is_closing():
            transport.write(b"421 4.3.2 closing, please try again later\r\n")
            transport.close()

    async def handle_exception(self, error: Exception) -> str:
        """Answer any fault of our own so that the other side tries again."""
        log.error("a mail command failed and will be tried again: %s", type(error).__name__)
        return Verdict.failed().line

    async def handle_EHLO(  # noqa: N802 - the library's name
        self, _server: SMTP, session: Any, _envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        """Announce what is really done here."""
        session.host_name = hostname
        kept = [line for line in responses if not line[4:].startswith(("AUTH", "HELP"))]
        return [*kept, "250-PIPELINING", "250 ENHANCEDSTATUSCODES"]

    async def handle_MAIL(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take the sender; refuse early when there is no room."""
        if not self.host.hold(0):
            return Verdict.overloaded().line
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 sender taken"

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Admit a recipient of ours."""
        if len(envelope.rcpt_tos) >= self.host.recipient_limit:
            return f"452 4.5.3 more than {self.host.recipient_limit} recipients, send the rest separately"
        refusal = await self.host.admit(address)
        if refusal is not None:
            return refusal.line
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 recipient taken"

    async def handle_QUIT(self, _server: SMTP, _session: Any, _envelope: Any) -> str:  # noqa: N802 - the library's name
        """Part."""
        return "221 2.0.0 bye"

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """Read an address without a recursive parser; `<>` stays as it is, so that it counts as a sender."""
        arg = arg.strip()
        found = _ADDRESS.match(arg)
        if found is None:
            return None, None
        address = found[1] if found[1] is not None else found[2]
        if address.startswith("@"):  # a source route (RFC 5321 section 4.1.1.3) is read over
            address = address.partition(":")[2]
        if len(address) > 320 or any(not letter.isprintable() for letter in address):
            return None, None
        return address or "<>", arg[found.end() :].strip()

    @syntax("DATA")
    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - the library's name
        """Take a mail and answer: once, or in LMTP once for each recipient (RFC 2033 section 4.2)."""
        if await self.check_helo_needed():
            return
        assert self.envelope is not None
        if not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 need RCPT first")
            return
        if arg:
            await self.push("501 5.5.4 syntax: DATA")
            return
        self.busy = True
        try:
            await self.push("354 end with <CR><LF>.<CR><LF>")
            raw = await self._receive()
            self._reset_timeout()
            verdicts = (
                [raw] * len(self.envelope.rcpt_tos)
                if isinstance(raw, Verdict)
                else await self._decide(raw)
            )
            self.envelope = self._create_envelope()
            await self.push("\r\n".join(verdict.line for verdict in self._answers(verdicts)))
        finally:
            self._release()
            self.busy = False
        if self._leaving:
            self._say_goodbye()

    async def _receive(self) -> bytes | Verdict:
        """Read to the end of the mail, whatever its size; gives it, or why it may not be kept."""
        reader: Any = self._reader
        content = Content()
        refusal: Verdict | None = None
        rest: bytes | None = None
        patience = MEGABYTE
        while rest is None:
            piece = await reader.read(MEGABYTE)
            if not piece:
                raise ConnectionResetError("the other side left within a mail")
            rest = content.add(piece)
            if content.size >= patience:
                self._reset_timeout()
                patience += MEGABYTE
            more = content.size - self._held
            if refusal is None and content.size > self.host.size_limit:
                refusal = Verdict.too_large(self.host.size_limit)
            elif refusal is None and not self.host.hold(more):
                refusal = Verdict.overloaded()
            if refusal is None:
                self._held += more
            else:
                content.clear()
                self._release()
        reader._buffer[:0] = rest  # noqa: SLF001 - the reader has no way to give back what was read too far
        return await content.whole() if refusal is None else refusal

    def _release(self) -> None:
        self.host.release(self._held)
        self._held = 0

    async def _decide(self, raw: bytes) -> Sequence[Verdict]:
        assert self.envelope is not None
        assert self.session is not None
        peer: Any = self.session.peer
        sender = str(self.envelope.mail_from)
        mail = Envelope(
            mail_from="" if sender == "<>" else sender,
            rcpt_tos=tuple(str(recipient) for recipient in self.envelope.rcpt_tos),
            raw=raw,
            peer=str(peer[0]) if isinstance(peer, tuple) else str(peer or ""),
            helo=str(self.session.host_name or ""),
            lmtp=self.lmtp,
            smtp_utf8=bool(self.envelope.smtp_utf8),
        )
        return await self.host.take(mail)

    def _answers(self, verdicts: Sequence[Verdict]) -> Sequence[Verdict]:
        """Give SMTP its one answer: no recipient is acknowledged that was not taken."""
        for wanted in (4, 5):
            for verdict in verdicts:
                if verdict.code // 100 == wanted:
                    return [verdict]
        return verdicts[:1]


class LmtpConnection(Connection, LMTP):
    """One LMTP connection (RFC 2033)."""

    lmtp = True

    def _answers(self, verdicts: Sequence[Verdict]) -> Sequence[Verdict]:
        return verdicts


class TurnedAway(asyncio.Protocol):
    """A connection above the limit: it hears why and is closed."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say so and close."""
        transport = cast("asyncio.WriteTransport", transport)
        transport.write(b"421 4.7.0 too many connections, please try again later\r\n")
        transport.close()


def _picked_up(task: asyncio.Task[None]) -> None:
    """Take a broken connection's exception, so that nobody complains about it later."""
    if not task.cancelled():
        task.exception()

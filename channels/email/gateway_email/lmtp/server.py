"""A listener for LMTP or SMTP: mail is acknowledged after it was accepted, and never before."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import msgspec

from gateway_email.lmtp.envelope import Envelope, Overloaded, Verdict
from gateway_email.lmtp.protocol import Connection, LmtpConnection, TurnedAway

log = logging.getLogger(__name__)

Accept = Callable[[Envelope], Awaitable[Sequence[Verdict]]]
Admit = Callable[[str], Awaitable[Verdict | None]]


class ListenerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a listener takes at most.

    Args:
        size: Octets of one mail.
        in_transfer: Octets of all mails being received or decided on; above it new ones hear 452.
        connections: Connections at a time; the next hears 421.
        recipients: Recipients of one mail; the next hears 452 (RFC 5321 section 4.5.3.1.10).
        commands: How often one command may come on one connection.
        idle: Seconds without a command, or for a megabyte of a mail, after which a connection is closed.
        decision: Seconds `accept` may take before the other side is told to try again.
    """

    size: int = 30 * 1024 * 1024
    in_transfer: int = 256 * 1024 * 1024
    connections: int = 100
    recipients: int = 500
    commands: int = 100_000
    idle: float = 300.0
    decision: float = 120.0


class MailListener:
    """Listen for mail from a mail server beside us.

    Args:
        accept: Makes a mail safe and returns one verdict for each recipient; whatever it raises is answered with
            451 (`Overloaded` with 452), so that the mail stays with the other side. It is never cancelled by a client
            that goes away.
        admit: Returns None for a recipient of ours, else the refusal; by default every recipient is ours.
        protocol: `lmtp`, or `smtp` for mail servers that speak nothing else.
        hostname: What the listener calls itself.
        limits: See `ListenerLimits`.
        tls_context: Offers STARTTLS; not needed on loopback.
    """

    def __init__(
        self,
        accept: Accept,
        *,
        admit: Admit | None = None,
        protocol: Literal["lmtp", "smtp"] = "lmtp",
        hostname: str = "localhost",
        limits: ListenerLimits | None = None,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self.limits = limits or ListenerLimits()
        self.size_limit = self.limits.size
        self.recipient_limit = self.limits.recipients
        self._accept = accept
        self._admit = admit
        self._make = LmtpConnection if protocol == "lmtp" else Connection
        self._hostname = hostname or "localhost"
        self._tls_context = tls_context
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._deciding: set[asyncio.Task[Sequence[Verdict]]] = set()
        self._held = 0
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def port(self) -> int:
        """The port listened on, also when 0 was asked for."""
        assert self._server is not None, "start() comes first"
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    async def start(self, host: str = "127.0.0.1", port: int = 0, *, shared: bool = False) -> None:
        """Begin to listen.

        Args:
            shared: Other processes listen on the same address, and the system divides the
                connections among them.

        Raises:
            OSError: The address is taken or not ours.
        """
        # The library logs every command, and with it reply tokens and addresses.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, host, port, reuse_port=shared)

    async def stop(self, grace: float = 10.0) -> None:
        """Stop listening and let mails in transfer be answered.

        Args:
            grace: Seconds to wait for them; what is not done then is cut off unacknowledged.
        """
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._connections):
            connection.leave()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._empty.wait()
                await asyncio.gather(*self._deciding, return_exceptions=True)
        for connection in list(self._connections):
            connection.cut_off()
        for task in self._deciding:
            task.cancel()
        await asyncio.gather(*self._deciding, return_exceptions=True)
        self._server = None

    def _connection(self) -> asyncio.Protocol:
        if len(self._connections) >= self.limits.connections:
            return TurnedAway()
        connection: asyncio.Protocol = self._make(
            self,
            timeout=self.limits.idle,
            call_limit=self.limits.commands,
            hostname=self._hostname,
            tls_context=self._tls_context,
            loop=asyncio.get_running_loop(),
        )
        return connection

    def opened(self, connection: Connection) -> None:
        """Count a connection in."""
        self._connections.add(connection)
        self._empty.clear()

    def closed(self, connection: Connection) -> None:
        """Count a connection out."""
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def hold(self, octets: int) -> bool:
        """Reserve memory for a mail in transfer; False when there is none left."""
        if self._held + octets >= self.limits.in_transfer:
            return False
        self._held += octets
        return True

    def release(self, octets: int) -> None:
        """Give memory back."""
        self._held -= octets

    async def admit(self, recipient: str) -> Verdict | None:
        """Return None for a recipient of ours, else the refusal."""
        if self._admit is None:
            return None
        try:
            return await self._admit(recipient)
        except Exception as error:
            _report("a recipient could not be looked up", error)
            return Verdict.failed()

    async def take(self, envelope: Envelope) -> Sequence[Verdict]:
        """Return one verdict for each recipient, after the mail is safe."""
        # A task of its own: a client that hangs up after the dot must not break off a commit.
        task = asyncio.ensure_future(self._accept(envelope))
        self._deciding.add(task)
        task.add_done_callback(self._decided)
        try:
            async with asyncio.timeout(self.limits.decision):
                verdicts = await asyncio.shield(task)
        except Overloaded:
            verdicts = [Verdict.overloaded()] * len(envelope.rcpt_tos)
        except Exception as error:
            _report("a mail could not be accepted and stays with its sender", error)
            verdicts = [Verdict.failed()] * len(envelope.rcpt_tos)
        if len(verdicts) != len(envelope.rcpt_tos):
            log.error("%d verdicts for %d recipients", len(verdicts), len(envelope.rcpt_tos))
            return [Verdict.failed()] * len(envelope.rcpt_tos)
        return verdicts

    def _decided(self, task: asyncio.Task[Sequence[Verdict]]) -> None:
        self._deciding.discard(task)
        if not task.cancelled():
            task.exception()


def _report(what: str, error: Exception) -> None:
    """Log the kind of a failure alone: its words or trace could hold an address or a mail."""
    log.error("%s: %s", what, type(error).__name__)

"""An SMTP server in the test's own event loop that keeps what it is given."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from tests.servers.ports import HOST

ACCEPT = "250 2.0.0 Ok"


@dataclass(frozen=True, kw_only=True)
class Received:
    """One message as it came over the wire."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    options: tuple[str, ...] = ()

    @property
    def message(self) -> EmailMessage:
        """The message, parsed."""
        return message_from_bytes(self.content, policy=policy.default)


@dataclass(kw_only=True)
class SmtpSink:
    """A running sink; set ``answer_recipient`` or ``answer_data`` to let it refuse.

    ``answer_recipient(address)`` and ``answer_data(received)`` return the line to answer with,
    for example ``"451 4.3.0 later"``. A message that is refused is not kept.
    """

    port: int
    received: list[Received] = field(default_factory=list)
    answer_recipient: Callable[[str], str] = lambda _address: ACCEPT
    answer_data: Callable[[Received], str] = lambda _received: ACCEPT
    logins: list[tuple[str, str]] = field(default_factory=list)
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition, repr=False)

    async def wait(self, count: int = 1, *, seconds: float = 10) -> list[Received]:
        """Return what was received as soon as there are at least ``count`` messages.

        Raises:
            TimeoutError: fewer came within ``seconds``.
        """
        async with asyncio.timeout(seconds), self._arrived:
            await self._arrived.wait_for(lambda: len(self.received) >= count)
        return list(self.received)

    async def handle_RCPT(  # noqa: N802  # the name aiosmtpd looks for
        self, _server: SMTP, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        """Take or refuse one recipient (called by aiosmtpd)."""
        answer = self.answer_recipient(address)
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802  # the name aiosmtpd looks for
        self, _server: SMTP, _session: Any, envelope: Any
    ) -> str:
        """Take or refuse one message (called by aiosmtpd)."""
        received = Received(
            sender=envelope.mail_from or "",
            recipients=tuple(envelope.rcpt_tos),
            content=envelope.original_content,
            options=tuple(envelope.mail_options),
        )
        answer = self.answer_data(received)
        if answer.startswith("2"):
            async with self._arrived:
                self.received.append(received)
                self._arrived.notify_all()
        return answer


@asynccontextmanager
async def start_smtp_sink(
    *,
    port: int = 0,
    login: tuple[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
    size_limit: int = 64 * 1024 * 1024,
) -> AsyncIterator[SmtpSink]:
    """Run a sink until the block ends.

    Args:
        port: a loopback port that is free, or 0 for any; give one to restart on the same port.
        login: user name and password it insists on.
        tls: offer STARTTLS with this certificate.
        size_limit: bytes a message may have; announced with SIZE (RFC 1870).
    """
    sink = SmtpSink(port=0)

    def check(
        _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any
    ) -> AuthResult:
        if isinstance(data, LoginPassword):
            given = (data.login.decode(), data.password.decode())
            sink.logins.append(given)
            return AuthResult(success=given == login, handled=False)
        return AuthResult(success=False, handled=False)

    connections: set[SMTP] = set()

    def serve() -> SMTP:
        with warnings.catch_warnings():
            # aiosmtpd warns of a password without TLS, which is harmless on the loopback interface.
            warnings.simplefilter("ignore", UserWarning)
            connection = SMTP(
                sink,
                hostname="sink.example.org",
                data_size_limit=size_limit,
                enable_SMTPUTF8=True,
                tls_context=tls,
                authenticator=check if login else None,
                auth_required=login is not None,
                auth_require_tls=False,
            )
        connections.add(connection)
        return connection

    server = await asyncio.get_running_loop().create_server(serve, HOST, port)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()
        for connection in connections:
            if connection.transport is not None:
                connection.transport.close()
        await server.wait_closed()

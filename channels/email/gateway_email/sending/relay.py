"""The relay that takes our outgoing mail: a few warm connections, and a clear outcome for each mail."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence

import aiosmtplib

from gateway_email.sending.connection import RelayConnection, RelaySettings, open_relay
from gateway_email.sending.errors import (
    RelayAuthenticationError,
    RelayError,
    RelayTemporary,
    SendReport,
)
from gateway_email.sending.headers import wire_address


class Relay:
    """Send mail through one relay.

    Args:
        settings: Where and how.
        token: Gives an OAuth access token; with it XOAUTH2 is used in place of the password. What it raises passes
            through `send` as it is.
        forget: Called when the relay refuses the token before its time, so that the next try asks for another.
        ssl_context: Other authorities or client certificates; by default the system's.
    """

    def __init__(
        self,
        settings: RelaySettings,
        *,
        token: Callable[[], Awaitable[str]] | None = None,
        forget: Callable[[], None] = lambda: None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._settings = settings
        self._token, self._forget = token, forget
        self._ssl_context = ssl_context
        self._room = asyncio.Semaphore(settings.connections)
        self._idle: list[RelayConnection] = []
        self._partings: set[asyncio.Task[None]] = set()
        self._closed = False

    async def send(self, raw: bytes, envelope_from: str, recipients: Sequence[str]) -> SendReport:
        """Hand one mail to the relay.

        Args:
            raw: The mail, as `compose` returns it.
            envelope_from: Where bounces go; empty for the null sender.
            recipients: At least one address.

        Returns:
            The outcome for each recipient; also when none was accepted.

        Raises:
            RelayError: Nobody got the mail, or it is not known; the class says which and what may follow.
            ValueError: There is no recipient, or an address is none.
        """
        if not recipients:
            raise ValueError("a mail needs at least one recipient")
        sender = wire_address(envelope_from) if envelope_from else ""
        targets = tuple(dict.fromkeys(wire_address(recipient) for recipient in recipients))
        async with self._room:
            try:
                return await self._send(raw, sender, targets)
            except _Lost:
                pass
            try:
                return await self._send(raw, sender, targets)
            except _Lost as lost:
                raise RelayTemporary(
                    f"{self._settings.name} was lost before it took the mail: {lost}"
                ) from None

    async def probe(self) -> None:
        """Prove that the relay can be reached and lets us in, and keep the connection.

        Raises:
            RelayError: It does not; the text says why and what to do.
        """
        async with self._room:
            self._keep(await self._connection())

    async def close(self) -> None:
        """Close all connections; mails being sent are finished by those who wait for them."""
        self._closed = True
        while self._idle:
            self._part(self._idle.pop())
        await asyncio.gather(*self._partings, return_exceptions=True)

    async def _send(self, raw: bytes, sender: str, targets: Sequence[str]) -> SendReport:
        connection = await self._connection()
        try:
            outcomes = await connection.begin(raw, sender, targets)
            if any(outcome.state == "accepted" for outcome in outcomes.values()):
                report = await connection.transfer(raw, outcomes)
            else:
                report = SendReport(outcomes=outcomes)
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError) as error:
            connection.close()
            raise _Lost(str(error)) from None
        except RelayError:
            self._keep(connection)
            raise
        except aiosmtplib.SMTPResponseException as error:
            connection.close()
            raise connection.refusal(error.code, str(error.message), "to go on") from None
        except BaseException:
            connection.close()
            raise
        self._keep(connection)
        return report

    async def _connection(self) -> RelayConnection:
        while self._idle:
            connection = self._idle.pop()
            if connection.timer is not None:
                connection.timer.cancel()
            if await connection.fresh():
                return connection
        try:
            return await open_relay(self._settings, self._token, self._ssl_context)
        except RelayAuthenticationError:
            self._forget()
            raise

    def _keep(self, connection: RelayConnection) -> None:
        if self._closed or not connection.alive:
            self._part(connection)
            return
        loop = asyncio.get_running_loop()
        connection.timer = loop.call_later(self._settings.idle, self._expire, connection)
        self._idle.append(connection)

    def _expire(self, connection: RelayConnection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
            self._part(connection)

    def _part(self, connection: RelayConnection) -> None:
        task = asyncio.ensure_future(connection.quit())
        self._partings.add(task)
        task.add_done_callback(self._partings.discard)


class _Lost(Exception):
    """The connection was lost before the mail was on its way."""

"""One IMAP connection: opening it, running one command at a time, and never waiting for the dead."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Coroutine
from typing import Any, Literal

import msgspec
from aioimaplib import aioimaplib

from gateway_email.imap.errors import (
    ImapCertificateError,
    ImapConnectionLost,
    ImapError,
    ImapMisconfigured,
    ImapRefused,
    ImapUnreachable,
)
from gateway_email.imap.protocol import ImapProtocol
from gateway_email.system_words import system_words
from gateway_email.tls import certificate_fault, is_loopback, unverified_context

Tls = Literal["implicit", "none"]

LONGEST_COMMAND = 900.0
"""Seconds one command may take in all, however steadily it trickles."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the server said to one command: its data lines (literals are bytearrays) and the closing words."""

    lines: list[bytes | bytearray]
    closing: str


class ImapConnection:
    """Run commands over one connection, each ended by an answer, by silence or by the loss of the connection.

    Args:
        protocol: The connected wire.
        name: Host and port, for messages.
        timeout: Seconds of silence after which the connection counts as lost.
    """

    def __init__(self, protocol: ImapProtocol, name: str, timeout: float) -> None:
        self.protocol = protocol
        self.name = name
        self.timeout = timeout
        self._one_at_a_time = asyncio.Lock()

    async def do(
        self, command: str, *args: str, uid: bool = False, answers: str | None = None
    ) -> Answer:
        """Run one command and return its answer.

        Args:
            command: Its name.
            args: Its arguments, quoted where they must be.
            uid: True for the UID form.
            answers: The name of its untagged answers where it differs (STORE answers FETCH).

        Raises:
            ImapRefused: The server said NO or BAD.
            ImapConnectionLost: The connection ended, or was silent for too long.
            ImapMisconfigured: An argument holds a line break or NUL.
        """
        make = aioimaplib.FetchCommand if command == "FETCH" else aioimaplib.Command
        named = () if command == "FETCH" else (command,)
        try:
            wire = make(
                *named,
                self.protocol.new_tag(),
                *args,
                prefix="UID" if uid else None,
                untagged_resp_name=answers,
                loop=self.protocol.loop,
                timeout=self.timeout,
            )
        except ValueError as error:
            raise ImapMisconfigured(
                f"{self.name}: {error}; correct the user, password or folder"
            ) from None
        async with self._one_at_a_time:
            return await self._answered(command, self.protocol.execute(wire))

    async def append(self, mailbox: str, raw: bytes, flags: str) -> Answer:
        """Store a mail in a mailbox (name as it stands in a command)."""
        async with self._one_at_a_time:
            sending = self.protocol.append(raw, mailbox, flags or None, timeout=self.timeout)
            return await self._answered("APPEND", sending)

    async def idle(self, seconds: float) -> bool:
        """Wait in IDLE until the mailbox grows or `seconds` passed; False when the server refuses IDLE.

        Raises:
            ImapConnectionLost: The connection ended while waiting, or the server did not end IDLE when asked.
        """
        async with self._one_at_a_time:
            wire = aioimaplib.IdleCommand(
                self.protocol.new_tag(), self.protocol.idle_queue, loop=self.protocol.loop
            )
            running = asyncio.ensure_future(self.protocol.execute(wire))
            started = asyncio.ensure_future(self.protocol.wait_for_idle_response())
            grown = asyncio.ensure_future(self.protocol.news.wait())
            try:
                await self._first(running, started, seconds=self.timeout)
                if running.done():
                    return False
                if not started.done():
                    raise self._fell_silent("IDLE")
                await self._first(running, grown, seconds=seconds)
                if not running.done():
                    self.protocol.idle_done()
                    await self._first(running, seconds=self.timeout)
                if not running.done():
                    raise self._fell_silent("IDLE")
                return True
            except BaseException:
                self.protocol.give_up("IDLE was broken off")
                raise
            finally:
                await _ended(running, started, grown)

    async def hello(self) -> None:
        """Wait for the greeting and the server's capabilities."""
        waiting = asyncio.ensure_future(self.protocol.wait("AUTH|NONAUTH"))
        try:
            await self._first(waiting, seconds=self.timeout)
            if not waiting.done():
                self.protocol.give_up("it did not greet")
                raise ImapUnreachable(
                    f"{self.name} accepted the connection but sent no IMAP greeting within {self.timeout:g} s; "
                    "check that the port is an IMAP port and that the TLS setting fits it (993 is implicit TLS)"
                )
        finally:
            await _ended(waiting)

    async def close(self) -> None:
        """Say LOGOUT if that is still possible, and close; never raises and never takes long."""
        if not self.protocol.lost.done():
            self.timeout = min(self.timeout, 5.0)
            with contextlib.suppress(ImapError):
                await self.do("LOGOUT")
        self.protocol.give_up("it was closed by us")

    async def _answered(
        self, command: str, running: Coroutine[Any, Any, aioimaplib.Response]
    ) -> Answer:
        task = asyncio.ensure_future(running)
        try:
            # The command's own timer, put forward by every piece that arrives, ends a silence.
            await self._first(task, seconds=LONGEST_COMMAND)
            if not task.done():
                raise self._fell_silent(command)
            response = task.result()
        except aioimaplib.CommandTimeout:
            raise self._fell_silent(command) from None
        except aioimaplib.AioImapException as error:
            raise ImapRefused(command, str(error)) from None
        except asyncio.CancelledError:
            # What a half-run command leaves behind would be taken for the answer to the next.
            self.protocol.give_up(f"{command} was broken off")
            raise
        finally:
            await _ended(task)
        closing = bytes(response.lines[-1]).decode("utf-8", "replace") if response.lines else ""
        if response.result != "OK":
            raise ImapRefused(command, closing)
        return Answer(lines=response.lines[:-1], closing=closing)

    async def _first(self, *tasks: asyncio.Future[Any], seconds: float) -> None:
        """Wait for any of the tasks, at most so long; raise as soon as the connection is lost."""
        lost = self.protocol.lost
        await asyncio.wait({*tasks, lost}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if lost.done() and not any(task.done() for task in tasks):
            raise ImapConnectionLost(f"the connection to {self.name} is lost: {lost.result()}")

    def _fell_silent(self, command: str) -> ImapConnectionLost:
        self.protocol.give_up(f"no answer to {command}")
        return ImapConnectionLost(
            f"the connection to {self.name} is lost: no answer to {command} within {self.timeout:g} s"
        )


async def _ended(*tasks: asyncio.Future[Any]) -> None:
    """Cancel what still runs and pick up what it raised, so that nothing is left to complain about."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def open_connection(
    host: str, port: int, *, tls: Tls, ssl_context: ssl.SSLContext | None, patience: float
) -> ImapConnection:
    """Connect to a server and wait for its greeting.

    Raises:
        ImapUnreachable: Nobody answers, or not with IMAP.
        ImapCertificateError: The certificate is not to be trusted.
        ImapMisconfigured: Unencrypted to another machine; STARTTLS is not offered by this client.
    """
    name = f"{host}:{port}"
    loop = asyncio.get_running_loop()
    context = None
    if tls == "implicit":
        context = ssl_context or await asyncio.to_thread(ssl.create_default_context)
    try:
        async with asyncio.timeout(patience):
            transport, protocol = await loop.create_connection(
                lambda: ImapProtocol(loop), host, port, ssl=context
            )
    except ssl.SSLCertVerificationError as error:
        der = await _certificate_of(host, port, patience)
        raise ImapCertificateError(certificate_fault(name, error, der)) from None
    except ssl.SSLError as error:
        raise ImapUnreachable(
            f"{name} does not answer with TLS ({error.reason or error}); implicit TLS is usually on port 993"
        ) from None
    except TimeoutError:
        raise ImapUnreachable(
            f"{name} did not answer within {patience:g} s; check host, port and firewall"
        ) from None
    except OSError as error:
        raise ImapUnreachable(
            f"{name} cannot be reached: {system_words(error)}; check host and port"
        ) from None
    peer = transport.get_extra_info("peername") or ("",)
    if context is None and not is_loopback(str(peer[0])):
        protocol.give_up("it is not encrypted")
        raise ImapMisconfigured(
            f"{name} would get the password unencrypted; set tls = 'implicit' (usually port 993). "
            "STARTTLS is not supported, and 'none' is for this machine only"
        )
    _keep_alive(transport)
    connection = ImapConnection(protocol, name, patience)
    try:
        await connection.hello()
    except BaseException:
        protocol.give_up("it did not greet")
        raise
    return connection


def _keep_alive(transport: asyncio.BaseTransport) -> None:
    """Let the kernel notice a peer that vanished within about two minutes of quiet."""
    wire = transport.get_extra_info("socket")
    if wire is None:
        return
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        number = getattr(socket, option, None)
        if number is not None:
            wire.setsockopt(socket.IPPROTO_TCP, number, value)


async def _certificate_of(host: str, port: int, patience: float) -> bytes | None:
    """Fetch a refused certificate to tell when it expired; nothing is sent over this connection."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(patience):
            _, writer = await asyncio.open_connection(
                host, port, ssl=unverified_context(), server_hostname=host
            )
        der: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return der
    return None

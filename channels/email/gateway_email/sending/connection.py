"""One connection to a relay: opened safely, used for one mail at a time."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import aiosmtplib
import msgspec

from gateway_email.sending.errors import (
    Outcome,
    RelayAuthenticationError,
    RelayCertificateError,
    RelayMisconfigured,
    RelayRefused,
    RelaySlow,
    RelayTemporary,
    RelayUnknown,
    RelayUnreachable,
    SendReport,
)
from gateway_email.system_words import system_words
from gateway_email.tls import certificate_fault, is_loopback, unverified_context

SLOW = frozenset({421, 450})


class RelaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where and how mail goes out.

    Args:
        host: Name or address of the relay.
        port: Usually 587 (starttls), 465 (implicit) or 25.
        tls: `starttls` and `implicit` are required to work; `none` is for this very machine only.
        username: Empty for a relay that needs none.
        password: Used unless the relay object was given a token source.
        helo: What we call ourselves; a name the relay can look up.
        timeout: Seconds of silence after which the relay counts as gone.
        connections: Connections at a time.
        idle: Seconds an unused connection is kept.
    """

    host: str
    port: int = 587
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    username: str = ""
    password: str = ""
    helo: str = "localhost"
    timeout: float = 60.0
    connections: int = 2
    idle: float = 45.0

    @property
    def name(self) -> str:
        """The relay in messages."""
        return f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        """Name the relay and nothing secret."""
        return f"RelaySettings({self.name!r}, tls={self.tls!r}, username={self.username!r})"


class RelayConnection:
    """A connection that was greeted, encrypted and let in."""

    def __init__(self, client: aiosmtplib.SMTP, name: str) -> None:
        self._client = client
        self._name = name
        self.timer: asyncio.TimerHandle | None = None

    @property
    def alive(self) -> bool:
        """Whether the connection was not closed; it may still turn out to be dead."""
        return self._client.is_connected

    async def fresh(self) -> bool:
        """Return whether the connection can take another mail; proven by asking, since it cannot be seen."""
        try:
            await self._client.rset()
        except (aiosmtplib.SMTPException, OSError):
            self.close()
            return False
        return self._client.is_connected

    async def begin(self, raw: bytes, sender: str, recipients: Sequence[str]) -> dict[str, Outcome]:
        """Announce a mail and return what the relay says to each recipient.

        Raises:
            aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError: Lost; nothing was sent.
            RelayError: The relay does not want the mail.
        """
        client = self._client
        room = client.esmtp_extensions.get("size", "").strip()
        if room.isdigit() and 0 < int(room) < len(raw):
            raise RelayRefused(
                f"the mail has {len(raw)} octets and {self._name} takes {room} at most; send fewer or smaller files"
            )
        utf8 = (
            not "".join((sender, *recipients)).isascii()
            or not raw[: raw.find(b"\r\n\r\n")].isascii()
        )
        if utf8 and not client.supports_extension("smtputf8"):
            raise RelayRefused(
                f"{self._name} takes no addresses with letters beyond ASCII (SMTPUTF8)"
            )
        options = [f"SIZE={len(raw)}"] if client.supports_extension("size") else []
        options += (
            ["BODY=8BITMIME"] if not raw.isascii() and client.supports_extension("8bitmime") else []
        )
        options += ["SMTPUTF8"] if utf8 else []
        encoding = "utf-8" if utf8 else "ascii"
        try:
            await client.mail(sender, options=options, encoding=encoding)
        except aiosmtplib.SMTPSenderRefused as error:
            raise self.refusal(error.code, error.message, f"the sender {sender or '<>'}") from None
        outcomes: dict[str, Outcome] = {}
        for recipient in recipients:
            outcomes[recipient] = await self._recipient(recipient, encoding)
        return outcomes

    async def _recipient(self, recipient: str, encoding: str) -> Outcome:
        try:
            reply = await self._client.rcpt(recipient, encoding=encoding)
        except aiosmtplib.SMTPRecipientRefused as error:
            if error.code == 421:
                raise self.refusal(error.code, error.message, "a recipient") from None
            state: Literal["temporary", "refused"] = "refused" if error.code >= 500 else "temporary"
            return Outcome(state=state, code=error.code, text=_words(error.message))
        except ValueError as error:
            return Outcome(state="refused", code=553, text=_words(str(error)))
        return Outcome(state="accepted", code=reply.code, text=_words(reply.message))

    async def transfer(self, raw: bytes, outcomes: dict[str, Outcome]) -> SendReport:
        """Send the mail itself to the recipients that were accepted.

        Raises:
            aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError: Lost before the relay asked for the mail.
            RelayUnknown: Lost after it.
            RelayError: The relay does not take it.
        """
        ready = await self._client.execute_command(b"DATA")
        if ready.code != 354:
            raise self._refused_all(ready.code, ready.message, outcomes)
        protocol = self._client.protocol
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        try:
            protocol.write(_stuffed(raw))
            # The relay may think a mail over for long (RFC 5321 section 4.5.3.2.6: ten minutes).
            reply = await protocol.read_response(timeout=10 * (self._client.timeout or 60.0))
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError) as error:
            self.close()
            raise RelayUnknown(
                f"{self._name} was lost after the mail was sent ({error}); it may have been taken, "
                "so it must be sent again with the same Message-ID or not at all"
            ) from None
        except asyncio.CancelledError:
            self.close()
            raise
        if not 200 <= reply.code < 300:
            raise self._refused_all(reply.code, reply.message, outcomes)
        return SendReport(outcomes=outcomes, reply=_words(reply.message))

    def _refused_all(
        self, code: int, message: str, outcomes: dict[str, Outcome]
    ) -> RelayTemporary | RelayRefused | RelaySlow:
        state: Literal["temporary", "refused"] = "refused" if code >= 500 else "temporary"
        final = Outcome(state=state, code=code, text=_words(message))
        report = {
            to: final if outcome.state == "accepted" else outcome
            for to, outcome in outcomes.items()
        }
        error = self.refusal(code, message, "the mail")
        error.report = SendReport(outcomes=report)
        return error

    def refusal(
        self, code: int, message: str, what: str
    ) -> RelayTemporary | RelayRefused | RelaySlow:
        """Return the error for a reply that is a refusal; 421 and 450 mean the relay, not the mail."""
        said = f"{self._name} refused {what}: {code} {_words(message)}"
        if code in SLOW:
            return RelaySlow(said)
        if code >= 500:
            return RelayRefused(said)
        return RelayTemporary(said)

    async def quit(self) -> None:
        """Part politely, in a second or not at all."""
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            await self._client.quit(timeout=1.0)
        self.close()

    def close(self) -> None:
        """Drop the connection."""
        if self.timer is not None:
            self.timer.cancel()
        self._client.close()


async def open_relay(
    settings: RelaySettings,
    token: Callable[[], Awaitable[str]] | None,
    ssl_context: ssl.SSLContext | None,
) -> RelayConnection:
    """Connect to a relay, encrypt and log in.

    Raises:
        RelayUnreachable, RelaySlow, RelayCertificateError, RelayAuthenticationError, RelayMisconfigured: As they say.
    """
    client = aiosmtplib.SMTP(
        hostname=settings.host,
        port=settings.port,
        local_hostname=settings.helo,
        timeout=settings.timeout,
        use_tls=settings.tls == "implicit",
        start_tls=False,
        tls_context=ssl_context,
    )
    try:
        await _greeted(client, settings)
        await _let_in(client, settings, token)
    except BaseException:
        client.close()
        raise
    return RelayConnection(client, settings.name)


async def _greeted(client: aiosmtplib.SMTP, settings: RelaySettings) -> None:
    name = settings.name
    try:
        await client.connect()
        if settings.tls == "none":
            peer = client.get_transport_info("peername") or ("",)
            if not is_loopback(str(peer[0])):
                raise RelayMisconfigured(
                    f"mail to {name} would go unencrypted; set tls to 'starttls' (587) or 'implicit' (465)"
                )
        await client.ehlo()
        if settings.tls == "starttls":
            if not client.supports_extension("starttls"):
                raise RelayMisconfigured(
                    f"{name} does not offer STARTTLS; set tls = 'implicit' or another port"
                )
            await client.starttls()
            await client.ehlo()
    except ssl.SSLCertVerificationError as error:
        raise RelayCertificateError(
            certificate_fault(name, error, await _certificate_of(settings))
        ) from None
    except aiosmtplib.SMTPConnectResponseError as error:
        said = f"{name} does not take mail now: {error.code} {_words(error.message)}"
        raise RelaySlow(said) if error.code < 500 else RelayUnreachable(said) from None
    except aiosmtplib.SMTPResponseException as error:
        said = f"{name} refused our greeting: {error.code} {_words(error.message)}; check the helo name"
        raise RelaySlow(said) if error.code in SLOW else RelayUnreachable(said) from None
    except (aiosmtplib.SMTPException, ssl.SSLError, OSError) as error:
        cause = error.__cause__
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise RelayCertificateError(
                certificate_fault(name, cause, await _certificate_of(settings))
            ) from None
        hint = (
            "; the port may not speak TLS at once (465 does)"
            if isinstance(cause or error, ssl.SSLError)
            else ""
        )
        raise RelayUnreachable(
            f"{name} cannot be reached: {_words(system_words(error))}{hint}"
        ) from None


async def _let_in(
    client: aiosmtplib.SMTP, settings: RelaySettings, token: Callable[[], Awaitable[str]] | None
) -> None:
    if not settings.username:
        return
    name, offered = settings.name, client.server_auth_methods
    secret = await token() if token is not None else settings.password
    try:
        # One way only: trying all of them with a wrong password locks accounts.
        if token is not None:
            if "xoauth2" not in offered:
                raise RelayMisconfigured(f"{name} does not offer XOAUTH2; use a password")
            await client.auth_xoauth2(settings.username, secret)
        elif "plain" in offered:
            await client.auth_plain(settings.username, secret)
        elif "login" in offered:
            await client.auth_login(settings.username, secret)
        else:
            raise RelayMisconfigured(
                f"{name} offers no way to log in with a password; remove the user name or use OAuth"
            )
    except aiosmtplib.SMTPAuthenticationError as error:
        said = f"{name} refused to log in {settings.username}: {error.code} {_words(error.message)}"
        if error.code < 500:
            raise RelayTemporary(said) from None
        advice = "grant access again" if token is not None else "check user and password"
        raise RelayAuthenticationError(f"{said}; {advice}") from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise RelayUnreachable(f"{name} was lost while logging in: {_words(str(error))}") from None


async def _certificate_of(settings: RelaySettings) -> bytes | None:
    """Fetch a refused certificate to tell when it expired; nothing else is said over this connection."""
    looker = aiosmtplib.SMTP(
        hostname=settings.host,
        port=settings.port,
        local_hostname=settings.helo,
        timeout=min(settings.timeout, 10.0),
        use_tls=settings.tls == "implicit",
        start_tls=settings.tls == "starttls",
        tls_context=unverified_context(),
    )
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await looker.connect()
        found: bytes | None = looker.get_transport_info("ssl_object").getpeercert(binary_form=True)
        looker.close()
        return found
    return None


def _stuffed(raw: bytes) -> bytes:
    """Return a mail with CRLF line ends, dots doubled at the start of lines, and the end (RFC 5321 section 4.5.2)."""
    if not raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r"):
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    first = b"." if raw.startswith(b".") else b""
    last = b"" if raw.endswith(b"\r\n") else b"\r\n"
    return b"".join((first, raw.replace(b"\r\n.", b"\r\n.."), last, b".\r\n"))


def _words(text: str) -> str:
    """Return a server's words on one line, printable and not too long."""
    line = " ".join(text.encode("utf-8", "replace").decode("utf-8", "replace").split())
    return "".join(letter if letter.isprintable() else "?" for letter in line)[:400]

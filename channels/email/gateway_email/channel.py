"""The e-mail channel."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import ssl
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import msgspec

from gateway import (
    Arrival,
    Channel,
    ChannelCapabilities,
    ConnectorError,
    Context,
    Health,
    Intake,
    NewArrival,
    Overloaded,
    Parser,
    Reply,
    Sent,
    Unreachable,
)
from gateway_email.drafting import Mailbox, read_arrival
from gateway_email.faults import told
from gateway_email.imap import OAuthGrant, TokenSource
from gateway_email.inbox import Inbox
from gateway_email.lane import lane_of
from gateway_email.lmtp import Envelope, ListenerLimits, MailListener, Verdict
from gateway_email.lmtp import Overloaded as ListenerOverloaded
from gateway_email.outbox import compose_reply, outcome
from gateway_email.reading import is_quick
from gateway_email.sending import Relay, RelaySettings
from gateway_email.settings import EmailSettings, OAuthSettings, SmtpSettings
from gateway_email.system_words import system_words
from gateway_email.tokens import ReplyAddresses

ROTATED = "oauth/refresh_token"
LARGE = 256 * 1024


class EmailChannel(Channel[EmailSettings]):
    """One mailbox."""

    capabilities: ClassVar[ChannelCapabilities] = ChannelCapabilities(
        repeat="tolerable", concurrency=4, starts_threads=True, exclusive=True
    )

    def __init__(self, context: Context[EmailSettings]) -> None:
        super().__init__(context)
        settings = context.settings
        self.capabilities = msgspec.structs.replace(  # type: ignore[misc]
            type(self).capabilities,
            sends=settings.smtp is not None,
            exclusive=settings.imap is not None,
        )
        self._addresses = ReplyAddresses(
            mailbox=settings.address, separator=settings.separator, catch_all=settings.catch_all
        )
        self._tokens: TokenSource | None = None
        self._relay: Relay | None = None
        self.listening_on = 0

    def addresses(self) -> Sequence[str]:
        """Name the mailbox and its aliases."""
        return (self.context.settings.address, *self.context.settings.aliases)

    # in

    async def run(self, intake: Intake) -> None:
        """Listen, read the mailbox, or both."""
        settings = self.context.settings
        tasks = []
        if settings.lmtp is not None:
            tasks.append(asyncio.create_task(self._listen(intake)))
        if settings.imap is not None:
            tasks.append(asyncio.create_task(self._inbox().run(intake)))
        if not tasks:
            return
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _inbox(self) -> Inbox:
        context, settings = self.context, self.context.settings
        if settings.imap is None:
            raise TypeError("no IMAP settings")
        return Inbox(
            settings.imap, state=context.state, clock=context.clock, log=context.log,
            report=context.report, token=self._token if settings.oauth else None,
            forget=self._forget_token, max_bytes=settings.max_bytes,
        )  # fmt: skip

    async def _listen(self, intake: Intake) -> None:
        listen = self.context.settings.lmtp
        if listen is None:
            return
        listener = MailListener(
            partial(self._accept, intake),
            admit=None if listen.any_recipient else self._admit,
            protocol=listen.protocol,
            limits=ListenerLimits(size=self.context.settings.max_bytes),
        )
        try:
            await listener.start(listen.host, listen.port, shared=self.context.shared)
        except OSError as error:
            raise Unreachable(
                f"cannot listen on {listen.host}:{listen.port}: {system_words(error)}; "
                + (
                    "another program listens there"
                    if error.errno == errno.EADDRINUSE
                    else "set lmtp.host to an address of this machine"
                ),
                code="cannot_listen",
            ) from error
        self.listening_on = listener.port
        self.context.log.info(
            "mail.listening", address=f"{listen.host}:{listener.port}",
            protocol=listen.protocol,
        )  # fmt: skip
        try:
            await asyncio.get_running_loop().create_future()  # until cancelled
        finally:
            self.listening_on = 0
            await listener.stop(grace=3.0)

    async def _admit(self, recipient: str) -> Verdict | None:
        if self._addresses.owns(recipient) or recipient.lower() in map(
            str.lower, self.context.settings.aliases
        ):
            return None
        return Verdict.unknown_recipient(f"no mailbox {recipient} here")

    async def _accept(self, intake: Intake, envelope: Envelope) -> Sequence[Verdict]:
        """Make a mail durable; only then is it acknowledged."""
        recipients = sorted({recipient.lower() for recipient in envelope.rcpt_tos})
        # A large mail is hashed in a thread: others would notice.
        large = len(envelope.raw) > LARGE
        digest = (
            await asyncio.to_thread(hashlib.sha256, envelope.raw)
            if large
            else hashlib.sha256(envelope.raw)
        )
        digest.update("\0".join((envelope.mail_from, *recipients)).encode("utf-8", "replace"))
        arrival = NewArrival(
            key=digest.hexdigest(), kind="mail", body=envelope.raw,
            lane=lane_of(envelope.raw, envelope.mail_from), content_type="message/rfc822",
            remote={
                "mail_from": envelope.mail_from, "rcpt_to": recipients, "peer": envelope.peer,
                "helo": envelope.helo,
            },
        )  # fmt: skip
        try:
            await intake.accept([arrival])
        except Overloaded as error:
            raise ListenerOverloaded(str(error)) from error
        return [Verdict.accepted() for _ in envelope.rcpt_tos]

    @property
    def parser(self) -> Parser:
        """Read mail; plain data is bound to it, so that it can be sent to a worker process."""
        settings = self.context.settings
        mailbox = Mailbox(
            addresses=self._addresses,
            aliases=tuple(alias.lower() for alias in settings.aliases),
            own=self.context.own_addresses(),
            trusted_authserv_ids=settings.trusted_authserv_ids,
            max_bytes=settings.max_bytes,
        )
        return partial(read_arrival, mailbox)

    def is_quick(self, arrival: Arrival) -> bool:
        """Whether a mail is so small and plain that reading it is bounded to 20 ms."""
        return is_quick(arrival.body)

    # out

    async def send(self, reply: Reply) -> Sent:
        """Send a mail through the relay."""
        context, settings = self.context, self.context.settings
        files = [await context.blobs.read(a) if a.blob else None for a in reply.attachments]
        composed = await asyncio.to_thread(
            compose_reply, reply, files, addresses=self._addresses, name=settings.name,
            instance=context.instance_id,
        )  # fmt: skip
        with told():
            report = await self._out().send(
                composed.raw, composed.envelope_from, composed.recipients
            )
        return outcome(composed, report)

    def _out(self) -> Relay:
        smtp = self.context.settings.smtp
        if smtp is None:
            raise Unreachable(
                f"channel {self.context.name!r} has no smtp settings, so it sends nothing; "
                f"add [channels.{self.context.name}.smtp]",
                code="no_smtp",
            )
        if self._relay is None:
            self._relay = Relay(
                _relay_settings(smtp), ssl_context=_tls(smtp),
                token=self._token if self.context.settings.oauth else None,
                forget=self._forget_token,
            )  # fmt: skip
        return self._relay

    async def _token(self) -> str:
        if self._tokens is None:
            oauth = self.context.settings.oauth
            if oauth is None:
                raise TypeError("no OAuth settings")
            kept = await self.context.state.get(ROTATED)
            self._tokens = TokenSource(
                _grant(oauth, kept.value or oauth.refresh_token.reveal()),
                on_rotation=self._keep_rotated,
            )
        return await self._tokens.token()

    async def _keep_rotated(self, refresh_token: str) -> None:
        await self.context.state.put(ROTATED, refresh_token)

    def _forget_token(self) -> None:
        if self._tokens is not None:
            self._tokens.forget()

    async def close(self) -> None:
        """Take leave of the relay."""
        if self._relay is not None:
            await self._relay.close()

    # health

    async def probe(self) -> Health:
        """Log in to the mailbox and to the relay; a listener's port is tried."""
        settings = self.context.settings
        try:
            with told():
                if settings.imap is not None:
                    session = await self._inbox().connect()
                    try:
                        await session.select(settings.imap.folder)
                    finally:
                        await session.close()
                if settings.smtp is not None:
                    await self._out().probe()
        except ConnectorError as error:
            return Health(state="down", code=error.reason_code, reason=str(error))
        finally:
            if self._relay is not None:
                await self._relay.close()
                self._relay = None
        return Health()


def _relay_settings(smtp: SmtpSettings) -> RelaySettings:
    return RelaySettings(
        host=smtp.host, port=smtp.port, tls=smtp.tls, username=smtp.user,
        password=smtp.password.reveal(), helo=smtp.helo, timeout=smtp.timeout,
        connections=smtp.connections,
    )  # fmt: skip


def _tls(smtp: SmtpSettings) -> ssl.SSLContext | None:
    return ssl.create_default_context(cafile=smtp.ca_file) if smtp.ca_file else None


def _grant(oauth: OAuthSettings, refresh_token: Any) -> OAuthGrant:
    secret = oauth.client_secret.reveal()
    if oauth.provider == "gmail":
        return OAuthGrant.gmail(
            client_id=oauth.client_id, client_secret=secret, refresh_token=str(refresh_token)
        )
    if oauth.provider == "microsoft365":
        return OAuthGrant.microsoft365(
            tenant=oauth.directory, client_id=oauth.client_id, client_secret=secret,
            refresh_token=str(refresh_token),
        )  # fmt: skip
    return OAuthGrant(
        token_url=oauth.token_url, client_id=oauth.client_id, client_secret=secret,
        scope=oauth.scope, refresh_token=str(refresh_token),
    )  # fmt: skip

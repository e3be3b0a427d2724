"""A small world of real servers: customers with mailboxes, a mail server, a gateway between."""

from __future__ import annotations

import asyncio
import imaplib
import smtplib
import uuid
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from gateway import Conversation, Message
from gateway.store.operations import ConversationFilter, Cursor, DeliveryFilter
from gateway.testing import RunningGateway
from tests.servers.dovecot import Dovecot
from tests.servers.ports import HOST
from tests.servers.postfix import Postfix

File = tuple[str, str, bytes]


def email_config(domain: str, postfix: Postfix) -> str:
    """The config of a mailbox that listens by LMTP behind a Postfix and sends through it."""
    return f"""
[plugins.email]
[outbox]
schedule = [0.0, 0.3, 0.3, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0]
jitter = 0.0
breaker_seconds = 0.3
breaker_cap = 0.5
[channels.support]
type = "email"
address = "support@{domain}"
name = "Example support"
[channels.support.lmtp]
port = 0
[channels.support.smtp]
host = "{HOST}"
port = {postfix.port}
tls = "none"
"""


@dataclass(kw_only=True)
class MailWorld:
    """Customers at one domain, the gateway at another.

    Args:
        gateway_domain: whose mail goes to the gateway.
        customers: the domain whose mail goes to Dovecot.
    """

    postfix: Postfix
    dovecot: Dovecot
    gateway_domain: str
    customers: str
    sent: dict[str, bytes] = field(default_factory=dict)

    @property
    def inbox(self) -> str:
        """The gateway's address."""
        return f"support@{self.gateway_domain}"

    def route_to(self, running: RunningGateway) -> None:
        """Let Postfix hand the gateway's mail to its listener."""
        port: int = running.gateway.parts.channels["support"].listening_on  # type: ignore[attr-defined]
        self.postfix.route(self.gateway_domain, "lmtp", port)
        self.postfix.route(self.customers, "lmtp", self.dovecot.lmtp_port)

    async def write(
        self,
        who: str,
        text: str,
        *,
        subject: str = "Hello",
        answers: EmailMessage | None = None,
        files: tuple[File, ...] = (),
    ) -> str:
        """Let a customer send a mail through Postfix, and return its Message-ID.

        Args:
            who: the part before the @.
            answers: the mail that it answers, as a mail program does it.
        """
        mail = EmailMessage(policy=policy.SMTP)
        mail["From"] = f"{who.capitalize()} <{who}@{self.customers}>"
        mail["To"] = str(answers["Reply-To"]) if answers else self.inbox
        mail["Subject"] = f"Re: {answers['Subject']}" if answers else subject
        mail["Message-ID"] = f"<{uuid.uuid4().hex}@{self.customers}>"
        if answers:
            mail["In-Reply-To"] = str(answers["Message-ID"])
            mail["References"] = f"{answers['References'] or ''} {answers['Message-ID']}".strip()
        mail.set_content(text)
        for name, media_type, content in files:
            kind, _, rest = media_type.partition("/")
            mail.add_attachment(content, maintype=kind, subtype=rest, filename=name)
        await asyncio.to_thread(self._send, f"{who}@{self.customers}", mail)
        return str(mail["Message-ID"])

    def _send(self, sender: str, mail: EmailMessage) -> None:
        with smtplib.SMTP(HOST, self.postfix.port, timeout=20) as client:
            client.send_message(mail, from_addr=sender)
        # A mail program keeps what was sent, so that it is shown in the thread.
        self.dovecot.append(sender, mail.as_bytes())

    def _received(self, who: str) -> list[EmailMessage]:
        raw = self.dovecot.messages(f"{who}@{self.customers}")
        mails = [message_from_bytes(one, policy=policy.default) for one in raw]
        return [mail for mail in mails if self.inbox in str(mail["From"])]

    async def received(
        self, who: str, count: int = 1, *, seconds: float = 20
    ) -> list[EmailMessage]:
        """Wait until so many answers lie in a customer's mailbox, and return them.

        Raises:
            AssertionError: they never came.
        """
        end = asyncio.get_running_loop().time() + seconds
        while True:
            mails = await asyncio.to_thread(self._received, who)
            if len(mails) >= count:
                return mails
            assert asyncio.get_running_loop().time() < end, (len(mails), self.postfix.queue())
            await asyncio.sleep(0.2)

    async def threads(self, who: str) -> list[Any]:
        """Ask the mail server how a customer's mails make threads (RFC 5256)."""
        return await asyncio.to_thread(self._threads, f"{who}@{self.customers}")

    def _threads(self, user: str) -> list[Any]:
        client = imaplib.IMAP4(HOST, self.dovecot.imap_port, timeout=20)
        client.login(user, self.dovecot.password)
        try:
            client.select("INBOX", readonly=True)
            status, found = client.thread("REFERENCES", "UTF-8", "ALL")
        finally:
            client.logout()
        assert status == "OK"
        return found


def text_of(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


async def conversations(running: RunningGateway) -> list[Conversation]:
    """All conversations of a gateway, newest first."""
    return await running.store.conversations(None, ConversationFilter(), Cursor())


async def tickets(running: RunningGateway, subject: str) -> list[int]:
    """The tickets of the conversations with a subject, as soon as all has been delivered."""
    found: list[int] = []
    for conversation in await conversations(running):
        if conversation.subject == subject:
            view = await running.store.conversation(None, conversation.id)
            found += [int(ticket.external_id) for ticket in view.tickets]
    return found


async def delivered(running: RunningGateway, text: str) -> bool:
    """Whether something that was said has been delivered to wherever it goes."""
    for conversation in await conversations(running):
        wanted = {m.id for m in await messages(running, conversation.id) if text in m.text}
        if wanted:
            chosen = DeliveryFilter(conversation=conversation.id)
            every = await running.store.deliveries(None, chosen, Cursor())
            mine = [one for one in every if one.message in wanted]
            return bool(mine) and all(one.state == "delivered" for one in mine)
    return False


async def messages(running: RunningGateway, conversation: int) -> list[Message]:
    """What was said in a conversation, oldest first."""
    return await running.store.messages(None, conversation, after_seq=0, limit=100)


async def said(running: RunningGateway) -> list[str]:
    """The texts of everything that was said, with the direction before each."""
    return [
        f"{message.direction} {message.text}"
        for conversation in reversed(await conversations(running))
        for message in await messages(running, conversation.id)
    ]

"""A customer who writes, and answers what the gateway sent, as mail programs do."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import parseaddr

from tests.promises.mails import INBOX, mail
from tests.promises.senders import send_once


@dataclass(frozen=True, kw_only=True)
class Customer:
    """Somebody with a mail address.

    Args:
        port: of the gateway's inbox.
    """

    address: str
    port: int

    async def write(
        self,
        token: str,
        words: str = "Please help me.",
        *,
        to: str = INBOX,
        answers: EmailMessage | None = None,
        dmarc: str = "pass",
        port: int = 0,
        **headers: str,
    ) -> None:
        """Write a mail that begins with a token.

        Args:
            answers: the mail it answers: its reply address and its references are used.
            headers: further fields, with underscores for hyphens.
        """
        if answers is not None:
            to = parseaddr(str(answers["Reply-To"] or answers["From"]))[1]
            known = str(answers["References"] or "")
            headers = {
                "In_Reply_To": str(answers["Message-ID"]),
                "References": f"{known} {answers['Message-ID']}".strip(),
                **headers,
            }
        raw = mail(
            self.address, f"{token}\n\n{words}\n", to=to, dmarc=dmarc,
            message_id=f"{token}@{self.address.partition('@')[2]}", **headers,
        )  # fmt: skip
        answer = await send_once(port or self.port, raw, sender=self.address, to=to)
        assert answer.startswith("250 "), answer

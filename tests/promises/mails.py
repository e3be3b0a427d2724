"""Mails as customers send them, each with a token of its own in the text."""

from __future__ import annotations

import random
from email.message import EmailMessage
from email.policy import SMTP

INBOX = "support@example.com"
BORDER = "mx.example.com"
_SYLLABLES = [
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "je",
    "ki",
    "lo",
    "mu",
    "na",
    "pe",
    "qui",
    "ro",
    "su",
    "ta",
    "ve",
    "wi",
    "xo",
    "yu",
    "zan",
    "bri",
    "clo",
    "dru",
    "flem",
]


def words(dice: random.Random, count: int = 18) -> str:
    """Text that is like no other, so that nothing is taken for something said again."""
    return " ".join(
        "".join(dice.choice(_SYLLABLES) for _ in range(dice.randint(2, 4))) for _ in range(count)
    )


def mail(
    sender: str,
    text: str,
    file: bytes = b"",
    /,
    *,
    message_id: str,
    to: str = INBOX,
    subject: str = "Please help",
    dmarc: str = "pass",
    **headers: str,
) -> bytes:
    """Make a mail as the border of our own mail system hands it on.

    Args:
        message_id: without its angle brackets; empty for none.
        dmarc: what our own border found out about the sender; empty for nothing.
        file: an attachment.
        headers: further ones, with underscores for hyphens.
    """
    made = EmailMessage(policy=SMTP)
    made["From"] = sender
    made["To"] = to
    made["Subject"] = subject
    if message_id:
        made["Message-ID"] = f"<{message_id}>"
    if dmarc:
        domain = sender.rpartition("@")[2].rstrip(">")
        made["Authentication-Results"] = f"{BORDER}; dmarc={dmarc} header.from={domain}"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    if file:
        made.add_attachment(file, maintype="application", subtype="octet-stream", filename="it")
    return made.as_bytes()

"""Mails as people send them, of a given size."""

from __future__ import annotations

import random
from email.message import EmailMessage
from email.policy import SMTP

WORDS = [
    "printer",
    "order",
    "invoice",
    "delivery",
    "since",
    "yesterday",
    "please",
    "help",
    "broken",
    "screen",
    "account",
    "password",
    "reset",
    "refund",
    "update",
    "cable",
    "battery",
    "shipping",
    "address",
    "number",
    "question",
    "thank",
    "support",
    "machine",
    "window",
    "error",
    "message",
    "install",
    "version",
    "license",
    "customer",
    "service",
    "urgent",
    "today",
    "tomorrow",
]


def mails(count: int, size: int, seed: int, *, html: bool = False) -> list[bytes]:
    """Make mails, each from its own sender; over 8 KiB what follows the words is an attachment.

    Args:
        size: octets of a mail, about.
        html: half of the words' octets are an html part that says the same.
    """
    rnd = random.Random(seed)
    return [_mail(rnd, f"{seed}-{number}", size, html) for number in range(count)]


def _mail(rnd: random.Random, name: str, size: int, html: bool) -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = f"Customer {name} <customer-{name}@example.net>"
    mail["To"], mail["Subject"] = (
        "support@example.com",
        f"Question {' '.join(rnd.sample(WORDS, 4))}",
    )
    mail["Message-ID"] = f"<{name}@example.net>"
    mail["Date"] = "Sun, 22 Nov 2026 09:00:00 +0000"
    lines = min(size, 5120) // (160 if html else 75)
    text = "\n".join(" ".join(rnd.choices(WORDS, k=10)) for _ in range(lines))
    mail.set_content(text)
    if html:
        mail.add_alternative(f"<html><body><p>{text}</p></body></html>", subtype="html")
    if size > 8192:
        data = rnd.randbytes((size - 6000) * 3 // 4)
        mail.add_attachment(data, maintype="application", subtype="pdf", filename="scan.pdf")
    return mail.as_bytes()

"""Reading mail over the standard library's own reading, on the same mails, in alternating rounds."""

from __future__ import annotations

import time
from collections.abc import Callable
from email import message_from_bytes, policy

from bench.figures import Figure, Options, Series, median
from bench.mails import mails
from gateway_email.reading import read_mail

SAMPLES = (
    ("plain, 5 KiB", 5120, 200, False, 6.0),
    ("with html, 5 KiB", 5120, 200, True, None),
    ("with html and a file, 50 KiB", 51_200, 60, True, None),
)


def _stdlib(raw: bytes) -> None:
    """What a program does with policy.default: headers, text, html, files."""
    mail = message_from_bytes(raw, policy=policy.default)
    for name in ("From", "To", "Cc", "Subject", "Date", "Message-ID", "References"):
        str(mail[name])
    for part in mail.walk():
        if not part.is_multipart():
            part.get_filename()
            part.get_content()


async def run(options: Options) -> tuple[list[Figure], list[Series]]:
    """Measure mails of 5 and 50 KiB."""
    figures: list[Figure] = []
    for name, size, count, html, goal in SAMPLES:
        batch = mails(options.amount(count), size, 7, html=html)
        ratios, ours = [], []
        for _ in range(options.rounds or 7):
            slow, quick = _cpu(_stdlib, batch), _cpu(read_mail, batch)
            ratios.append(slow / quick)
            ours.append(quick / len(batch) * 1000)
        figures += [
            median(f"{name}: quicker than email.policy.default", ratios, goal=goal),
            median(f"{name}: processor time a mail", ours, unit="ms"),
        ]
    return figures, []


def _cpu(read: Callable[[bytes], object], batch: list[bytes]) -> float:
    began = time.process_time()
    for raw in batch:
        read(raw)
    return time.process_time() - began

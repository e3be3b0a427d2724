"""Reading is much faster than the standard library's own full reading."""

from __future__ import annotations

import email
import email.policy
import time
from collections.abc import Callable

from gateway_email.reading import is_quick, read_mail
from tests.unit.email.reading.samples import mail

_RAW = mail(
    "Hello, my order 4711 has not arrived yet - could you look into it?\n" * 55,
    "Return-Path: <jane@customer.example>",
    "Received: from mail.customer.example (mail.customer.example [192.0.2.7])\r\n by mx.shop.example with ESMTPS"
    "\r\n for <support@shop.example>; Mon, 02 Jun 2025 10:00:04 +0000 (UTC)",
    "Authentication-Results: mx.shop.example; spf=pass; dkim=pass header.d=customer.example; dmarc=pass",
    "From: =?utf-8?q?Jane_M=C3=BCller?= <jane@customer.example>",
    "Subject: =?utf-8?q?Order_4711_has_not_arrived?=",
    "Date: Mon, 02 Jun 2025 12:00:00 +0200",
    "Message-ID: <CAF0abc.123@mail.customer.example>",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
)
_TIMES_FASTER = 3.0  # six on a quiet machine; tests share theirs


def best(action: Callable[[], object]) -> float:
    """Return the processor time of one call, best of several rounds of twenty."""
    rounds = []
    for _ in range(7):
        began = time.process_time()
        for _ in range(20):
            action()
        rounds.append((time.process_time() - began) / 20)
    return min(rounds)


def by_the_standard_library() -> object:
    """Read the same things with ``email.policy.default``."""
    message = email.message_from_bytes(_RAW, policy=email.policy.default)
    body = message.get_body()
    assert body is not None
    return (
        [str(value) for value in message.values()],
        body.get_content(),
        list(message.iter_attachments()),
    )


def test_a_plain_mail_is_read_fast() -> None:
    """A mail of 5 KB takes a fraction of the standard library's time."""
    assert is_quick(_RAW)
    ours, theirs = best(lambda: read_mail(_RAW)), best(by_the_standard_library)
    assert ours * _TIMES_FASTER < theirs

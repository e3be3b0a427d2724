"""Small mail is told from mail that may take long."""

from __future__ import annotations

import base64

import pytest

from gateway_email.reading import is_quick
from tests.unit.email.reading.samples import mail, multipart_mail, part

_PLAIN = b"From: a@b.example\r\nSubject: hello\r\n\r\n%s\r\n"
_TNEF = b"From: a@b.example\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n\r\nx\r\n"
_HTML = "<div dir=ltr><p>Hello,</p><p>my order has <b>not</b> arrived.</p><br></div>"


@pytest.mark.parametrize(
    "raw",
    [
        mail("hello"),
        mail("hello\n" * 800),
        mail("Grüße, wo bleibt meine Bestellung?\n" * 100),
        mail("=C3=BC\n" * 100, "Content-Transfer-Encoding: quoted-printable"),
        mail(base64.encodebytes(b"hello\n" * 500), "Content-Transfer-Encoding: base64"),
        multipart_mail("alternative", part("hello"), part(_HTML * 10, "Content-Type: text/html")),
        mail("Answer\n\nOn 2 Jun 2025 at 10:00, Jane wrote:\n" + "> quoted\n" * 300),
        mail("hello", "Cc: " + ", ".join(f"Person {n} <p{n}@x.example>" for n in range(50))),
        mail("hello", *[f"Received: from a{n} by b{n}; Mon, 2 Jun 2025 10:00:00 +0000" for n in range(15)]),
        multipart_mail("mixed", part("hello"), part(base64.encodebytes(b"\x89PNG" * 2_000), "Content-Type: image/png; name=a.png", "Content-Transfer-Encoding: base64")),
    ],
)  # fmt: skip
def test_ordinary_mail_is_quick(raw: bytes) -> None:
    """What people usually send may be read at once."""
    assert is_quick(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        mail("x" * 40_000),
        mail("\n" * 2_000),
        mail("hello", "Cc: " + "," * 2_000),
        mail("hello", "X-A: " + "a" * 20_000),
        mail("hello", "Subject: " + "=?a?q?" * 200),
        mail("BEGIN:VCALENDAR", "Content-Type: text/calendar"),
        mail("x", "Content-Type: application/ms-tnef"),
        mail(b"\xe9" * 100),
        mail("<br>" * 2_000, "Content-Type: text/html"),
        mail(
            base64.encodebytes(b"<br>" * 2_000),
            "Content-Type: text/html",
            "Content-Transfer-Encoding: base64",
        ),
        mail(
            "=3Cb>" * 2_000,
            "Content-Type: text/html",
            "Content-Transfer-Encoding: quoted-printable",
        ),
        mail("+ADw-", "Content-Type: text/html; charset=utf-7"),
        mail("x", "From: MAILER-DAEMON@x.example"),
        multipart_mail("mixed", *[part("x")] * 100),
    ],
)
def test_other_mail_is_not(raw: bytes) -> None:
    """What opens other parsers, or holds very many of something, goes to a worker."""
    assert not is_quick(raw)


@pytest.mark.parametrize(
    ("raw", "quick"),
    [
        (_PLAIN % b"our postmaster sent a calendar as winmail.dat", True),
        (_PLAIN % b"begin 644 file.bin", False),
        (_TNEF, False),
        (b"\r\n\r\n" + _TNEF, False),
        (b" \r\n" + _TNEF, False),
        (b"From jane Mon\r\n\r\n" + _TNEF, False),
        (b">From jane Mon\r\n\r\n" + _TNEF, False),
        (b"From: a@b\r\nContent-Type: Multipart/mixed; boundary=x\r\n\r\n--x\r\n" + _TNEF, False),
    ],
)  # fmt: skip
def test_what_opens_another_parser_is_not_quick(raw: bytes, quick: bool) -> None:
    """In a plain mail only the header can; what stands before the header hides nothing."""
    assert quick is is_quick(raw)

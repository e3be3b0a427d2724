"""Transfer encodings are undone, also broken ones."""

from __future__ import annotations

import base64
import binascii

import pytest

from gateway_email.reading import read_mail
from gateway_email.reading.transfer import decode_transfer
from tests.unit.email.reading.samples import mail, multipart_mail, part


def uuencoded(data: bytes, name: str = "a.bin") -> bytes:
    """Return ``data`` as the uuencode program writes it."""
    lines = [binascii.b2a_uu(data[at : at + 45]) for at in range(0, len(data), 45)]
    return f"begin 644 {name}\n".encode() + b"".join(lines) + b"`\nend\n"


@pytest.mark.parametrize(
    ("data", "encoding", "expected"),
    [
        (b"aGVsbG8=", "base64", b"hello"),
        (b"aGVs\r\nbG8=\r\n", "BASE64", b"hello"),
        (b"aGVsbG8", "base64", b"hello"),
        (b"aGVsbG8=\r\n-- \r\nA list footer, appended", "base64", b"hello"),
        (b"aGVsbG8g\nd29ybGQh\n\nfooter of a list\n", "base64", b"hello world!"),
        (b"aGU=\nbGxv", "base64", b"hello"),
        (b"This is no base64 at all, really!", "base64", b"This is no base64 at all, really!"),
        (b"", "base64", b""),
        (b"=====", "base64", b""),
        (b"aGVsbG8=", " base64 ; x", b"hello"),
        (b"a=3Db", "quoted-printable", b"a=b"),
        (b"a=\r\nb", "Quoted-Printable", b"ab"),
        (b"a=  \r\nb", "quoted-printable", b"ab"),
        (b"a=\nb", "quoted-printable", b"ab"),
        (b"a=\rb", "quoted-printable", b"ab"),
        (b"a=ZZb=", "quoted-printable", b"a=ZZb"),
        (b"a_b", "quoted-printable", b"a_b"),
        (b"raw", "7bit", b"raw"),
        (b"raw\xff", "8bit", b"raw\xff"),
        (b"raw", "", b"raw"),
        (b"raw", "x-made-up", b"raw"),
        (uuencoded(b"hello" * 40), "x-uuencode", b"hello" * 40),
        (uuencoded(b"hello" * 40).partition(b"\n")[2], "x-uuencode", b"hello" * 40),
        (b"not uuencoded, just words", "uuencode", b"not uuencoded, just words"),
    ],
)
def test_encodings_are_undone(data: bytes, encoding: str, expected: bytes) -> None:
    """Good content comes out, junk is cut, what is not encoded stays (F10)."""
    assert expected == decode_transfer(data, encoding)[0]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [(b"words, no base64 here", "base64"), (b"x", "x-made-up"), (b"aGVsbG8=\n- -", "base64")],
)
def test_what_was_mended_is_told(data: bytes, encoding: str) -> None:
    """A mended or unknown encoding leaves a warning (F10)."""
    assert decode_transfer(data, encoding)[1]


def test_uuencoded_files_in_plain_text_are_attachments() -> None:
    """A file uuencoded inside the text is cut out and listed (F20)."""
    body = b"see below\n\n" + uuencoded(b"content" * 30, "report.bin") + b"\nregards\n"
    read = read_mail(mail(body))
    assert [(one.name, one.data) for one in read.parts] == [("report.bin", b"content" * 30)]
    assert read.text == "see below\n\n\nregards"


def test_words_that_begin_a_line_are_no_uuencode() -> None:
    """Text that only looks like a beginning stays text (F20)."""
    read = read_mail(mail("begin 644 the show\nplease\nend of it\n"))
    assert read.parts == ()
    assert read.text == "begin 644 the show\nplease\nend of it"


def test_an_attached_mail_in_base64_is_opened() -> None:
    """message/rfc822 sent as base64, against the rules, is decoded (F21)."""
    inner = mail("inner words", "Subject: Inner")
    read = read_mail(
        multipart_mail(
            "mixed",
            part("see attached"),
            part(
                base64.encodebytes(inner),
                "Content-Type: message/rfc822",
                "Content-Transfer-Encoding: base64",
            ),
        )
    )
    assert [("Inner.eml", "message", inner)] == [
        (one.name, one.mark, one.data) for one in read.parts
    ]

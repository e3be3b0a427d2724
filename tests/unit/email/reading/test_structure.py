"""Broken structure does not hide what a mail says."""

from __future__ import annotations

import pytest

from gateway_email.reading import Limits, read_mail
from tests.unit.email.reading.samples import mail, multipart, multipart_mail, nested_part, part


def test_depth_beyond_the_limit_keeps_the_mail() -> None:
    """A mail nested too deep is read by its header and kept whole (F11, F22)."""
    inner = part("deep")
    for level in range(60):
        inner = nested_part("mixed", inner, boundary=f"b{level}")
    raw = mail(inner.partition(b"\n\n")[2], inner.partition(b"\n\n")[0].decode())
    read = read_mail(raw)
    assert not read.complete
    assert read.subject == "Order"
    assert [("message.eml", raw)] == [(one.name, one.data) for one in read.parts]
    assert read.warnings == ("the mail is nested more than 50 levels deep",)


def test_depth_within_the_limit_is_read() -> None:
    """A mail nested 40 levels deep is read like any other (F22)."""
    inner = part("deep")
    for level in range(40):
        inner = nested_part("mixed", inner, boundary=f"b{level}.")
    raw = mail(inner.partition(b"\n\n")[2], inner.partition(b"\n\n")[0].decode())
    assert read_mail(raw).text == "deep"


def test_parts_beyond_the_limit_keep_the_mail() -> None:
    """Too many parts: the header is read, the mail is kept whole (F11)."""
    raw = multipart_mail("mixed", *[part("x")] * 30)
    read = read_mail(raw, limits=Limits(parts=20))
    assert not read.complete
    assert [raw] == [one.data for one in read.parts]
    assert read.warnings == ("the mail has more than 20 parts",)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(raw_bytes=100), "longer than 100 bytes"),
        (Limits(header_bytes=50), "header is longer than 50 bytes"),
        (Limits(fields=2), "more than 2 fields"),
    ],
)
def test_each_limit_names_itself(limits: Limits, words: str) -> None:
    """Beyond a limit the reason is told and nothing is lost."""
    raw = mail("x" * 200)
    read = read_mail(raw, limits=limits)
    assert (False, [raw]) == (read.complete, [one.data for one in read.parts])
    assert words in read.warnings[0]


def test_a_multipart_without_a_boundary_is_text() -> None:
    """When parts cannot be told apart, the words are shown (F12)."""
    read = read_mail(mail("the words\n--x\nmore\n", "Content-Type: multipart/mixed"))
    assert read.text == "the words\n--x\nmore"


def test_a_wrong_boundary_is_guessed() -> None:
    """A boundary that is named wrongly is found by its look (F12)."""
    body, _ = multipart(
        "mixed",
        part("the words", "Content-Type: text/plain"),
        part("x", "Content-Type: application/pdf; name=a.pdf"),
        boundary="real-edge",
    )
    read = read_mail(mail(body, "Content-Type: multipart/mixed; boundary=other"))
    assert (read.text, [one.name for one in read.parts]) == ("the words", ["a.pdf"])


def test_inline_images_deep_down_are_found() -> None:
    """A related set inside an alternative inside a mixed set loses nothing (F12)."""
    image = part("GIF89a", "Content-Type: image/gif; name=logo.gif", "Content-ID: <logo@x>")
    related = nested_part(
        "related",
        part('<p>hi <img src="cid:logo@x"></p>', "Content-Type: text/html"),
        image,
        boundary="r",
    )
    alternative = nested_part("alternative", part("hi"), related, boundary="a")
    read = read_mail(
        multipart_mail(
            "mixed", alternative, part("%PDF", "Content-Type: application/pdf; name=a.pdf")
        )
    )
    assert read.text == "hi"
    assert [(one.name, one.inline, one.content_id) for one in read.parts] == [
        ("logo.gif", True, "logo@x"),
        ("a.pdf", False, ""),
    ]


def test_a_mail_with_carriage_returns_only() -> None:
    """Old line ends are understood (F13)."""
    read = read_mail(mail("line one\nline two").replace(b"\r\n", b"\r"))
    assert (read.subject, read.text) == ("Order", "line one\nline two")


@pytest.mark.parametrize(
    "before",
    [b"\r\n\r\n", b"From jane@x.example Mon Jun  2 10:00:00 2025\n", b">From x\n", b"\nFrom x\n"],
)
def test_what_stands_before_the_header_is_skipped(before: bytes) -> None:
    """Blank lines and an mbox line do not turn the header into text (F14)."""
    read = read_mail(before + mail("hello"))
    assert (read.subject, read.text) == ("Order", "hello")


@pytest.mark.parametrize(
    "broken",
    [b"Subject : A subject\r\n", b"Subject: A subject\r\nstray line without a sign\r\n"],
)
def test_a_broken_header_line_does_not_end_the_header(broken: bytes) -> None:
    """Fields after a line that is no field are still fields (F15)."""
    raw = b"Received: from a by b\r\n" + broken + b"From: jane@x.example\r\n\r\nhello"
    read = read_mail(raw)
    assert read.from_ is not None
    assert (read.from_.addr, read.text) == ("jane@x.example", "hello")
    assert read.subject.startswith("A subject")


def test_a_body_without_its_blank_line_is_not_lost() -> None:
    """When nothing after it is a field, a stray line begins the body (F15)."""
    read = read_mail(b"From: jane@x.example\r\nSubject: Hi\r\nDear all,\r\nplease note\r\n\r\nbye")
    assert (read.subject, read.text) == ("Hi", "Dear all,\nplease note\n\nbye")


def test_recipients_that_lost_their_fold_are_read() -> None:
    """An address list whose next line lost its blank goes on there (F15)."""
    read = read_mail(b"From: a@x.example\r\nTo: b@x.example,\r\nc@x.example\r\n\r\nhello")
    assert [one.addr for one in read.to] == ["b@x.example", "c@x.example"]


def test_a_folded_boundary_is_found() -> None:
    """A boundary cut in two by folding is put together again (F16)."""
    body, _ = multipart(
        "mixed", part("hello"), part("x", "Content-Type: image/png"), boundary="longedge"
    )
    read = read_mail(mail(body, 'Content-Type: multipart/mixed; boundary="long\r\n edge"'))
    assert (read.text, [one.media_type for one in read.parts]) == ("hello", ["image/png"])


def test_a_boundary_without_a_semicolon_is_found() -> None:
    """``multipart/mixed boundary=`` is understood (F17)."""
    body, _ = multipart("mixed", part("hello"), part("x", "Content-Type: image/png"))
    read = read_mail(mail(body, "Content-Type: multipart/mixed boundary=edge"))
    assert (read.text, len(read.parts)) == ("hello", 1)


def test_a_cut_mail_keeps_what_arrived() -> None:
    """A mail that ends in the middle of a part gives that part."""
    raw = multipart_mail("mixed", part("hello"), part("abc", "Content-Type: image/png; name=a.png"))
    read = read_mail(raw[: raw.rindex(b"abc") + 2])
    assert (read.text, [one.data for one in read.parts]) == ("hello", [b"ab"])
    assert read.warnings == ("a multipart was cut short: its last boundary is missing",)


def test_parts_after_an_early_end_are_found() -> None:
    """A closing boundary in the middle does not hide what follows."""
    body, kind = multipart("mixed", part("hello"), part("x", "Content-Type: image/png; name=a.png"))
    raw = mail(body.replace(b"hello\n--edge\n", b"hello\n--edge--\n\n--edge\n"), kind)
    assert [one.name for one in read_mail(raw).parts] == ["a.png"]


def test_a_longer_boundary_is_another_boundary() -> None:
    """``--edge2`` inside a part whose boundary is ``edge`` is content."""
    read = read_mail(multipart_mail("mixed", part("hello\n--edge2\nmore")))
    assert read.text == "hello\n--edge2\nmore"


def test_no_bytes_at_all_are_a_mail() -> None:
    """The empty mail is a mail that says nothing."""
    read = read_mail(b"")
    assert (read.subject, read.text, read.from_, read.parts) == ("", "", None, ())

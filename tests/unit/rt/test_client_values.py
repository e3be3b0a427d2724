"""What is sent to a Request Tracker, and how its answers are read."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from gateway_rt import answers, bodies
from gateway_rt.answers import File
from gateway_rt.errors import RtRefused, RtUnknown

NOW = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("120", 120.0),
        ("0", 0.0),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 12:00:30 -0000", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("²", None),
        ("", None),
    ],
)
def test_retry_after(value: str | None, expected: float | None) -> None:
    """Seconds and dates are understood, the past is now, and nonsense is nothing."""
    assert answers.parse_retry_after(value, now=NOW) == expected


@pytest.mark.parametrize(
    ("body", "location", "expected"),
    [
        (["Correspondence added"], "/REST/2.0/transaction/72", (72, ())),
        (["Korrespondenz hinzugefügt"], "https://rt/REST/2.0/transaction/72", (72, ())),
        (["Comments added"], "", (None, ())),
        (["Correspondence added", "Unable to load"], "/transaction/7", (7, ("Unable to load",))),
    ],
)
def test_entry_was_recorded(body: Any, location: str, expected: tuple[Any, Any]) -> None:
    """The new entry's address proves success in any language, the English sentence without it."""
    written = answers.decode_written(body, status=201, location=location)
    assert (written.id, written.notes) == expected


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (["Message could not be recorded"], RtRefused, "Message could not be recorded"),
        ({"message": "Permission Denied"}, RtRefused, "Permission Denied"),
        ([], RtRefused, "did not record"),
        ({}, RtUnknown, "not a list of texts"),
        ("Correspondence added", RtUnknown, "not a list of texts"),
    ],
)
def test_entry_was_not_recorded(body: Any, error: type[Exception], words: str) -> None:
    """A success by its status that carries another text is an error with that text."""
    with pytest.raises(error, match=words):
        answers.decode_written(body, status=200, location="")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"message": "Queue not set"}, RtRefused),
        (["Queue not set"], RtRefused),
        ({}, RtUnknown),
        ({"id": "new"}, RtUnknown),
        (None, RtUnknown),
    ],
)
def test_ticket_was_not_created(body: Any, error: type[Exception]) -> None:
    """A success by its status without a ticket is refused where it says why, else unknown."""
    with pytest.raises(error):
        answers.decode_created(body, status=200)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.txt", "a.txt"),
        ('we"ird;\\name.txt', 'we"ird;\\name.txt'),
        ("ü.txt", "\xc3\xbc.txt"),
        ("a\r\nX-Evil: 1", "a X-Evil: 1"),
        ("", "attachment"),
        ("0", "attachment"),
    ],
)
def test_file_name(name: str, expected: str) -> None:
    """A name that RT would garble is an encoded word; line breaks and empty names are mended."""
    assert bodies.encode_name(name) == expected


@pytest.mark.parametrize(
    ("media_type", "content", "expected"),
    [
        ("image/png", b"\xff", "image/png"),
        ("text/plain", "ü".encode(), "text/plain; charset=utf-8"),
        ("text/plain; charset=latin1", b"\xfc", "application/octet-stream"),
        ("text/csv", b"a\0b", "application/octet-stream"),
        ("message/rfc822", b"Subject: x\r\n\r\ny", "message/rfc822"),
        ("message/rfc822", "Subject: ü".encode(), "application/octet-stream"),
        ("", b"", "application/octet-stream"),
    ],
)
def test_media_type(media_type: str, content: bytes, expected: str) -> None:
    """What RT would rewrite as a text is declared as bytes."""
    file = File(name="x", media_type=media_type, content=content)
    assert bodies.encode_file(file)["FileType"] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Grüße", "Grüße"),
        ("0", "0\n"),
        ("", "\n"),
        ("a\0b", "a\ufffdb"),
        ("a\ud800b", "a?b"),
    ],
)
def test_text(text: str, expected: str) -> None:
    """A text that RT would drop, or could not store, is made one that it keeps."""
    assert bodies.encode_text(text) == expected


def test_query_cannot_be_escaped_from() -> None:
    """A value with quotes and backslashes stays one value; such a field name is refused."""
    assert bodies.field_query("f", "a'b\\") == "'CF.{f}' = 'a\\'b\\\\'"
    with pytest.raises(ValueError, match="cannot be searched for"):
        bodies.field_query("a}' OR 1", "x")


def test_long_error_texts_are_cut() -> None:
    """An error page of any length does not fill the log."""
    assert len(answers.error_text({"message": "x" * 10_000})) == answers.TEXT_LIMIT

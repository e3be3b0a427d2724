"""No bytes make the reader raise, and what it gives is always clean."""

from __future__ import annotations

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_email.reading import read_mail
from tests.unit.email.hostile import SMALL
from tests.unit.email.reading.samples import multipart_mail, part
from tests.unit.email.reading.test_hostile import assert_clean

_SEEDS = [
    multipart_mail(
        "mixed",
        part("Grüße\n> old\n", "Content-Type: text/plain; charset=utf-8; format=flowed"),
        part("<p>a<blockquote type=cite>b", "Content-Type: text/html"),
        part(
            "aGVsbG8=",
            "Content-Type: image/png; name*=utf-8''%C3%BC.png",
            "Content-Transfer-Encoding: base64",
        ),
        fields=(
            "Subject: =?utf-8?q?=C3=BC?= x",
            "Date: Mon, 2 Jun 2025 10:00:00 +0200",
            "References: <a@b> <c@d>",
        ),
    ),
    *(raw for raw in SMALL.values() if len(raw) < 8_000),
]
_TOKENS = [
    b"\r\n", b"\n\n", b"--edge", b"--edge--", b"=?utf-8?b?", b"?=", b"Content-Type: text/html\n", b"<div>", b"\x1b$B",
    b"Content-Transfer-Encoding: base64\n", b"begin 644 a\n", b"\0", b"\xff", b"\xed\xa0\x80", b"(", b'"', b"charset=utf-7",
    b"On 2 Jun 2025 at 10:00, a@b wrote:\n> ", b"multipart/mixed; boundary=edge", b"message/rfc822", b"text/calendar", b";", b"=",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(raw=st.binary(max_size=3_000))
def test_random_bytes_are_read(raw: bytes) -> None:
    """Any bytes are some mail."""
    assert_clean(read_mail(raw))


@settings(max_examples=400, deadline=None)
@given(
    seed=st.sampled_from(_SEEDS),
    edits=st.lists(
        st.tuples(
            st.floats(0, 1), st.integers(0, 30), st.sampled_from(_TOKENS) | st.binary(max_size=6)
        ),
        max_size=12,
    ),
)
def test_mutated_mails_are_read(seed: bytes, edits: list[tuple[float, int, bytes]]) -> None:
    """Mails with pieces cut out, put in and replaced are read, by the ordinary way."""
    raw = seed
    for where, cut, put in edits:
        at = int(where * len(raw))
        raw = raw[:at] + put + raw[at + cut :]
    read = read_mail(raw)
    assert_clean(read)
    assert not any("could not be read" in warning for warning in read.warnings)


@settings(max_examples=200, deadline=None)
@given(pieces=st.lists(st.sampled_from(_TOKENS), max_size=60))
def test_heaps_of_syntax_are_read(pieces: list[bytes]) -> None:
    """Mails made of nothing but syntax are read."""
    read = read_mail(b"From: a@b\n" + b"".join(pieces))
    assert_clean(read)
    assert not any("could not be read" in warning for warning in read.warnings)


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet=string.ascii_letters + "\n \t.:>-éß日本", max_size=600))
def test_words_are_never_lost(text: str) -> None:
    """Whatever is cut as a quote, every letter of the text is in reply or quote."""
    raw = b"From: a@b.example\nContent-Type: text/plain; charset=utf-8\n\n" + text.encode()
    read = read_mail(raw)
    letters = sorted(one for one in read.full_text if one.isalnum())
    assert letters == sorted(one for one in read.text + read.quoted if one.isalnum())
    if any(one.isalnum() for one in text):
        assert read.text

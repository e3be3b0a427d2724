"""Hostile mail neither crashes nor delays its reader."""

from __future__ import annotations

import gc
import time

import pytest

from gateway_email.reading import Mail, is_quick, read_mail
from tests.unit.email.hostile import HOSTILE, LARGE, SMALL

_LONGEST_SECONDS = 5.0
_QUICK_SECONDS = 0.020


def timed(raw: bytes) -> tuple[float, Mail]:
    """Return the processor time of one reading, without the collector's pauses, and the mail."""
    gc.disable()
    try:
        began = time.process_time()
        read = read_mail(raw)
        return time.process_time() - began, read
    finally:
        gc.enable()


def assert_clean(read: Mail) -> None:
    """Assert that every string can be stored and sent."""
    texts = [read.subject, read.text, read.quoted, read.full_text, read.html]
    texts += [text for pair in read.headers for text in pair]
    texts += [
        text for one in read.parts for text in (one.name, one.media_type, one.content_id, one.card)
    ]
    texts += [*read.warnings, *read.reasons, *read.references, read.message_id or ""]
    joined = "\n".join(texts)
    joined.encode("utf-8")
    assert "\0" not in joined
    assert "\r" not in joined


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_is_read_in_time(name: str) -> None:
    """Each is read, or kept as one part, within the time a worker is given; strings are clean."""
    seconds, read = timed(HOSTILE[name])
    assert seconds < _LONGEST_SECONDS
    assert_clean(read)
    assert not any("could not be read" in warning for warning in read.warnings)
    if not read.complete:
        assert [HOSTILE[name]] == [one.data for one in read.parts]


@pytest.mark.parametrize("name", SMALL)
def test_what_is_quick_takes_twenty_milliseconds(name: str) -> None:
    """A small hostile mail either is known not to be quick, or is read in 20 ms (best of 3)."""
    raw = SMALL[name]
    if is_quick(raw):
        assert min(timed(raw)[0] for _ in range(3)) <= _QUICK_SECONDS


def test_there_are_enough_of_them() -> None:
    """The collection holds the cases that matter, many of them small."""
    assert len(HOSTILE) >= 45
    assert len(SMALL) >= 45
    assert not any(map(is_quick, LARGE.values()))
    assert any(map(is_quick, SMALL.values()))


def test_header_injection_ends_in_one_line() -> None:
    """A line end hidden in an encoded word does not become one."""
    read = read_mail(HOSTILE["encoded word with a line end"])
    assert read.subject == "Re: hello Bcc: x@evil"

"""A header is read in one way, whether all of its lines are in order or not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway_email.reading.encoded_words import raw_text
from gateway_email.reading.fields import Fields, _regular, _split
from gateway_email.reading.limits import Limits

LINES = st.lists(
    st.sampled_from([
        b"Subject: one", b"To : two\r", b"X-Empty:", b"X-Colon: a:b \r", b" folded", b"\tfolded\r", b" \r", b"\t",
        b"stray", b":", b"To", b"To=x: y", b"", b"\r", b"x" * 200 + b": long", b"x" * 201 + b": too long",
        b"\xe9: 8 bit", b"Subject: \xe9", b"From a@b Sun Nov 22",
    ]), max_size=8,
)  # fmt: skip


def read(fields: Fields) -> list[tuple[str, str]]:
    """The fields as everybody takes them."""
    return [(name, raw_text(value)) for name, value in fields.items]


@given(LINES)
def test_the_short_way_gives_what_the_long_one_gives(lines: list[bytes]) -> None:
    """A header without a stray line is read in one pass, with the same result."""
    raw = b"".join(line + b"\n" for line in lines)
    items = _regular(raw, 0, len(raw))
    if items is not None:
        fields, body = _split(raw, 0, len(raw), len(raw), Limits())
        assert (read(fields), fields.mended, body) == (read(Fields(items)), False, len(raw))


def test_a_header_in_order_is_read_the_short_way() -> None:
    """Fields with folds, and line ends of either kind, are in order."""
    raw = b"Subject: one\r\n two\nTo:\tx\r\n"
    assert [("Subject", b"one\r\n two"), ("To", b"x")] == _regular(raw, 0, len(raw))

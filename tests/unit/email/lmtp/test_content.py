"""A mail is put together from pieces as if it had come in one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway_email.lmtp.content import END, LARGE, Content

# What matters are line ends and dots, and where the pieces are cut among them.
BODIES = st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"..", b"a", b"\r\n.", b"\r\n..b"])).map(b"".join)  # fmt: skip


def stuffed(mail: bytes) -> bytes:
    """What a sender sends for a mail that ends with a line end, behind the line end that is lent."""
    return (b"\r\n" + mail).replace(b"\r\n.", b"\r\n..") + b".\r\n"


async def received(wire: bytes, cuts: list[int]) -> bytes:
    """Put a mail together that comes in pieces; the last one holds the whole end."""
    content, at = Content(), 0
    for cut in sorted({c for c in cuts if 0 < c <= len(wire) - len(END)}):
        content.add(wire[at:cut])
        at = cut
    return await content.whole(wire[at:])


@given(BODIES, st.lists(st.integers(0, 60), max_size=8))
async def test_pieces_make_the_mail(body: bytes, cuts: list[int]) -> None:
    """Wherever it is cut, between a line end and its dot as well, nothing is lost or added."""
    mail = body + b"\r\n"
    assert mail == await received(stuffed(mail), cuts)


async def test_an_empty_mail() -> None:
    """The end on the first line is an empty mail."""
    assert b"" == await received(stuffed(b""), [])


async def test_a_large_mail() -> None:
    """One that is joined in a thread comes out the same."""
    mail = b"a line\r\n.dot\r\n" * (LARGE // 10)
    wire = stuffed(mail)
    assert mail == await received(wire, list(range(0, len(wire), 100_003)))

"""A mail is put together from pieces as if it had come in one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway_email.lmtp.content import LARGE, Content

# What matters are line ends and dots, and where the pieces are cut among them.
BODIES = st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"..", b"a", b"\r\n.", b"\r\n..b"])).map(b"".join)  # fmt: skip


def stuffed(mail: bytes) -> bytes:
    """What a sender sends for a mail that ends with a line end."""
    return (b"\r\n" + mail).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


async def received(wire: bytes, cuts: list[int]) -> bytes:
    """Put a mail together that comes in pieces."""
    content, at = Content(), 0
    for cut in sorted({c for c in cuts if 0 < c < len(wire)}):
        assert content.add(wire[at:cut]) is None
        at = cut
    assert content.add(wire[at:] + b"QUIT\r\n") == b"QUIT\r\n"
    assert content.size == len(wire) - len(b".\r\n")
    return await content.whole()


@given(BODIES, st.lists(st.integers(0, 60), max_size=8))
async def test_pieces_make_the_mail(body: bytes, cuts: list[int]) -> None:
    """Wherever it is cut, within its end as well, nothing is lost or added or counted wrong."""
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


async def test_a_mail_octet_by_octet_takes_little_memory() -> None:
    """What a sender lets drip is not kept in one piece an octet."""
    content = Content()
    for _ in range(100_000):
        content.add(b"x")
    assert len(content._pieces) < 100
    content.add(b"\r\n.\r\n")
    assert await content.whole() == b"x" * 100_000 + b"\r\n"

"""winmail.dat is opened within bounds, and kept."""

from __future__ import annotations

import base64
import struct

import pytest

from gateway_email.reading import Limits, read_mail
from gateway_email.reading.tnef import open_tnef
from tests.unit.email.reading.samples import mail, multipart_mail, part


def attribute(name: int, content: bytes, level: int = 1) -> bytes:
    """Return one attribute of a TNEF stream."""
    return (
        struct.pack("<BHHI", level, name, 6, len(content))
        + content
        + struct.pack("<H", sum(content) & 0xFFFF)
    )


def prop(name: int, kind: int, value: bytes) -> bytes:
    """Return one MAPI property of variable length."""
    return struct.pack("<HHII", kind, name, 1, len(value)) + value + b"\0" * (-len(value) % 4)


def properties(*props: bytes) -> bytes:
    """Return a block of MAPI properties."""
    return struct.pack("<I", len(props)) + b"".join(props)


def stream(*attributes: bytes) -> bytes:
    """Return a TNEF stream."""
    return b"\x78\x9f\x3e\x22\x01\x00" + b"".join(attributes)


def file(name: str, data: bytes, long_name: str = "") -> bytes:
    """Return the attributes of one attached file."""
    long = prop(0x3707, 0x1F, (long_name or name).encode("utf-16-le") + b"\0\0")
    return (
        attribute(0x9002, b"\0" * 14, 2)
        + attribute(0x8010, name.encode() + b"\0", 2)
        + attribute(0x800F, data, 2)
        + attribute(0x9005, properties(long), 2)
    )


def test_the_files_inside_are_listed_beside_the_envelope() -> None:
    """winmail.dat stays, its files come behind it, marked as taken out."""
    data = stream(file("LONG~1.PDF", b"%PDF", "Großer Plan.pdf"), file("a.txt", b"text"))
    read = read_mail(
        multipart_mail(
            "mixed",
            part("see the file"),
            part(
                base64.encodebytes(data),
                "Content-Type: application/ms-tnef; name=winmail.dat",
                "Content-Transfer-Encoding: base64",
            ),
        )
    )
    assert [
        ("winmail.dat", "tnef", False, data),
        ("Großer Plan.pdf", "", True, b"%PDF"),
        ("a.txt", "", True, b"text"),
    ] == [(one.name, one.mark, one.extracted, one.data) for one in read.parts]


def test_the_words_inside_are_the_text_where_there_is_no_other() -> None:
    """A mail whose words are only in the envelope is not empty."""
    data = stream(attribute(0x9003, properties(prop(0x1000, 0x1F, "Grüße".encode("utf-16-le")))))
    read = read_mail(
        mail(
            base64.encodebytes(data),
            "Content-Type: application/ms-tnef",
            "Content-Transfer-Encoding: base64",
        )
    )
    assert read.text == "Grüße"


def test_html_inside_is_made_safe() -> None:
    """HTML from the envelope goes the same way as any other."""
    body = prop(0x1013, 0x102, b"<p>hello<script>x</script></p>")
    data = stream(attribute(0x9003, properties(body)))
    read = read_mail(
        mail(data, "Content-Type: application/ms-tnef", "Content-Transfer-Encoding: binary")
    )
    assert (read.text, read.html) == ("hello", "<p>hello</p>")


def test_the_code_page_is_heeded() -> None:
    """Names in the code page of the sender are read in it."""
    data = stream(
        attribute(0x9007, struct.pack("<II", 1251, 0)),
        attribute(0x9002, b"", 2),
        attribute(0x8010, "план.txt".encode("cp1251") + b"\0", 2),
        attribute(0x800F, b"x", 2),
    )
    assert [one.name for one in open_tnef(data, Limits()).parts] == ["план.txt"]


def test_limits_hold_inside_the_envelope() -> None:
    """Neither count nor size of what is taken out goes beyond its limit."""
    data = stream(*[file(f"{n}.bin", b"x" * 100) for n in range(20)])
    assert len(open_tnef(data, Limits(extracted_parts=5)).parts) == 5
    assert len(open_tnef(data, Limits(extracted_bytes=250)).parts) == 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no tnef",
        b"\x78\x9f\x3e\x22",
        stream(b"\x01" * 8),
        stream(struct.pack("<BHHI", 1, 0x9003, 6, 0xFFFFFFFF)),
        stream(attribute(0x9003, b"\xff\xff\xff\xff")),
        stream(attribute(0x9003, struct.pack("<IHHI", 1, 0x1002, 1, 0xFFFFFFFF))),
        stream(attribute(0x9003, struct.pack("<IHHI", 1, 0x101E, 1, 0xFFFFFFFF) + b"\0" * 64)),
        stream(
            attribute(
                0x9003,
                struct.pack("<IHH", 1, 0x1E, 0x8000) + b"\0" * 16 + b"\1\0\0\0\xff\xff\xff\xff",
            )
        ),
        stream(attribute(0x9003, struct.pack("<IHH", 1, 0x77, 1))),
        stream(attribute(0x800F, b"data without a file", 2)),
    ],
)
def test_broken_streams_give_nothing(data: bytes) -> None:
    """Counts that lie, lengths beyond the end, unknown types: nothing comes out, nothing hangs."""
    assert open_tnef(data, Limits()).parts == ()

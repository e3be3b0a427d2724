"""Parameters and file names are read as senders meant them."""

from __future__ import annotations

import pytest

from gateway_email.reading import cleaned_filename, read_mail
from gateway_email.reading.parameters import read_parameters
from tests.unit.email.reading.samples import multipart_mail, part


@pytest.mark.parametrize(
    ("text", "main", "params"),
    [
        ("text/plain; charset=utf-8", "text/plain", {"charset": "utf-8"}),
        ('TEXT/Plain; Charset="utf-8"', "text/plain", {"charset": "utf-8"}),
        ("multipart/mixed boundary=x", "multipart/mixed", {"boundary": "x"}),
        ("attachment; filename=my file.pdf; size=3", "attachment", {"filename": "my file.pdf", "size": "3"}),
        ('attachment; filename="a;b.pdf"', "attachment", {"filename": "a;b.pdf"}),
        ('attachment; filename="a\\"b.pdf"', "attachment", {"filename": 'a"b.pdf'}),
        ('attachment; filename="C:\\dir\\x.pdf"', "attachment", {"filename": "C:\\dir\\x.pdf"}),
        ('attachment; filename="unfinished.pdf', "attachment", {"filename": "unfinished.pdf"}),
        ("attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf", "attachment", {"filename": "Grüße.pdf"}),
        ("attachment; filename*=Gr%C3%BC%C3%9Fe.pdf", "attachment", {"filename": "Grüße.pdf"}),
        ("attachment; filename*=iso-8859-1'de'Gr%FC%DFe.pdf", "attachment", {"filename": "Grüße.pdf"}),
        (
            "attachment; filename*1*=%C3%9Fe.pdf; filename*0*=utf-8''Gr%C3%BC",
            "attachment",
            {"filename": "Grüße.pdf"},
        ),
        ("attachment; filename*0=a%20; filename*1=b.pdf", "attachment", {"filename": "a%20b.pdf"}),
        ("attachment; filename==?utf-8?b?R3LDvMOfZQ==?=.pdf", "attachment", {"filename": "Grüße.pdf"}),
        ('attachment; filename="=?utf-8?q?Gr=C3=BC=C3=9Fe=2Epdf?="', "attachment", {"filename": "Grüße.pdf"}),
        ("text/plain; charset=a; charset=b", "text/plain", {"charset": "a"}),
        ("text/plain;;; ;charset=a", "text/plain", {"charset": "a"}),
        ("", "", {}),
        ("=", "", {}),
        ("text/plain; charset", "text/plain", {}),
    ],
)  # fmt: skip
def test_parameters_are_read(text: str, main: str, params: dict[str, str]) -> None:
    """RFC 2231 in any order, encoded words, blanks, missing signs: all are read (F9, F17)."""
    assert (main, params) == read_parameters(text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.pdf", "a.pdf"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\a.exe", "a.exe"),
        ("C:\\Users\\x\\a.doc", "a.doc"),
        ("..", ""),
        (".", ""),
        ("", ""),
        (".htaccess", "htaccess"),
        ("a\r\nb.pdf", "a b.pdf"),
        ("a\0b.pdf", "a b.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ('a<b>:"c|d?*.pdf', "abcd.pdf"),
        ("  a.pdf. ", "a.pdf"),
        ("Grüße.pdf", "Grüße.pdf"),
        ("dir/", "dir"),
    ],
)
def test_file_names_are_safe(name: str, expected: str) -> None:
    """A name is one path segment without controls or tricks (F9)."""
    assert expected == cleaned_filename(name)


def test_long_file_names_keep_their_extension() -> None:
    """A name never has over 255 bytes, and keeps what tells its type (F9)."""
    cleaned = cleaned_filename("ü" * 500 + ".pdf")
    assert cleaned.endswith("ü.pdf")
    assert 250 < len(cleaned.encode()) <= 255


@pytest.mark.parametrize(("charset", "text"), [("gb2312", "发票.pdf"), ("shift_jis", "請求書.pdf")])
def test_raw_names_are_read_in_the_charset_of_the_text(charset: str, text: str) -> None:
    """A file name in raw bytes is in the charset that the text declares (F4)."""
    field = b'Content-Disposition: attachment; filename="' + text.encode(charset) + b'"'
    read = read_mail(
        multipart_mail(
            "mixed",
            part("hello", f"Content-Type: text/plain; charset={charset}"),
            part("x", "Content-Type: application/pdf", field),
        )
    )
    assert [text] == [one.name for one in read.parts]

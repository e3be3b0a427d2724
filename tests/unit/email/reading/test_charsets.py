"""Text comes out right whatever charset it claims to be in."""

from __future__ import annotations

import pytest

from gateway_email.reading.charsets import codec_name, decode_bytes


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("utf-8", "utf_8"),
        ("UTF8", "utf_8"),
        ('"utf-8"', "utf_8"),
        ("utf-8; format=flowed", "utf_8"),
        ("utf-8http-equivcontent-type", "utf_8"),
        ("iso-8859-1", "cp1252"),
        ("ISO_8859-1", "cp1252"),
        ("us-ascii", "ascii"),
        ("gb2312", "gb18030"),
        ("GBK", "gb18030"),
        ("x-gbk", "gb18030"),
        ("ks_c_5601-1987", "cp949"),
        ("euc-kr", "cp949"),
        ("shift_jis", "cp932"),
        ("windows-31j", "cp932"),
        ("iso-8859-8-i", "iso8859_8"),
        ("windows-1252", "cp1252"),
        ("cp1251", "cp1251"),
        ("koi8-r", "koi8_r"),
        ("iso-2022-jp", "iso2022_jp"),
        ("tis-620", "cp874"),
        ("x-unknown", None),
        ("unknown-8bit", None),
        ("", None),
        ("base64", None),
        ("zlib", None),
        ("rot13", None),
        ("undefined", None),
        ("idna", None),
        ("unicode_escape", None),
        ("cp037", None),
        ("a" * 5_000, None),
        ("utf\0-8", "utf_8"),
    ],
)
def test_names_give_text_codecs_only(declared: str, expected: str | None) -> None:
    """Aliases and trailing junk are understood; codecs that are no charsets are refused (F1)."""
    assert expected == codec_name(declared)


@pytest.mark.parametrize(
    ("data", "declared", "expected"),
    [
        (b"plain", "", "plain"),
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("Grüße".encode("cp1252"), "iso-8859-1", "Grüße"),
        ("„Grüße“ – €".encode("cp1252"), "iso-8859-1", "„Grüße“ – €"),
        ("Grüße".encode(), "us-ascii", "Grüße"),
        ("Grüße".encode(), "", "Grüße"),
        ("Grüße".encode(), "x-unknown", "Grüße"),
        (b"\xef\xbb\xbfGr\xc3\xbc\xc3\x9fe", "iso-8859-1", "Grüße"),
        ("Grüße".encode("utf-16"), "utf-8", "Grüße"),
        ("Frösche".encode("cp1252"), "", "Frösche"),
        ("Привет".encode("cp1251"), "windows-1251", "Привет"),
        ("中文邮件".encode("gb18030"), "gb2312", "中文邮件"),
        ("日本語".encode("cp932"), "iso-2022-jp", "日本語"),
        ("日本語".encode("euc_jp"), "iso-2022-jp", "日本語"),
        ("한국어".encode("cp949"), "ks_c_5601-1987", "한국어"),
        ("日本語メール".encode("iso2022_jp"), "iso-2022-jp", "日本語メール"),
        (b"\x1b$B-!\x1b(B", "iso-2022-jp", "①"),
        (b"\x1b(I1\x1b(B", "iso-2022-jp", "ｱ"),
        (b"line\x1b$B\x46\x7c\nx\x1b(B", "utf-8", "line\x1b$BF|\nx\x1b(B"),
        (b"abc\xff", "utf-8", "abc\ufffd"),
        (b"\x81\x8d", "iso-8859-1", "\ufffd\ufffd"),
    ],
)
def test_bytes_become_the_text_that_was_meant(data: bytes, declared: str, expected: str) -> None:
    """Declared, BOM, UTF-8, sister charsets, replacement: in this order (F2, F18, F19)."""
    assert expected == decode_bytes(data, declared)[0]


def test_long_text_without_a_charset_is_detected() -> None:
    """Over 60 bytes the detector names the charset that nobody declared (F2)."""
    text = "Здравствуйте, мой заказ до сих пор не пришёл, помогите, пожалуйста, разобраться."
    assert text == decode_bytes(text.encode("cp1251"), "")[0]


def test_unknown_names_are_not_remembered_by_python() -> None:
    """Strangers cannot fill Python's cache of codecs with names they made up."""
    import encodings

    before = len(encodings._cache)
    for number in range(50):
        codec_name(f"x-made-up-{number}")
    assert before == len(encodings._cache)

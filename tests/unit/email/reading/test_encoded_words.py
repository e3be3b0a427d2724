"""Header values with encoded words come out as the one line that was meant."""

from __future__ import annotations

import pytest

from gateway_email.reading.encoded_words import decode_value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"),
        (b"=?UTF-8?B?R3LDvMOfZQ?=", "Grüße"),
        (b"=?utf-8?q?a_b?= c", "a b c"),
        (b"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        (b"=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab"),
        (b"=?utf-8?q?a?==?utf-8?q?b?=", "ab"),
        (b"x=?utf-8?q?a?=y", "xay"),
        (b'"=?utf-8?q?a?="', '"a"'),
        (b"=?utf-8?q?a b c?=", "a b c"),
        (b"=?utf-8?q?a?b?=", "a?b"),
        (b"=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"),
        (b"=?utf-8?b?w7?= =?utf-8?q?=BC?=", "ü"),
        (b"=?utf-8*en?q?hello?=", "hello"),
        (b"=?iso-8859-1?q?Gr=FC=DFe?=", "Grüße"),
        (b"=?x-nowhere?q?Gr=FC=DFe?=", "Grüße"),
        (b"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?= =?iso-2022-jp?b?GyRCOGwbKEI=?=", "日本語"),
        (b"=?utf-8?q?never ends", "=?utf-8?q?never ends"),
        (b"=?utf-8?q?never =?utf-8?q?ends?=", "=?utf-8?q?never ends"),
        (b"=?utf-8?x?a?=", "=?utf-8?x?a?="),
        (b"=?utf-8?q?a=0D=0ABcc:_x=40evil?=", "a Bcc: x@evil"),
        (b"=?utf-8?q?a=00b?=", "a b"),
        (b"=?utf-8?q?a=ED=A0=80?=", "a" + "\ufffd" * 3),
        (b"=?utf-8?b?!!!?=", "!!!"),
        ("Grüße".encode(), "Grüße"),
        (b"long\r\n line\r\n\tfolded", "long line folded"),
        (b"a\r\n b\x00c\x1fd", "a b c d"),
        ("a\u2028b".encode(), "a b"),
        ("invoice\u202efdp.exe".encode(), "invoicefdp.exe"),
    ],
)
def test_values_are_decoded(value: bytes, expected: str) -> None:
    """Encoded words are read also where they break the rules (F5), as one clean line (F3)."""
    assert expected == decode_value(value)


def test_raw_bytes_are_read_in_the_charset_of_the_body() -> None:
    """Raw 8-bit headers are in what the body declares (F4)."""
    assert decode_value("件名です".encode("cp932"), "shift_jis") == "件名です"
    assert decode_value("中文".encode("gb18030"), "gb2312") == "中文"

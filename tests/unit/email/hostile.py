"""Mails made to crash, to hang or to bloat whoever reads them.

``HOSTILE`` names each and holds its bytes: `SMALL` are those of at most 32 KiB, which a reader may
meet on its own event loop, `LARGE` the others.
"""

from __future__ import annotations

import base64
import struct

_SMALL_LIMIT = 32_768


def mail(body: bytes | str = "hello", *fields: str) -> bytes:
    """Return a mail with usual fields, ``fields`` behind them, and ``body``."""
    head = [
        "From: Jane <jane@customer.example>",
        "To: support@shop.example",
        *fields,
    ]
    if not any(field.lower().startswith("subject:") for field in fields):
        head.append("Subject: hello")
    data = body.encode() if isinstance(body, str) else body
    return "\r\n".join(head).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + data


def html(markup: str) -> bytes:
    """Return a mail whose only text is ``markup``."""
    return mail(markup, "MIME-Version: 1.0", "Content-Type: text/html; charset=utf-8")


def nested(depth: int, *, same: bool = False) -> bytes:
    """Return a mail whose multiparts are nested ``depth`` levels deep."""
    head = b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b0\r\n\r\n"
    levels = []
    for level in range(depth):
        inner = b"b0" if same else b"b%d" % (level + 1)
        outer = b"b0" if same else b"b%d" % level
        levels.append(
            b"--%s\r\nContent-Type: multipart/mixed; boundary=%s\r\n\r\n" % (outer, inner)
        )
    return head + b"".join(levels) + b"--b%d\r\n\r\nthe words\r\n" % (0 if same else depth)


def many_parts(count: int) -> bytes:
    """Return a mail of ``count`` tiny parts."""
    head = b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    return head + b"--x\r\n\r\na\r\n" * count + b"--x--\r\n"


def _tnef(payload: bytes) -> bytes:
    stream = b"\x78\x9f\x3e\x22\x01\x00" + payload
    return mail(
        base64.encodebytes(stream),
        "Content-Type: application/ms-tnef; name=winmail.dat",
        "Content-Transfer-Encoding: base64",
    )


def _attribute(name: int, content: bytes, level: int = 1) -> bytes:
    return struct.pack("<BHHI", level, name, 6, len(content)) + content + b"\0\0"


def _headers() -> dict[str, bytes]:
    return {
        "from of 50,000 quotes": mail("x", "Reply-To: " + '"' * 50_000),
        "from of 15,000 quotes": mail("x", "Cc: " + '"' * 15_000),
        "from of quoted letters": mail("x", "Cc: " + '"a" ' * 20_000),
        "from of quoted letters, small": mail("x", "Cc: " + '"a" ' * 4_000),
        "open comments": mail("x", "Cc: " + "(" * 5_000 + " a@b.example"),
        "nested comments": mail("x", "Cc: " + "(" * 5_000 + ")" * 5_000 + " a@b.example"),
        "nested comments in the date": mail("x", "Date: " + "(" * 10_000 + ")" * 10_000),
        "20 kB of commas": mail("x", "Cc: " + "," * 20_000),
        "200 kB of commas": mail("x", "Cc: " + "," * 200_000),
        "backslashes": mail("x", "Cc: " + "\\" * 20_000),
        "open brackets": mail("x", "Cc: " + "<" * 20_000),
        "brackets in pairs": mail("x", "Cc: " + "<>" * 10_000),
        "5,000 recipients": mail("x", "Cc: " + ", ".join(f"p{n}@x.example" for n in range(5_000))),
        "1,000 recipients": mail("x", "Cc: " + ",".join(f"p{n}@x.example" for n in range(1_000))),
        "8,000 groups": mail("x", "Cc: " + "a:b@c;" * 8_000),
        "at signs": mail("x", "Cc: " + "@" * 20_000),
        "almost an address": mail("x", "Cc: " + "a." * 10_000),
        "routes": mail("x", "Cc: <" + "@a," * 5_000 + ":b@c.example>"),
        "200 kB subject": mail("x", "Subject: " + "a " * 100_000),
        "8,000 encoded words": mail("x", "Subject: " + "=?utf-8?q?a?= " * 8_000),
        "1,500 encoded words": mail("x", "Subject: " + "=?utf-8?q?a?= " * 1_500),
        "encoded words that never end": mail("x", "Subject: " + "=?a?q?" * 5_000),
        "encoded words that end at last": mail("x", "Subject: " + "=?a?q?" * 20_000 + "?="),
        "encoded words in strange charsets": mail(
            "x", "Subject: " + " ".join(f"=?x-{n}?b?/w==?=" for n in range(1_000))
        ),
        "encoded word with a line end": mail(
            "x", "Subject: Re: =?utf-8?q?hello=0D=0ABcc:_x=40evil?="
        ),
        "encoded name with a line end": mail("x", "Reply-To: =?utf-8?q?a=0D=0Ab?= <a@b.example>"),
        "parameters": mail("x", "Content-Type: text/plain; " + "; ".join(f"a{n}=b" for n in range(20_000))),
        "rfc 2231 pieces": mail(
            "x", "Content-Type: text/plain; " + ";".join(f"name*{n}=b" for n in range(4_000))
        ),
        "parameter of blanks": mail("x", "Content-Type: text/plain" + " " * 20_000 + "x"),
        "parameter without its sign": mail("x", "Content-Type: text/plain; a=b " + "a" * 20_000),
        "parameter of backslashes": mail("x", 'Content-Type: text/plain; name="' + "\\" * 15_001),
        "huge section number": mail("x", "Content-Type: text/plain; name*99999999999999*=utf-8''x"),
        "100,000 fields": b"a: b\r\n" * 100_000 + b"\r\nx",
        "1,500 fields": b"a: b\r\n" * 1_500 + b"\r\nx",
        "128,000 folds": b"Subject: a\r\n" + b" \t\r\n" * 50_000 + b"From: a@b.example\r\n\r\nx",
        "5,000 folds": b"Subject: a\r\n" + b" b\r\n" * 5_000 + b"From: a@b.example\r\n\r\nx",
        "lines that are no fields": b"From: a@b.example\r\n" + b"stray\r\nX-A: b\r\n" * 1_500 + b"\r\nx",
        "a header without an end": b"Subject: " + b"x" * 400_000,
        "message id of brackets": mail("x", "Message-ID: <<<<@@>>", "References: " + "<" * 15_000),
        "5,000 references": mail("x", "References: " + " ".join(f"<{n}@x.example>" for n in range(5_000))),
        "year 99999999": mail("x", "Date: Mon, 1 Jan 99999999 00:00:00 +0000"),
        "zone of a million hours": mail("x", "Date: Mon, 1 Jan 2024 00:00:00 +99999999"),
        "date of digits": mail("x", "Date: " + "9" * 15_000),
        "unknown charset": mail(b"\xff\xfe\xfd", "Content-Type: text/plain; charset=x-nowhere"),
        "charset that is no text": mail("aGVsbG8=", "Content-Type: text/plain; charset=base64"),
        "charset of 20 kB": mail(b"\xe9", "Content-Type: text/plain; charset=" + "a" * 20_000),
        "results of parentheses": mail("x", "Authentication-Results: mx.shop.example " + "(" * 9_000),
        "nul bytes": b"\0" * 20_000,
        "nul in the header": mail("x\0y", "Subject: a\0b"),
        "lone surrogates": mail("x", "Subject: =?utf-8?q?=ED=A0=80?=", "X-A: \udced\udca0\udc80"),
        "raw bytes in the name": b"From: \xff\xfe\xe9 <a@b.example>\r\nSubject: \x80\x81\r\n\r\n\x8f\x90",
    }  # fmt: skip


def _structures() -> dict[str, bytes]:
    random = bytes((n * 7919) % 256 for n in range(20_000))
    return {
        "empty": b"",
        "only line ends": b"\r\n" * 10_000,
        "10 MB of line ends": b"\n" * 10_000_000,
        "only carriage returns": b"From: a@b.example\rSubject: x\r\rtext\r" + b"\r" * 10_000,
        "random bytes": random,
        "800 levels": nested(800),
        "60 levels, small": nested(60),
        "3,000 levels": nested(3_000),
        "one boundary for 200 levels": nested(200, same=True),
        "50,000 parts": many_parts(50_000),
        "2,500 parts, small": many_parts(2_500),
        "900 parts": many_parts(900),
        "boundary of one letter everywhere": b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--ab\r\n" * 5_000,
        "boundary that is a blank": mail("--\r\n\r\nx", 'Content-Type: multipart/mixed; boundary=" "'),
        "boundary of 15 kB": mail("x", "Content-Type: multipart/mixed; boundary=" + "b" * 15_000),
        "boundary missing": mail("--x\r\n\r\ny", "Content-Type: multipart/mixed"),
        "message in a message": b"Content-Type: message/rfc822\r\n\r\n" * 500 + b"Subject: x\r\n\r\ny",
        "false boundaries": b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a-\n" * 300_000,
        "base64 of padding": mail("=" * 20_000, "Content-Transfer-Encoding: base64"),
        "base64 in 5,000 blocks": mail("QQ==\r\n" * 5_000, "Content-Transfer-Encoding: base64"),
        "quoted-printable of signs": mail("=" * 25_000, "Content-Transfer-Encoding: quoted-printable"),
        "quoted-printable of blanks": mail("= " * 12_000, "Content-Transfer-Encoding: quoted-printable"),
        "uuencode without an end": mail("begin 644 x\r\n" + "M" + "a" * 60 + "\r\n" * 3_000),
        "2,000 uuencode beginnings": mail("begin 644 x\r\n" * 2_000),
        "escapes of ISO-2022-JP": mail(b"\x1b$B\x1b(B" * 4_000, "Content-Type: text/plain; charset=iso-2022-jp"),
        "8-bit without a charset": mail(bytes(range(128, 256)) * 120),
        "tnef with four billion properties": _tnef(_attribute(0x9003, b"\xff\xff\xff\xff" + b"\0" * 40)),
        "tnef with four billion values": _tnef(_attribute(0x9003, struct.pack("<IHHI", 1, 0x1002, 1, 0xFFFFFFFF))),
        "tnef of 1,500 files": _tnef(b"".join(_attribute(0x9002, b"", 2) for _ in range(1_500))),
        "calendar of 200 levels": mail(
            "BEGIN:VCALENDAR\r\n" * 200 + "END:VCALENDAR\r\n" * 200, "Content-Type: text/calendar"
        ),
        "status of 4,000 groups": mail(
            "--x\r\nContent-Type: message/delivery-status\r\n\r\n" + "Final-Recipient: rfc822;a@b\r\n\r\n" * 900 + "--x--",
            "Content-Type: multipart/report; report-type=delivery-status; boundary=x",
        ),
        "bounce of addresses": mail("a@b.example\r\n" * 2_000, "X-Failed-Recipients: nobody@x.example"),
        "bounce of a daemon": mail(
            "undeliverable\r\n" + "<a@b.example>:\r\n\r\n" * 1_200, "Return-Path: <>", "Subject: failure notice"
        ),
    }  # fmt: skip


def _texts() -> dict[str, bytes]:
    return {
        "on on on": mail("On " * 10_000),
        "50,000 times on": mail("On " * 50_000),
        "a line of attributions": mail("Op 1 januari schreef x: " * 1_200),
        "10,000 attributions": mail("Op x schreef\n" * 10_000),
        "2,000 attributions": mail("Op 12:30 schreef x:\n" * 1_500),
        "attributions without a verb": mail("On 12:30 x@y.example\n" * 1_400),
        "lines that end in colons": mail("12:30 wrot:\n" * 2_500),
        "labels without an end": mail("From: a\nx\n" * 2_900),
        "nearly header blocks": mail("From: a\nDate: b\nx\nx\nx\n" * 1_200),
        "quote marks": mail("> " * 15_000),
        "quote marks on lines": mail(">\n" * 15_000),
        "quotes and answers": mail("> q\na\n" * 5_000),
        "signatures": mail("-- \n" * 8_000),
        "dashes": mail("-" * 30_000),
        "separators": mail("-----Original Messag\n" * 1_500),
        "colons": mail(":\n" * 15_000),
        "one line of 1 MB": mail("a" * 1_000_000),
        "2 MB of short lines": mail("a\n" * 1_000_000),
        "flowed": mail("a \n" * 10_000, "Content-Type: text/plain; format=flowed"),
        "device lines": mail("Sent from my \n" * 2_000),
    }


def _markup() -> dict[str, bytes]:
    distinct = "".join(f"<p><b a={n}></p>" for n in range(1_900))
    return {
        "6,000 divs": html("<div>" * 6_000),
        "100,000 divs": html("<div>" * 100_000),
        "formatting that is never closed": html(distinct),
        "60 kinds of formatting": html("".join(f"<p><b a={n}></p>" for n in range(55)) + "<p>x</p>" * 3_500),
        "55 kinds of formatting, few tags": html("".join(f"<b a={n}>" for n in range(55)) + "</p>" * 7_000),
        "fonts in tables": html("<table><tr><td><font color=a>" * 1_000),
        "anchors in divs": html("<a><div>" * 3_000),
        "adoption": html(("<b>" * 50 + "<div>" * 100 + "</b>" * 50 + "</div>" * 100) * 18),
        "adoption of anchors": html(("<a>" + "<div>" * 90 + "</a>" + "</div>" * 90) * 30),
        "4,000 attributes": html("<a " + " ".join(f"a{n}" for n in range(4_000)) + ">"),
        "4,000 attributes behind slashes": html("<a" + "/".join(f"a{n}" for n in range(4_000)) + ">"),
        "attributes behind a quote": html('<a x=">" ' + " ".join(f"a{n}" for n in range(4_000)) + ">"),
        "attributes behind a raw style": html("<svg><style><a x='</style>" + "<b><div>" * 2_500),
        "entities": html("&lt;" * 7_500),
        "entity of digits": html("&#" + "9" * 20_000 + ";"),
        "open comment": html("<!--" * 7_000),
        "open tags": html("<a " * 9_000),
        "open quotes": html("<a x='" * 4_500),
        "open brackets in html": html("<" * 30_000),
        "nested tables": html("<table><tr><td>" * 1_800),
        "nested lists": html("<ul><li>" * 3_500),
        "nested quotes": html("<blockquote>" * 190 + "x<br>" * 5_000),
        "svg and math": html("<svg><math><mi>" * 1_800),
        "cdata": html("<svg><![CDATA[" * 1_500),
        "select in select": html("<select><option>" * 1_800),
        "quote containers": html("<div class=gmail_quote>x</div>" * 950),
        "outlook rules": html("<div style='border-top:solid'>" * 190 + "<br>x" * 250),
        "nested quote containers": html("<div class=gmail_quote>" * 190),
        "scripts": html("<script>alert(1)</script><img src=x onerror=alert(1)>" * 500),
        "links": html("<a href=http://x.example/y>z</a>" * 950),
        "titles": html("<i title=a lang=b dir=c>" * 60 + "<p title=a lang=b dir=c>x" * 1_200),
        "breaks": html("<br>" * 8_000),
        "blanks": html(" \n" * 15_000),
    }  # fmt: skip


def _hidden() -> dict[str, bytes]:
    """Return small mails whose malice only shows behind a transfer encoding or inside a part."""
    texts = {
        "attributions": "Op 12:30 schreef x:\n" * 1_100,
        "almost attributions": "Op 12:30 xschreefx:\n" * 1_100,
        "long almost attributions": ("a" * 99 + " 12:30 xwrotex:\n") * 190,
        "digits that end in colons": ("1 " * 290 + ":\n") * 37,
        "digits on lines that end in colons": ("1 " * 48 + ":\n") * 220,
        "addresses without an end": ("a" * 590 + "@:\n") * 37,
        "colons": ":\n" * 11_000,
        "labels": "From: a\n" * 2_700,
        "almost labels": "From: a\nx\nDate:\n" * 1_300,
        "quote marks": ">\n" * 11_000,
        "lines": "a\n" * 11_000,
        "signatures": "-- \n" * 5_500,
        "separators": "-----Original Messag\n" * 1_000,
        "uuencode": "begin 644 x\n" * 1_800,
        "quotes with words": "> q\na b c d e f g h\n" * 1_000,
    }
    markup = {
        "divs": "<div>" * 4_500,
        "breaks": "<br>" * 5_500,
        "formatting": "".join(f"<p><b a={n}></p>" for n in range(1_300)),
        "kinds of formatting": "".join(f"<b a={n}>" for n in range(55)) + "</p>" * 5_000,
        "attributes": "<a " + " ".join(f"a{n}" for n in range(3_000)) + ">",
        "outlook rules": "<div style='border-top:solid'>" * 190 + "<br>x" * 800,
    }
    encoded = "Content-Transfer-Encoding: base64"
    found = {
        f"{name} in base64": mail(base64.encodebytes(text.encode()), encoded)
        for name, text in texts.items()
    }
    for name, text in markup.items():
        data = base64.encodebytes(text.encode())
        found[f"{name} in base64 html"] = mail(data, encoded, "Content-Type: text/html")
        found[f"{name} in short base64 html"] = mail(
            base64.encodebytes(text.encode()[:2_800]), encoded, "Content-Type: text/html"
        )
    found["tags cut by soft breaks"] = mail(
        "=3=\nCb=\n" * 3_000,
        "Content-Transfer-Encoding: quoted-printable",
        "Content-Type: text/html",
    )
    found["html in utf-7"] = mail("+ADw-b+AD4-" * 2_500, "Content-Type: text/html; charset=utf-7")
    part = b"--x\r\nContent-Type: text/plain; "
    head = b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    found["parameters in 60 parts"] = (
        head + (part + b";".join(b"a%d=b" % n for n in range(70)) + b"\r\n\r\n") * 50
    )
    found["a parameter of backslashes in a part"] = (
        head + part + b'name="' + b"\\" * 20_000 + b'"\r\n\r\nx'
    )
    found["encoded words in 40 parts"] = (
        head + (part + b'name="' + b"=?a?q?" * 80 + b'"\r\n\r\n') * 50
    )
    found["letters for a parameter in 40 parts"] = head + (part + b"a" * 700 + b"=x\r\n\r\n") * 40
    found["long names in 50 parts"] = head + (part + b"name=" + b"a/" * 250 + b"\r\n\r\n") * 50
    return found


HOSTILE: dict[str, bytes] = {**_hidden(), **_headers(), **_structures(), **_texts(), **_markup()}
SMALL: dict[str, bytes] = {name: raw for name, raw in HOSTILE.items() if len(raw) <= _SMALL_LIMIT}
LARGE: dict[str, bytes] = {name: raw for name, raw in HOSTILE.items() if len(raw) > _SMALL_LIMIT}

"""How much of a mail is read, and which mails are read in no time at all."""

from __future__ import annotations

import re

import msgspec

_KB = 1_000
_MB = 1_000_000

_QUICK_BYTES = 32_768
_QUICK_HEADER_BYTES = 16_384
_QUICK_HEADER_LINES = 400
_QUICK_LINES = 1_200
_QUICK_PARTS = 40
_QUICK_ADDRESS_SIGNS = 800
_QUICK_ENCODED_WORDS = 150
_QUICK_COLONS = 800
_QUICK_SEMICOLONS = 1_500
_QUICK_HTML_SIGNS = 700
_QUICK_HIDDEN_HTML = 4_096
_HEADER_END = re.compile(rb"\n\r?\n")
# What opens another parser: Outlook's envelope, calendars, charsets that hide signs, reports.
_SLOW_WORDS = (
    b"tnef", b"winmail", b"calendar", b"/ics", b"utf-7", b"utf7", b"utf_7", b"utf-16", b"utf16", b"utf-32",
    b"mailer-daemon", b"postmaster", b"x-failed-recipients", b"delivery-status",
)  # fmt: skip
_UUENCODED = b"begin 6"
# What stands before the header in these cases may be taken away.
_MENDED_BEGINNINGS = (b"\n", b"\r", b" ", b"\t", b"From ", b">")
_ENCODINGS_THAT_HIDE = (b"base64", b"base-64", b"uue")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on one mail; beyond a bound only the header is read and the mail is kept as a part."""

    raw_bytes: int = 30 * _MB
    header_bytes: int = 256 * _KB
    fields: int = 1_000
    parts: int = 1_000
    depth: int = 50
    recipients: int = 500
    html_bytes: int = 2 * _MB
    text_bytes: int = 1 * _MB
    extracted_parts: int = 100
    extracted_bytes: int = 30 * _MB


class OverLimitError(ValueError):
    """A mail is beyond one of its limits; the message says which."""


def is_quick(raw: bytes) -> bool:
    """Whether ``read_mail`` is sure to take at most 20 ms of one processor for ``raw``.

    Looks at sizes and counts in one pass each. Ordinary short mails are quick. What is not quick may
    be quick all the same, but is better read in a worker process.
    """
    if len(raw) > _QUICK_BYTES or b"\n" not in raw:
        return False
    found = _HEADER_END.search(raw)
    header = raw[: found.start()] if found else raw
    lower = raw.lower()
    if (
        len(header) > _QUICK_HEADER_BYTES
        or header.count(b"\n") > _QUICK_HEADER_LINES
        or raw.count(b"\n") > _QUICK_LINES
        or raw.count(b"\n--") > _QUICK_PARTS
        or len(header) - len(header.translate(None, b'",()<>\\')) > _QUICK_ADDRESS_SIGNS
        or raw.count(b"=?") > _QUICK_ENCODED_WORDS
        or raw.count(b":") > _QUICK_COLONS
        or raw.count(b";") > _QUICK_SEMICOLONS
        or raw.count(b"\\") > _QUICK_ADDRESS_SIGNS
        or _UUENCODED in lower
        or not _is_plain_8bit(raw)
    ):
        return False
    html = b"html" in lower
    # Without parts and HTML only the header opens another parser.
    alone = not html and b"multipart" not in lower and not raw.startswith(_MENDED_BEGINNINGS)
    telling = header.lower() if alone else lower
    if any(word in telling for word in _SLOW_WORDS) or _hides_attachments(telling):
        return False
    return not html or _is_quick_html(raw, lower)


def _hides_attachments(lower: bytes) -> bool:
    """Whether an encoded name may call hidden bytes something that is opened (``winmail.dat``)."""
    encoded = any(word in lower for word in _ENCODINGS_THAT_HIDE)
    return encoded and (b"name*" in lower or (b"name" in lower and b"=?" in lower))


def _is_plain_8bit(raw: bytes) -> bool:
    """Whether raw 8-bit text, if any, is UTF-8, so that nothing has to be guessed."""
    if raw.isascii():
        return b"\x1b" not in raw
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\x1b" not in raw


def _is_quick_html(raw: bytes, lower: bytes) -> bool:
    """Whether the HTML has few tags, as far as they can be counted under a transfer encoding."""
    if any(word in lower for word in _ENCODINGS_THAT_HIDE):
        return len(raw) <= _QUICK_HIDDEN_HTML
    # Quoted-printable can write `<` as `=3C`, and cut that in two by a soft line break.
    signs = raw.count(b"<") + lower.count(b"=3c") + lower.count(b"=3=") + lower.count(b"==")
    return signs <= _QUICK_HTML_SIGNS

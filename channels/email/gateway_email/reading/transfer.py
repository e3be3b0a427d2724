"""Undo content transfer encodings, also the ones that are broken (RFC 2045 §6)."""

from __future__ import annotations

import binascii
import re

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BLANKS = b" \t\r\n\v\f\0"
_SOFT_BREAK = re.compile(rb"=[ \t]*(?:\r\n|\n|\r)")
_INNER_BLANK = re.compile(rb"[A-Za-z0-9+/=][ \t]+[A-Za-z0-9+/=]")
_PADDING = re.compile(rb"=[=\s]*")
_IDENTITY = frozenset({"", "7bit", "8bit", "binary", "7-bit", "8-bit", "none"})
_UUENCODINGS = frozenset({"x-uuencode", "uuencode", "uue", "x-uue"})
_BEGIN = re.compile(rb"^begin(?:-base64)? [0-7]{3,4} ([^\r\n]{1,255})\r?$", re.MULTILINE)
_MAX_UU_FILES = 100
_MAX_UU_MISSES = 3


def decode_transfer(data: bytes, encoding: str) -> tuple[bytes, str]:
    """Return ``data`` without its transfer encoding, and a warning (empty when all was well).

    An unknown encoding leaves the bytes as they are (RFC 2045 §6.4 would call the part opaque;
    people would rather see it). Never raises.
    """
    words = encoding.split(None, 1)
    name = words[0].strip(";\"'").lower() if words else ""
    if name in _IDENTITY:
        return data, ""
    if name in {"base64", "base-64"}:
        return decode_base64(data)
    if name in {"quoted-printable", "quotedprintable"}:
        return decode_quoted_printable(data), ""
    if name in _UUENCODINGS:
        return _decode_uu_body(data)
    return data, f"transfer encoding {name[:40]!r} is not known: the content was kept as sent"


def decode_quoted_printable(data: bytes) -> bytes:
    """Return ``data`` without quoted-printable; what is no valid escape stays as it is."""
    if b"=" not in data:
        return data
    return binascii.a2b_qp(_SOFT_BREAK.sub(b"", data))


def decode_base64(data: bytes) -> tuple[bytes, str]:
    """Return ``data`` without base64, and a warning when something had to be mended.

    Blocks one after another are all decoded, junk after the padding is cut, missing padding is
    added, and what is no base64 at all comes back as it was.
    """
    packed = data.translate(None, _BLANKS)
    junk = packed.translate(None, _ALPHABET + b"=")
    if not junk and not _has_inner_blank(data):
        at = packed.find(b"=")
        if at < 0 or len(packed) - at <= 2:
            return _decode_block(packed.rstrip(b"="))
        return _decode_blocks(packed)
    clean = _without_junk(data)
    if len(junk) * 10 > len(packed) or not clean:
        return data, "content called base64 is not base64: it was kept as sent"
    return _decode_blocks(clean.translate(None, _BLANKS))[0], "junk after base64 was cut"


def _has_inner_blank(data: bytes) -> bool:
    """Whether blanks stand between characters of one line, as between words."""
    return (b" " in data or b"\t" in data) and _INNER_BLANK.search(data) is not None


def _decode_block(packed: bytes) -> tuple[bytes, str]:
    warning = ""
    if len(packed) % 4 == 1:
        packed, warning = packed[:-1], "base64 was cut short"
    return binascii.a2b_base64(packed + b"=" * (-len(packed) % 4)), warning


def _decode_blocks(packed: bytes) -> tuple[bytes, str]:
    pieces = [_decode_block(block) for block in _PADDING.split(packed) if block]
    return b"".join(piece for piece, _ in pieces), next((w for _, w in pieces if w), "")


def _without_junk(data: bytes) -> bytes:
    """Return the lines before the first that holds a foreign character or words."""
    kept = []
    for line in data.splitlines():
        foreign = line.translate(None, _ALPHABET + b"=" + _BLANKS)
        if foreign or _has_inner_blank(line):
            break
        kept.append(line)
    return b"\n".join(kept).strip()


def _decode_uu_body(data: bytes) -> tuple[bytes, str]:
    found = _BEGIN.search(data)
    decoded = _decode_uu(data[found.end() :] if found else data)
    if decoded is None:
        return data, "content called uuencoded is not: it was kept as sent"
    return decoded[0], "" if found else "uuencoded content without its first line"


def _decode_uu(data: bytes, *, ended: bool = False) -> tuple[bytes, int] | None:
    """Return the decoded bytes and how many bytes were read, or None when a line does not fit."""
    out: list[bytes] = []
    at = 1 if data.startswith(b"\n") else 0
    while at < len(data):
        stop = data.find(b"\n", at)
        stop = len(data) if stop < 0 else stop
        line = data[at:stop].rstrip(b"\r")
        at = stop + 1
        if line == b"end":
            return b"".join(out), min(at, len(data))
        if not line or line in (b"`", b" "):
            continue
        decoded = _decode_uu_line(line)
        if decoded is None:
            return None
        out.append(decoded)
    return (b"".join(out), len(data)) if out and not ended else None


def _decode_uu_line(line: bytes) -> bytes | None:
    size = (line[0] - 32) & 63
    wanted = (size * 4 + 2) // 3
    if not 32 <= line[0] <= 96 or len(line) - 1 > wanted + 6 or not size:
        return None
    try:
        return binascii.a2b_uu(line[: 1 + (size + 2) // 3 * 4])
    except binascii.Error:
        return None


def cut_uuencoded(data: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Return ``data`` without the uuencoded files inside it, and those files as (name, content)."""
    files: list[tuple[bytes, bytes]] = []
    kept = []
    at = misses = 0
    while len(files) < _MAX_UU_FILES and misses < _MAX_UU_MISSES:
        found = _BEGIN.search(data, at)
        decoded = _decode_uu(data[found.end() :], ended=True) if found else None
        if found is None:
            break
        if decoded is None:
            kept.append(data[at : found.end()])
            at, misses = found.end(), misses + 1
            continue
        kept.append(data[at : found.start()])
        files.append((found.group(1), decoded[0]))
        at = found.end() + decoded[1]
    kept.append(data[at:])
    return b"".join(kept), files

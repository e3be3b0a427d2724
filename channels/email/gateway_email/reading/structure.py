"""Take a mail apart into its entities (RFC 2045, RFC 2046), also where boundaries are broken."""

from __future__ import annotations

import re

import msgspec

from gateway_email.reading.encoded_words import raw_text
from gateway_email.reading.fields import Fields, read_fields
from gateway_email.reading.limits import Limits, OverLimitError
from gateway_email.reading.parameters import read_parameters

_MBOX_LINE = re.compile(rb"(?:[ \t]*\r?\n){0,100}+(?:>?From [^\r\n]{0,500}\r?\n)?")
_FIELD_AHEAD = re.compile(rb"(?:[ \t]*\r?\n){1,100}+(?=[!-9;-~]{1,100}[ \t]*:)")
_DELIMITER_END = re.compile(rb"(--)?[ \t]*+(?=\r?\n|\r?\Z)")
_GUESSED_DELIMITER = re.compile(rb"--([!-~]{4,70})\r?\n[Cc]ontent-")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")
_MAX_FALSE_DELIMITERS = 200_000


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """A mail or one part of it: its header, and its body as a range of the raw mail."""

    fields: Fields
    start: int
    end: int
    media_type: str
    params: dict[str, str]
    children: tuple[Entity, ...] = ()

    @property
    def encoding(self) -> str:
        """The transfer encoding as the sender wrote it."""
        return raw_text(self.fields.first("content-transfer-encoding"))


class Tally:
    """What was met while one mail was taken apart."""

    __slots__ = ("false_delimiters", "limits", "parts", "warnings")

    def __init__(self, limits: Limits) -> None:
        """Start at nothing."""
        self.limits = limits
        self.parts = 0
        self.false_delimiters = 0
        self.warnings: list[str] = []


def mended_lines(raw: bytes) -> bytes:
    """Return ``raw`` with usable line ends, without a leading mbox line or blank lines."""
    if b"\n" not in raw and b"\r" in raw:
        raw = raw.replace(b"\r", b"\n")
    elif b"\r\r\n" in raw[:4_000]:
        raw = raw.replace(b"\r\r\n", b"\r\n")
    if raw[:1] in (b"\n", b"\r", b" ", b"\t", b"F", b">"):
        found = _MBOX_LINE.match(raw)
        if found is not None and b"From " in found.group():
            raw = raw[found.end() :]
        found = _FIELD_AHEAD.match(raw)
        if found is not None:
            raw = raw[found.end() :]
    return raw


def take_apart(raw: bytes, tally: Tally) -> Entity:
    """Return the tree of entities in ``raw``.

    Args:
        raw: the mail, after `mended_lines`.
        tally: collects warnings and holds the limits.

    Raises:
        OverLimitError: too many parts, nested too deep, or a header beyond its limits.
    """
    return _entity(raw, 0, len(raw), tally, depth=0, default="text/plain")


def _entity(raw: bytes, start: int, end: int, tally: Tally, *, depth: int, default: str) -> Entity:
    tally.parts += 1
    if tally.parts > tally.limits.parts:
        raise OverLimitError(f"the mail has more than {tally.limits.parts} parts")
    if depth > tally.limits.depth:
        raise OverLimitError(f"the mail is nested more than {tally.limits.depth} levels deep")
    fields, body = read_fields(raw, start, end, tally.limits)
    if fields.mended:
        tally.warnings.append("a header with broken lines was mended")
    media_type, params = _media_type(fields, default)
    fields.charset = params.get("charset", "")
    children: tuple[Entity, ...] = ()
    if media_type.startswith("multipart/"):
        children = _children(raw, body, end, fields, params, media_type, tally, depth)
        if not children:
            tally.warnings.append("a multipart without its parts was read as text")
            media_type = "text/html" if _looks_like_html(raw, body) else "text/plain"
    return Entity(
        fields=fields, start=body, end=end, media_type=media_type, params=params, children=children
    )


def _media_type(fields: Fields, default: str) -> tuple[str, dict[str, str]]:
    value = fields.first("content-type")
    if not value:
        return default, {}
    main, params = read_parameters(raw_text(value, "latin-1"))
    if _TYPE.fullmatch(main):
        return main, params
    if main == "text" or main.startswith("text/"):
        return "text/plain", params
    if main.startswith("multipart"):
        return "multipart/mixed", params
    named = "name" in params or b"attachment" in fields.first("content-disposition").lower()
    return "application/octet-stream" if named else "text/plain", params


def _looks_like_html(raw: bytes, at: int) -> bool:
    return raw[at : at + 500].lstrip()[:15].lower().startswith((b"<html", b"<!doctype html"))


def _children(
    raw: bytes,
    start: int,
    end: int,
    fields: Fields,
    params: dict[str, str],
    media_type: str,
    tally: Tally,
    depth: int,
) -> tuple[Entity, ...]:
    ranges: list[tuple[int, int]] = []
    for boundary in _boundaries(fields, params):
        ranges = _split(raw, start, end, boundary, tally)
        if ranges:
            break
    if not ranges:
        guessed = _GUESSED_DELIMITER.search(raw, start, min(end, start + 10_000))
        if guessed is not None:
            ranges = _split(raw, start, end, guessed.group(1), tally)
    default = "message/rfc822" if media_type == "multipart/digest" else "text/plain"
    return tuple(
        _entity(raw, first, last, tally, depth=depth + 1, default=default) for first, last in ranges
    )


def _boundaries(fields: Fields, params: dict[str, str]) -> list[bytes]:
    """Return the boundary as declared and, where folding cut it, without the blanks of the fold."""
    boundary = params.get("boundary", "")
    if not boundary:
        return []
    candidates = [boundary]
    if b"\n" in fields.first("content-type") and " " in boundary:
        candidates.append("".join(boundary.split()))
    return [one.encode("utf-8", "replace") for one in candidates]


def _split(
    raw: bytes, start: int, end: int, boundary: bytes, tally: Tally
) -> list[tuple[int, int]]:
    """Return the ranges between delimiter lines; text after a closing delimiter is no part.

    A part that never ends runs to the end of its parent. Parts after a closing delimiter that came
    too early are taken as well.
    """
    ranges: list[tuple[int, int]] = []
    needle = b"\n--" + boundary
    opened = -1
    at = start - 1 if start and raw[start - 1] == 0x0A else start
    if start == 0 and raw.startswith(needle[1:]):
        at = -1
    while True:
        found = at if at < 0 else raw.find(needle, at, end)
        if found < 0 <= at:
            break
        line = found + len(needle)
        matched = _DELIMITER_END.match(raw, line, end)
        at = line
        if matched is None:
            tally.false_delimiters += 1
            if tally.false_delimiters > _MAX_FALSE_DELIMITERS:
                raise OverLimitError("the mail holds too many lines that look like boundaries")
            continue
        if opened >= 0:
            last = found - 1 if raw[found - 1 : found] == b"\r" else found
            ranges.append((opened, max(opened, last)))
            if len(ranges) > tally.limits.parts:
                raise OverLimitError(f"the mail has more than {tally.limits.parts} parts")
        line_end = raw.find(b"\n", matched.end(), end)
        opened = -1 if matched.group(1) or line_end < 0 else line_end + 1
        at = matched.end()
    if opened >= 0 and raw[opened:end].strip():
        ranges.append((opened, end))
        tally.warnings.append("a multipart was cut short: its last boundary is missing")
    return ranges

"""Open winmail.dat, Outlook's own envelope ([MS-OXTNEF]), within bounds.

An own reader, because a hostile stream can keep the available libraries busy for ever: they believe
its counts. Here every step moves forward through bytes that are really there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from gateway_email.reading.charsets import decode_bytes
from gateway_email.reading.limits import Limits
from gateway_email.reading.mail import Part
from gateway_email.reading.parameters import cleaned_filename
from gateway_email.reading.safe_text import clean_line, clean_text

_SIGNATURE = b"\x78\x9f\x3e\x22"
_TITLE, _DATA, _BODY = 0x8010, 0x800F, 0x800C
_ATTACHMENT_STARTS, _ATTACHMENT_PROPERTIES, _MESSAGE_PROPERTIES, _CODEPAGE = 0x9002, 0x9005, 0x9003, 0x9007  # fmt: skip
_LONG_NAME, _SHORT_NAME, _DISPLAY_NAME, _OBJECT, _MIME, _CONTENT_ID = 0x3707, 0x3704, 0x3001, 0x3701, 0x370E, 0x3712  # fmt: skip
_TEXT_BODY, _HTML_BODY, _TEXT_CODEPAGE = 0x1000, 0x1013, 0x3FDE
_EMBEDDED_MESSAGE = bytes.fromhex("0703020000000000c000000000000046")
_FIXED = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0xA: 4, 0xB: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_VARIABLE = {0x0D, 0x1E, 0x1F, 0x102}
_MULTIPLE = 0x1000
_UNICODE = 0x1F
_MAX_OBJECTS = 20_000


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What a TNEF stream holds: files, and the words in the forms that were found."""

    parts: tuple[Part, ...] = ()
    text: str = ""
    html: str = ""


class _File:
    """A file while it is being collected."""

    def __init__(self) -> None:
        self.data = b""
        self.media_type = "application/octet-stream"
        self.content_id = ""
        self.names: dict[int, str] = {}


def open_tnef(data: bytes, limits: Limits) -> Envelope:
    """Return what is inside a TNEF stream; the envelope itself stays an attachment beside it.

    What cannot be read gives nothing; nested envelopes stay closed. Never raises.

    Args:
        data: the stream.
        limits: how many files and bytes are taken out.
    """
    if not data.startswith(_SIGNATURE) or len(data) > limits.raw_bytes:
        return Envelope()
    charset = "cp1252"
    files: list[_File] = []
    bodies: dict[int, str] = {}
    for name, content in _objects(data):
        if name == _CODEPAGE and len(content) >= 4:
            charset = f"cp{struct.unpack_from('<I', content)[0]}"
        elif name == _ATTACHMENT_STARTS:
            if len(files) >= limits.extracted_parts:
                break
            files.append(_File())
        elif name == _BODY:
            bodies.setdefault(_TEXT_BODY, _text(content, 0x1E, charset))
        elif name == _MESSAGE_PROPERTIES:
            _take_bodies(content, bodies, charset)
        elif files:
            _take_file(files[-1], name, content, charset)
    return Envelope(
        parts=_parts(files, limits),
        text=clean_text(bodies.get(_TEXT_BODY, "")).strip(),
        html=clean_text(bodies.get(_HTML_BODY, "")),
    )


def _objects(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the name and content of each attribute, as long as they fit."""
    at = 6
    for _ in range(_MAX_OBJECTS):
        if at + 11 > len(data):
            return
        name, _kind, size = struct.unpack_from("<HHI", data, at + 1)
        content = data[at + 9 : at + 9 + size]
        if len(content) < size:
            return
        yield name, content
        at += 11 + size


def _properties(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield identifier, type and first value of each MAPI property, as long as they fit."""
    at = 4
    for _ in range(_MAX_OBJECTS):
        if at + 4 > len(data):
            return
        kind, name = struct.unpack_from("<HH", data, at)
        at += 4
        if name >= 0x8000:
            at = _after_name(data, at)
        count = 1
        multiple, kind = bool(kind & _MULTIPLE), kind & ~_MULTIPLE
        if multiple or kind in _VARIABLE:
            if at + 4 > len(data):
                return
            count = struct.unpack_from("<I", data, at)[0]
            at += 4
        if kind in _FIXED:
            yield name, kind, data[at : at + _FIXED[kind]]
            at += _FIXED[kind] * count
            continue
        if kind not in _VARIABLE:
            return
        for index in range(count):
            if at + 4 > len(data):
                return
            size = struct.unpack_from("<I", data, at)[0]
            if index == 0:
                yield name, kind, data[at + 4 : at + 4 + size]
            at += 4 + size + (-size % 4)


def _after_name(data: bytes, at: int) -> int:
    """Skip the GUID and the name of a named property."""
    if at + 24 > len(data):
        return len(data)
    kind, number = struct.unpack_from("<II", data, at + 16)
    return at + 24 if kind == 0 else at + 24 + number + (-number % 4)


def _text(content: bytes, kind: int, charset: str) -> str:
    if kind == _UNICODE:
        return content.decode("utf-16-le", "replace").rstrip("\0")
    return decode_bytes(content.rstrip(b"\0"), charset)[0]


def _take_bodies(content: bytes, bodies: dict[int, str], charset: str) -> None:
    properties = [one for one in _properties(content) if one[0] in (_TEXT_BODY, _HTML_BODY, _TEXT_CODEPAGE)]  # fmt: skip
    for name, _, value in properties:
        if name == _TEXT_CODEPAGE and len(value) == 4:
            charset = f"cp{struct.unpack('<I', value)[0]}"
    for name, kind, value in properties:
        if name != _TEXT_CODEPAGE:
            bodies[name] = _text(value, kind, charset)


def _take_file(file: _File, name: int, content: bytes, charset: str) -> None:
    if name == _TITLE:
        file.names[_SHORT_NAME] = _text(content, 0x1E, charset)
    elif name == _DATA:
        file.data = content
    elif name == _ATTACHMENT_PROPERTIES:
        for identifier, kind, value in _properties(content):
            if identifier == _OBJECT:
                file.data = value
                if value.startswith(_EMBEDDED_MESSAGE):
                    file.data, file.media_type = value[16:], "application/ms-tnef"
            elif identifier == _MIME:
                file.media_type = clean_line(_text(value, kind, charset)).lower()[:100]
            elif identifier == _CONTENT_ID:
                file.content_id = clean_line(_text(value, kind, charset)).strip("<>")[:998]
            elif identifier in (_LONG_NAME, _SHORT_NAME, _DISPLAY_NAME):
                file.names[identifier] = _text(value, kind, charset)


def _parts(files: list[_File], limits: Limits) -> tuple[Part, ...]:
    parts: list[Part] = []
    room = limits.extracted_bytes
    for number, file in enumerate(files, start=1):
        if not file.data or len(file.data) > room:
            continue
        room -= len(file.data)
        names = (file.names.get(one, "") for one in (_LONG_NAME, _SHORT_NAME, _DISPLAY_NAME))
        name = next((good for one in names if (good := cleaned_filename(one))), "")
        parts.append(
            Part(
                name=name or f"winmail-{number}.bin",
                media_type=file.media_type or "application/octet-stream",
                data=file.data,
                content_id=file.content_id,
                mark="tnef" if file.media_type == "application/ms-tnef" else "",
                extracted=True,
            )
        )
    return tuple(parts)

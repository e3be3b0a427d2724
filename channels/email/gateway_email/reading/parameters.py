"""Read the parameters of Content-Type and Content-Disposition (RFC 2045 §5.1, RFC 2231)."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from gateway_email.reading.charsets import decode_bytes
from gateway_email.reading.encoded_words import decode_words
from gateway_email.reading.safe_text import clean_line

_MAX_VALUE = 32_000
_MAX_PARAMETERS = 200
_PIECE = re.compile(
    r'(?<![^=;"\s])([^=;"\s]{1,200}+)[ \t]{0,20}=[ \t]{0,20}("(?:[^"\\]|\\.)*+"?|[^;]*+)', re.DOTALL
)
_SECTION = re.compile(r"^([^*]+)\*(?:(\d{1,4})(\*)?)?$")
_ESCAPED = re.compile(r'\\(["\\])')
_MAIN = re.compile(r"[ \t]*([^\s;=]+)")
_FORBIDDEN = re.compile('[\u200e\u200f\u202a-\u202e\u2066-\u2069"<>|?*:]')
_MAX_NAME_BYTES = 255


def read_parameters(text: str) -> tuple[str, dict[str, str]]:
    """Return the main value in lower case and the parameters (names in lower case, first one wins).

    Puts RFC 2231 pieces together in any order, reads ``name*`` without a charset and encoded words
    inside values, takes unquoted values with blanks, and a first parameter without ``;`` before it.

    Args:
        text: the unfolded value.
    """
    text = text[:_MAX_VALUE]
    found = _MAIN.match(text)
    main, at = (found.group(1), found.end()) if found else ("", 0)
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    rest = text.find("=", at)
    if rest < 0 or (found and text[found.end() : found.end() + 1] == "="):
        return main.lower().strip("\"'"), plain
    for count, match in enumerate(_PIECE.finditer(text, at)):
        if count >= _MAX_PARAMETERS:
            break
        name, value = match.group(1).lower(), _unquoted(match.group(2))
        section = _SECTION.match(name) if "*" in name else None
        if section is None:
            plain.setdefault(name, clean_line(decode_words(value)))
        else:
            number = int(section.group(2) or 0)
            encoded = section.group(2) is None or section.group(3) is not None
            pieces.setdefault(section.group(1), {}).setdefault(number, (value, encoded))
    for name, numbered in pieces.items():
        plain[name] = _joined(numbered)
    return main.lower().strip("\"'"), plain


def _unquoted(value: str) -> str:
    if value.startswith('"'):
        value = value[1:-1] if value.endswith('"') and len(value) > 1 else value[1:]
        return _ESCAPED.sub(r"\1", value) if "\\" in value else value
    return value.strip()


def _joined(numbered: dict[int, tuple[str, bool]]) -> str:
    """Join RFC 2231 sections by number; only sections marked ``*`` carry percent escapes."""
    charset = ""
    out = bytearray()
    for position, number in enumerate(sorted(numbered)):
        value, encoded = numbered[number]
        if encoded:
            if position == 0 and value.count("'") >= 2:
                charset, _, value = value.split("'", 2)
            out += unquote_to_bytes(value)
        else:
            out += value.encode("utf-8", "surrogatepass")
    text = decode_bytes(bytes(out), charset or "utf-8")[0]
    return clean_line(decode_words(text))


def cleaned_filename(name: str) -> str:
    """Return ``name`` safe to show and to store: one path segment, at most 255 bytes of UTF-8.

    Paths with either slash, controls, marks that turn the reading direction and characters that
    some file systems refuse are removed; the extension is kept. May return an empty string.
    """
    name = clean_line(name).replace("\\", "/").rstrip("/ ").rpartition("/")[2]
    name = _FORBIDDEN.sub("", name).strip(" .\t'") if name.strip(". ") else ""
    if len(name.encode()) <= _MAX_NAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > 20:
        stem, extension = name, ""
    tail = f".{extension}" if extension else ""
    room = _MAX_NAME_BYTES - len(tail.encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip() + tail

"""The bodies and queries that are sent to a Request Tracker."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from gateway_rt.answers import File

EMPTY_FILE = "="
"""Base64 of nothing: RT takes an empty ``FileContent`` for a missing one."""


def encode_entry(
    text: str,
    *,
    content_type: str,
    files: Iterable[File],
    fields: Mapping[str, str],
    status: str | None = None,
) -> dict[str, Any]:
    """Return the body of a correspondence or comment.

    Args:
        text: what is written, in the form that ``content_type`` names.
        content_type: ``text/plain`` or ``text/html``.
        files: what is attached.
        fields: custom fields of the entry.
        status: the status that the ticket takes with it.
    """
    body: dict[str, Any] = {
        "Content": encode_text(text),
        "ContentType": content_type,
        "Attachments": [encode_file(file) for file in files],
    }
    if fields:
        body["TxnCustomFields"] = dict(fields)
    if status:
        body["Status"] = status
    return body


def encode_text(text: str) -> str:
    """Return ``text`` as RT can store it.

    Lone surrogates cannot be sent, NUL cannot be stored by PostgreSQL, and RT drops a text that
    Perl takes for false: ``0``, or nothing.
    """
    clean = text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    return f"{clean}\n" if clean in {"", "0"} else clean


def encode_line(text: str) -> str:
    """Return ``text`` as one line without control characters, for a subject or a name."""
    clean = text.encode("utf-8", "replace").decode()
    return re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", clean).strip()


def encode_file(file: File) -> dict[str, str]:
    """Return a file in the form that RT attaches without harm to its name or content."""
    return {
        "FileName": encode_name(file.name),
        "FileType": _media_type(file),
        "FileContent": b64encode(file.content).decode() or EMPTY_FILE,
    }


def encode_name(name: str) -> str:
    """Return a file name in the form that RT keeps: each byte of its UTF-8 as one character.

    RT 5.0.3 takes the characters of the name for bytes: ``ü`` itself comes out garbled, and one
    beyond Latin-1 makes it fail. It also takes a name that Perl calls false for a missing one.
    """
    line = encode_line(name)
    return "attachment" if line in {"", "0"} else line.encode().decode("latin-1")


def _media_type(file: File) -> str:
    """Return the type to declare: RT rewrites texts in what it takes for their encoding."""
    media_type = encode_line(file.media_type) or "application/octet-stream"
    kind = media_type.partition("/")[0].lower()
    if kind not in {"text", "message"}:
        return media_type
    try:
        unharmed = "\0" not in file.content.decode("utf-8")
    except UnicodeDecodeError:
        unharmed = False
    if not unharmed or (kind == "message" and not file.content.isascii()):
        return "application/octet-stream"
    return (
        f"{media_type.partition(';')[0].strip()}; charset=utf-8" if kind == "text" else media_type
    )


def quote(value: str) -> str:
    """Return ``value`` as a string of RT's query language."""
    escaped = encode_line(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def field_query(field: str, value: str) -> str:
    """Return the query for what has ``value`` in a custom field.

    Raises:
        ValueError: the field's name holds a brace or a quote, which no query can express.
    """
    return f"{_field(field)} = {quote(value)}"


def field_set_query(field: str) -> str:
    """Return the query for what has any value in a custom field.

    Raises:
        ValueError: as for `field_query`.
    """
    return f"{_field(field)} IS NOT NULL"


def _field(name: str) -> str:
    if not name or re.search(r"[{}'\"\\]", name):
        raise ValueError(f"a custom field named {name!r} cannot be searched for")
    return f"'CF.{{{name}}}'"

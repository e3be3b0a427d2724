"""Texts that a network handed on in base64: a long SMS that was carried as an MMS sometimes is."""

from __future__ import annotations

import base64
import re

SHORTEST = 60
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}\Z")


def plain(text: str) -> str:
    """Give the text itself, decoded where it is beyond doubt base64 of a text.

    What a person writes has spaces long before its sixtieth letter; besides, what comes out has to
    be printable text with spaces.
    """
    packed = text.replace("\r\n", "").replace("\n", "")
    if len(packed) < SHORTEST or len(packed) % 4 or not _BASE64.match(packed):
        return text
    try:
        found = base64.b64decode(packed, validate=True).decode("utf-8")
    except ValueError:
        return text
    printable = all(letter.isprintable() or letter in "\r\n\t" for letter in found)
    return found if printable and " " in found else text

"""Text that every store and every reader can take."""

from __future__ import annotations

import re
from io import IncrementalNewlineDecoder

_SURROGATES = re.compile("[\ud800-\udfff]")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_UNSEEN = bytes((*range(0x09), 0x0B, *range(0x0E, 0x20), 0x7F))
_UNSEEN_CONTROLS = re.compile(f"[{re.escape(_UNSEEN.decode())}]")
_DIRECTION_MARKS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def clean_text(text: str) -> str:
    """Return ``text`` with LF line ends and without NUL, controls or lone surrogates.

    A NUL breaks PostgreSQL, a lone surrogate breaks SQLite, JSON and UTF-8, both far from where
    they came in. Tabs and form feeds stay.
    """
    if text.isprintable():
        return text
    if "\r" in text:
        # Half the time of two replacements.
        text = IncrementalNewlineDecoder(None, translate=True).decode(text, final=True)
    if text.isascii():
        return text.encode("ascii").translate(None, _UNSEEN).decode("ascii")
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return _SURROGATES.sub("\ufffd", _UNSEEN_CONTROLS.sub("", text))


def clean_line(text: str) -> str:
    """Return ``text`` as one line: controls and line separators become one blank, ends stripped."""
    if not text.isprintable():
        text = _CONTROLS.sub(" ", text)
        if not text.isascii():
            text = _SURROGATES.sub("\ufffd", text)
            text = _DIRECTION_MARKS.sub("", text)
    return text.strip()

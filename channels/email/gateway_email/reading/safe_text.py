"""Text that every store and every reader can take."""

from __future__ import annotations

import re

_SURROGATES = re.compile("[\ud800-\udfff]")
_LINE_ENDS = re.compile("\r\n?")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_UNSEEN_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")
_DIRECTION_MARKS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def clean_text(text: str) -> str:
    """Return ``text`` with LF line ends and without NUL, controls or lone surrogates.

    A NUL breaks PostgreSQL, a lone surrogate breaks SQLite, JSON and UTF-8, both far from where
    they came in. Tabs and form feeds stay.
    """
    if text.isprintable():
        return text
    if "\r" in text:
        text = _LINE_ENDS.sub("\n", text)
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    text = _UNSEEN_CONTROLS.sub("", text)
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def clean_line(text: str) -> str:
    """Return ``text`` as one line: controls and line separators become one blank, ends stripped."""
    if not text.isprintable():
        text = _CONTROLS.sub(" ", text)
        if not text.isascii():
            text = _SURROGATES.sub("\ufffd", text)
            text = _DIRECTION_MARKS.sub("", text)
    return text.strip()

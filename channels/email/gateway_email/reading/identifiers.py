"""Read message identifiers (RFC 5322 §3.6.4); they are returned with their angle brackets."""

from __future__ import annotations

import re

from gateway_email.reading.encoded_words import decode_words
from gateway_email.reading.safe_text import clean_line

_BRACKETED = re.compile(r"<([^<>]{1,2000})>")
_WORD = re.compile(r"\w")
_MAX_ID = 998
_MAX_IDS = 200


def read_identifiers(text: str) -> tuple[str, ...]:
    """Return the identifiers in ``text``, in order and each once, at most 200 (the first and the last ones).

    Blanks inside an identifier (from folding) are removed. Prose, as some old programs put into
    In-Reply-To, gives only what stands in angle brackets.
    """
    if not text:
        return ()
    text = clean_line(decode_words(text))
    found = dict.fromkeys(
        one for one in (_bracketed(match.group(1)) for match in _BRACKETED.finditer(text)) if one
    )
    if not found:
        words = text.split()
        if len(words) == 1 and (one := _bracketed(words[0].strip("<>,;\"'"))):
            return (one,)
    every = tuple(found)
    return every if len(every) <= _MAX_IDS else (every[0], *every[-(_MAX_IDS - 1) :])


def read_identifier(text: str) -> str | None:
    """Return the one identifier of a Message-ID field, or None when there is none."""
    found = read_identifiers(text)
    return found[0] if found else None


def _bracketed(inner: str) -> str:
    inner = "".join(inner.split())
    return f"<{inner}>" if len(inner) <= _MAX_ID and _WORD.search(inner) else ""

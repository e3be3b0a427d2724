"""Header values as they go over the wire: safe, folded, and read back by others as they were meant."""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Iterable, Sequence

LINE = 76
"""Characters of a header line (RFC 2047 section 2)."""

LONGEST_WORD = 900
"""Characters of a word that may stand unbroken in a line; lines end at 998 (RFC 5322 section 2.1.1)."""

_FOLD = "\r\n "
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~ ]+")
_DOT_ATOM = re.compile(
    r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\U0010ffff]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\U0010ffff]+)*"
)
_QUOTED_LOCAL = re.compile(r'"(?:[^"\\]|\\.)*"')
_DOMAIN = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_])?|\[[A-Za-z0-9:.]+\]")
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]+>")
_ENCODED = re.compile(
    r"=\?([A-Za-z0-9_.:-]{1,40})(?:\*[A-Za-z0-9-]{0,20})?\?([bBqQ])\?([^?\s]{0,2000})\?="
)
_BETWEEN = re.compile(r"(?<=\?=)\s+(?==\?)")
_Q_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")


class Folded(str):
    """A header value that is ready for the wire, its folds included."""

    __slots__ = ()

    @property
    def unfolded(self) -> str:
        """The value on one line."""
        return self.replace(_FOLD, " ").strip()


def safe_text(value: str, *, limit: int = 2000) -> str:
    """Return a text that cannot break out of a header line.

    What looks encoded (RFC 2047) is decoded first, since a value copied from an incoming mail may hide a line break in
    an encoded word; then control characters, line separators and lone surrogates become blanks.

    Args:
        value: Any text.
        limit: Characters that are kept.
    """
    value = value[: 4 * limit]
    if "=?" in value:
        value = _ENCODED.sub(_decoded_word, _BETWEEN.sub("", value))
    return " ".join(_UNSAFE.sub(" ", value).split())[:limit]


def _decoded_word(found: re.Match[str]) -> str:
    charset, kind, payload = found.groups()
    try:
        if kind in "bB":
            return binascii.a2b_base64(payload + "=" * (-len(payload) % 4)).decode(
                charset, "replace"
            )
        return quopri.decodestring(payload.encode(), header=True).decode(charset, "replace")
    except (
        LookupError,
        ValueError,
    ):  # left as it stands; it is encoded as a whole and so stays text
        return found[0]


def fold_text(name: str, value: str) -> Folded:
    """Return unstructured text (Subject) for a header of this name; encoded only where ASCII does not do."""
    text = safe_text(value)
    words = text.split(" ")
    if not text.isascii() or "=?" in text or any(len(word) > LONGEST_WORD for word in words):
        words = encoded_words(text, first=LINE - len(name) - 2)
    return _packed(len(name) + 2, words)


def fold_message_ids(name: str, ids: Iterable[str]) -> Folded:
    """Return message identifiers, never encoded and never broken, whatever their length (RFC 5322 section 3.6.4)."""
    return _packed(len(name) + 2, message_ids(" ".join(ids)))


def message_ids(text: str) -> list[str]:
    """Return the well-formed identifiers in a text; others could only harm the header."""
    return [found for found in _MESSAGE_ID.findall(text) if len(found) <= LONGEST_WORD]


def fold_addresses(name: str, addresses: Sequence[tuple[str, str]]) -> Folded:
    """Return an address list.

    Args:
        name: The header's name.
        addresses: Pairs of display name and address; addresses must be as `wire_address` returns them.
    """
    tokens: list[str] = []
    for place, (display, address) in enumerate(addresses):
        comma = "," if place < len(addresses) - 1 else ""
        phrase = _phrase(safe_text(display, limit=200), first=LINE - len(name) - 2)
        tokens += [*phrase, f"<{address}>{comma}"] if phrase else [f"{address}{comma}"]
    return _packed(len(name) + 2, tokens)


def wire_address(address: str) -> str:
    """Return an address as it may stand in a header and an envelope: domain in ASCII (IDNA), local part quoted if needed.

    Raises:
        ValueError: It is no address one could send to; the text says why.
    """
    local, at, domain = address.strip().rpartition("@")
    domain = domain.rstrip(".")
    if not at or not local or not domain:
        raise ValueError(
            f"{address!r} is no e-mail address: it needs something before and after one @"
        )
    if _UNSAFE.search(address):
        raise ValueError(f"{address!r} is no e-mail address: it holds control characters")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError(
                f"{address!r} is no e-mail address: its domain cannot be written in ASCII"
            ) from None
    if not _DOMAIN.fullmatch(domain):
        raise ValueError(
            f"{address!r} is no e-mail address: its domain holds characters that no domain has"
        )
    if not (_DOT_ATOM.fullmatch(local) or _QUOTED_LOCAL.fullmatch(local)):
        if any(sign in local for sign in '@,;<>:"\\'):
            raise ValueError(f"{address!r} is no e-mail address: give one address alone")
        local = f'"{local}"'
    if len(local.encode()) > 64 or len(domain) > 253:
        raise ValueError(
            f"{address!r} is no e-mail address: it is too long (RFC 5321 section 4.5.3.1)"
        )
    return f"{local}@{domain}"


def encoded_words(text: str, *, first: int) -> list[str]:
    """Return a text as RFC 2047 encoded words of at most 75 characters, none of which splits a character.

    Args:
        text: Any text.
        first: Characters the first word may take.
    """
    plain = sum(letter in _Q_PLAIN or letter == 0x20 for letter in text.encode())
    encode = _q_word if plain * 3 > len(text.encode()) * 2 else _b_word
    words: list[str] = []
    piece = b""
    room = min(first, 75)
    for letter in text:
        longer = piece + letter.encode()
        if piece and len(encode(longer)) > room:
            words.append(encode(piece))
            piece, room = letter.encode(), 75
        else:
            piece = longer
    return [*words, encode(piece)] if piece else words


def _q_word(piece: bytes) -> str:
    letters = (
        chr(byte) if byte in _Q_PLAIN else "_" if byte == 0x20 else f"={byte:02X}" for byte in piece
    )
    return f"=?utf-8?q?{''.join(letters)}?="


def _b_word(piece: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(piece).decode('ascii')}?="


def _phrase(display: str, *, first: int) -> list[str]:
    if not display:
        return []
    if not display.isascii() or "=?" in display or len(display) > LINE - 4:
        return encoded_words(display, first=first)
    if _ATOM.fullmatch(display):
        return display.split(" ")
    escaped = display.replace("\\", "\\\\").replace('"', '\\"')
    return [f'"{escaped}"']


def _packed(used: int, tokens: Sequence[str]) -> Folded:
    """Join tokens with blanks, and with a fold where the line would become too long."""
    parts: list[str] = []
    for token in tokens:
        if parts and used + 1 + len(token) > LINE:
            parts.append(_FOLD + token)
            used = 1 + len(token)
        else:
            parts.append(f" {token}" if parts else token)
            used += len(token) + (1 if len(parts) > 1 else 0)
    return Folded("".join(parts))

"""Segments: how networks count a text.

A text all of whose letters are in GSM's alphabet (3GPP TS 23.038) has 160 septets in one segment, or 153 in
each of several; any other letter makes it UCS-2 with 70 or 67 16-bit units. Letters of the extension
table cost two septets, an emoji two units, and neither is cut in two.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Literal

import msgspec

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("\f^{}\\[~]|€")
_SIZES = {"gsm7": (160, 153), "ucs2": (70, 67)}


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """How a network counts a text.

    Args:
        units: septets or 16-bit units.
    """

    alphabet: Literal["gsm7", "ucs2"]
    units: int
    segments: int


def alphabet_of(text: str) -> Literal["gsm7", "ucs2"]:
    """Say which alphabet a text needs."""
    return "gsm7" if all(one in BASIC or one in EXTENDED for one in text) else "ucs2"


def cost(letter: str, alphabet: str) -> int:
    """Say how many units one letter takes."""
    if alphabet == "gsm7":
        return 2 if letter in EXTENDED else 1
    return 2 if ord(letter) > 0xFFFF else 1


def count(text: str) -> Counted:
    """Count a text."""
    alphabet = alphabet_of(text)
    units = sum(cost(letter, alphabet) for letter in text)
    whole, each = _SIZES[alphabet]
    if units <= whole:
        return Counted(alphabet=alphabet, units=units, segments=1 if text else 0)
    segments, room = 1, each
    for letter in text:
        needed = cost(letter, alphabet)
        if needed > room:
            segments, room = segments + 1, each
        room -= needed
    return Counted(alphabet=alphabet, units=units, segments=segments)


def clusters(text: str) -> Iterator[str]:
    """Give the letters of a text as readers see them: marks, joiners and flags stay with theirs."""
    held = ""
    for letter in text:
        if held and not _goes_with(held, letter):
            yield held
            held = ""
        held += letter
    if held:
        yield held


def _goes_with(held: str, letter: str) -> bool:
    joined = held[-1] == "\u200d" or letter in "\u200d\ufe0e\ufe0f\u20e3"
    if joined or "\U0001f3fb" <= letter <= "\U0001f3ff" or unicodedata.combining(letter):
        return True
    if unicodedata.category(letter) in ("Mn", "Me", "Mc"):
        return True
    if held[-1] == "\r" and letter == "\n":
        return True
    if "\U0001f1e6" <= letter <= "\U0001f1ff":  # two of them make a flag
        return sum("\U0001f1e6" <= one <= "\U0001f1ff" for one in held) % 2 == 1
    return False

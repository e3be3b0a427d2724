"""Payment card numbers: found by issuer range and Luhn check, shown by their last four digits.

Within a run of digits, whole groups count: the expiry date behind a number or the reference before
it does not hide it, while a 44-digit token or an order number that happens to hold sixteen digits
is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

_SEPARATOR = r"(?:[ \u00a0\u202f.\-\u2010-\u2015/]|&nbsp;|&#160;)"
# What may not stand before a run is looked for behind its first digit, for a pattern that begins with
# a digit is searched for five times as quickly.
_RUN = re.compile(rf"\d(?<![\w#+]\d)\d*+(?:{_SEPARATOR}{{1,3}}\d++)*(?!\w)")
_GROUP = re.compile(r"(?<![#\d])\d+")  # not the number in an entity such as &#160;
SHORTEST, LONGEST = 12, 19
_BARE = re.compile(rf"(?<!\d)[0-9]{{{SHORTEST},{LONGEST}}}(?!\d)")
_TOKEN = 40  # more digits in groups of four are a token, an account key, a licence
_SHAPES = ((4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4), (4, 4, 4, 1), (8, 8), (6, 13))
# Issuer ranges (ISO/IEC 7812) with their lengths.
_RANGES: tuple[tuple[int, int, int, frozenset[int]], ...] = (
    (1, 4, 4, frozenset({13, 16, 19})),  # Visa
    (2, 51, 55, frozenset({16})),  # Mastercard
    (4, 2221, 2720, frozenset({16})),  # Mastercard, second range
    (2, 34, 34, frozenset({15})),  # American Express
    (2, 37, 37, frozenset({15})),
    (4, 6011, 6011, frozenset({16, 19})),  # Discover
    (3, 644, 649, frozenset({16, 19})),
    (2, 65, 65, frozenset({16, 19})),
    (3, 300, 305, frozenset({14, 16})),  # Diners Club
    (2, 36, 36, frozenset({14, 16})),
    (2, 38, 39, frozenset({14, 16})),
    (4, 3528, 3589, frozenset({16, 19})),  # JCB
    (2, 62, 62, frozenset({16, 17, 18, 19})),  # UnionPay
    (2, 50, 50, frozenset({12, 13, 14, 15, 16, 17, 18, 19})),  # Maestro
    (2, 56, 58, frozenset({12, 13, 14, 15, 16, 17, 18, 19})),
    (2, 63, 63, frozenset({12, 13, 14, 15, 16, 17, 18, 19})),
    (2, 67, 67, frozenset({12, 13, 14, 15, 16, 17, 18, 19})),
)


@lru_cache(10_000)
def _lengths(start: str) -> frozenset[int]:
    """The lengths that numbers with these first four digits have."""
    found = (lengths for width, low, high, lengths in _RANGES if low <= int(start[:width]) <= high)
    return frozenset[int]().union(*found)


def is_card_number(digits: str) -> bool:
    """Whether a string of digits is a card number by range, length and check digit."""
    if len(digits) not in _lengths(digits[:4]):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def redact_cards(text: str) -> tuple[str, int]:
    """Replace card numbers by ``[card …1234]``; gives the text and how many there were."""
    parts: list[str] = []
    count = done = 0
    for start, end, last in card_places(text):
        parts += [text[done:start], f"[card …{last}]"]
        count, done = count + 1, end
    return ("".join((*parts, text[done:])) if count else text), count


def redact_cards_in_name(name: str) -> str:
    """Replace card numbers in a file's name or an address, where letters may stand beside digits."""
    text = name
    for start, end, last in reversed([*card_places(name.replace("_", "-"))]):
        text = f"{text[:start]}[card …{last}]{text[end:]}"
    return _BARE.sub(lambda found: _label(found[0]), text)


def _label(digits: str) -> str:
    return f"[card …{digits[-4:]}]" if is_card_number(digits) else digits


def card_places(text: str) -> Iterator[tuple[int, int, str]]:
    """Where in a text card numbers stand, with their last four digits."""
    if not _has_few_digits(text):
        for run in _RUN.finditer(text):
            yield from _cards(run)


def _has_few_digits(text: str) -> bool:
    """Whether a text is seen at once to hold no card: most texts are."""
    if not text.isascii():  # there are digits beyond ASCII
        return False
    data = text.encode("ascii")
    return len(data) - len(data.translate(None, b"0123456789")) < SHORTEST


def _cards(run: re.Match[str]) -> Iterator[tuple[int, int, str]]:
    """Where in a run of digits cards stand, with their last four digits."""
    groups = [(g.start() + run.start(), g.group()) for g in _GROUP.finditer(run.group())]
    sizes = [len(digits) for _, digits in groups]
    total = sum(sizes)
    if total < SHORTEST or (total > _TOKEN and set(sizes[:-1]) == {4}):
        return
    first = 0
    while first < len(groups):
        stop = first + 1
        for taken in _takes(sizes, first, whole=first == 0 and total <= LONGEST):
            number = "".join(digits for _, digits in groups[first : first + taken])
            if is_card_number(number):
                stop = first + taken
                start, digits = groups[stop - 1]
                yield groups[first][0], start + len(digits), number[-4:]
                break
        first = stop


def _takes(sizes: list[int], first: int, *, whole: bool) -> Iterator[int]:
    """How many groups from one on may be a card: written as cards are, or all there is."""
    if whole:
        yield len(sizes)
    if SHORTEST <= sizes[first] <= LONGEST:
        yield 1
    for shape in _SHAPES:
        if sizes[first] == shape[0] and tuple(sizes[first : first + len(shape)]) == shape:
            yield len(shape)

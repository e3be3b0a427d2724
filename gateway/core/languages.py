"""In which language a text is written.

CLD2 is asked first: it takes microseconds, and where it is sure it is right more often than lingua.
Lingua, which knows short texts better, is asked where a doubt is left.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

try:
    import pycld2
except ImportError:  # there is no wheel for every Python
    pycld2 = None

if TYPE_CHECKING:
    from lingua import LanguageDetector

LEAST_LETTERS = 20
QUICK_LOOK, QUICK_PERCENT, QUICK_LEAST = 200, 90, 40
# A sample costs as much as it is long, so more is looked at only where a little leaves a doubt.
GLANCE, LOOKED_AT, SURE, CERTAIN = 60, 120, 0.5, 0.8
LANGUAGES = (
    "ar", "bg", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "he", "hi", "hr",
    "hu", "id", "it", "ja", "ko", "lt", "lv", "nb", "nl", "pl", "pt", "ro", "ru", "sk", "sl", "sv",
    "th", "tr", "uk", "vi", "zh",
)  # fmt: skip
_KNOWN = frozenset(LANGUAGES)
_OTHER_NAMES = {"iw": "he", "no": "nb", "in": "id", "zh-Hant": "zh"}


@cache
def detector() -> LanguageDetector:
    """The detector for doubtful texts; its models take a fifth of a second the first time."""
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    codes = [getattr(IsoCode639_1, code.upper()) for code in LANGUAGES]
    return LanguageDetectorBuilder.from_iso_codes_639_1(*codes).with_low_accuracy_mode().build()


def warm_up() -> None:
    """Load what is slow the first time; call it in a thread."""
    detector().compute_language_confidence_values("a sentence that is long enough to be looked at")


def language_of(text: str, among: frozenset[str] = frozenset()) -> str:
    """The language of a text as a two-letter code, empty if it cannot be told.

    Args:
        among: codes that are expected; one of them is preferred when the text leaves a doubt.
    """
    sample = text[:LOOKED_AT]
    if sum(letter.isalpha() for letter in sample) < LEAST_LETTERS:
        return ""
    return _quick(text[:QUICK_LOOK]) or _thorough(sample, among)


def _quick(text: str) -> str:
    """What CLD2 is sure of, else nothing."""
    if pycld2 is None:
        return ""
    try:
        reliable, octets, found = pycld2.detect(text.encode(errors="replace"))
    except pycld2.error:  # characters that are not for interchange
        return ""
    _, code, percent, _ = found[0]
    code = _OTHER_NAMES.get(code, code)
    sure = reliable and percent >= QUICK_PERCENT and octets >= QUICK_LEAST
    return code if sure and code in _KNOWN else ""


def _thorough(sample: str, among: frozenset[str]) -> str:
    found = detector().compute_language_confidence_values(sample[:GLANCE])[:5]
    if not found or (found[0].value < CERTAIN and len(sample) > GLANCE):
        found = detector().compute_language_confidence_values(sample)[:5]
    if not found:
        return ""
    for one in found:
        code = one.language.iso_code_639_1.name.lower()
        if code in among and one.value > 0.15:
            return code
    best = found[0]
    return best.language.iso_code_639_1.name.lower() if best.value >= SURE else ""

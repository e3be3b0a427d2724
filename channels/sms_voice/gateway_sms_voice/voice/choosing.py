"""What a caller chose, by a digit or in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from gateway_sms_voice.voice.phrases import Phrase, phrase
from gateway_sms_voice.voice.settings import Option, VoiceSettings


def options(settings: VoiceSettings) -> tuple[Option, ...]:
    """Give what callers may do, in the order of the digits."""
    return tuple(
        option for option in settings.menu if option != "language" or len(settings.languages) > 1
    )


def chosen(settings: VoiceSettings, language: str, fields: Mapping[str, str]) -> Option | None:
    """Say what was chosen; None if nothing, or it is not clear."""
    there = options(settings)
    digit = fields.get("Digits", "").strip()
    if digit:
        return there[int(digit) - 1] if digit in _digits(len(there)) else None
    said = f" {_plain(fields.get('SpeechResult', ''))} "
    found = {
        option
        for option in there
        for words in keywords(option, language, settings)
        if f" {words} " in said
    }
    return found.pop() if len(found) == 1 else None


def chosen_language(settings: VoiceSettings, fields: Mapping[str, str]) -> str | None:
    """Say which language was chosen; None if none was."""
    digit = fields.get("Digits", "").strip()
    if digit not in _digits(len(settings.languages)):
        return None
    return settings.languages[int(digit) - 1]


def keywords(option: Option, language: str, settings: VoiceSettings) -> list[str]:
    """Give the words by which an option is chosen."""
    name = cast("Phrase", f"say_{option}")
    words = phrase(name, language, settings.phrases).split(",")
    return [plain for word in words if (plain := _plain(word))]


def _plain(text: str) -> str:
    letters = "".join(letter if letter.isalnum() else " " for letter in text[:1000].casefold())
    return " ".join(letters.split())


def _digits(count: int) -> tuple[str, ...]:
    return tuple("123456789"[:count])

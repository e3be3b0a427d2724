"""Texts are counted as networks count them, and split where readers would."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_sms_voice.text.encoded import plain
from gateway_sms_voice.text.segments import alphabet_of, clusters, count
from gateway_sms_voice.text.splitting import TooLong, split


@pytest.mark.parametrize(
    ("text", "alphabet", "units", "segments"),
    [
        ("", "gsm7", 0, 0),
        ("a" * 160, "gsm7", 160, 1),
        ("a" * 161, "gsm7", 161, 2),
        ("a" * 306, "gsm7", 306, 2),
        ("a" * 307, "gsm7", 307, 3),
        ("€" * 80, "gsm7", 160, 1),
        ("a" * 152 + "€" + "a" * 152, "gsm7", 306, 3),  # the € is not cut in two
        ("äöüÄÖÜß@£é", "gsm7", 10, 1),
        ("ç", "ucs2", 1, 1),
        ("“quoted”", "ucs2", 8, 1),
        ("ж" * 70, "ucs2", 70, 1),
        ("ж" * 71, "ucs2", 71, 2),
        ("🔥" * 35, "ucs2", 70, 1),
        ("ж" * 66 + "🔥" + "ж" * 10, "ucs2", 78, 2),
    ],
)
def test_counting(text: str, alphabet: str, units: int, segments: int) -> None:
    """Alphabets, units and segments of known texts."""
    counted = count(text)
    assert (alphabet, units, segments) == (counted.alphabet, counted.units, counted.segments)


@pytest.mark.parametrize("whole", ["é", "e\u0301", "👨‍👩‍👧", "🇩🇪", "👍🏽", "❤️", "कि", "1️⃣"])
def test_letters_stay_whole(whole: str) -> None:
    """What a reader sees as one letter is one."""
    assert ["a", whole, "b"] == list(clusters(f"a{whole}b"))


def test_two_flags_are_two() -> None:
    """Flags are pairs of letters, however many stand in a row."""
    assert ["🇩🇪", "🇫🇷"] == list(clusters("🇩🇪🇫🇷"))


def test_short_texts_stay_as_they_are() -> None:
    """What fits is not numbered."""
    assert ["Hello\n\nthere"] == split("  Hello\n\nthere ", characters=1600, segments=10)


def test_long_texts_are_split_at_words() -> None:
    """Parts are numbered, end at words or lines, and lose nothing."""
    words = [f"word{n}" for n in range(900)]
    parts = split(" ".join(words), characters=1600, segments=10)
    assert [f"({n}/{len(parts)}) " for n in range(1, len(parts) + 1)] == [
        part[: part.index(")") + 2] for part in parts
    ]
    assert words == " ".join(part.partition(") ")[2] for part in parts).split()


def test_non_latin_texts_have_shorter_parts() -> None:
    """Ten segments of UCS-2 hold 670 units, not 1,530."""
    parts = split("Привет мир. " * 120, characters=1600, segments=10)
    assert all(count(part).segments <= 10 for part in parts)
    assert 3 == len(parts)


def test_too_long_is_said() -> None:
    """A text that would take too many messages is refused, not cut."""
    with pytest.raises(TooLong):
        split("x" * 40_000, characters=1600, segments=10)


_LETTERS = st.text(alphabet="ab €ж\n🔥e\u0301🇩🇪👨‍👩‍👧ç", max_size=600)


@settings(max_examples=200, deadline=None)
@given(_LETTERS, st.integers(40, 120), st.integers(1, 3))
def test_splitting_loses_nothing(text: str, characters: int, segments: int) -> None:
    """Whatever the text, each part fits, and together they hold every letter in its order."""
    try:
        parts = split(text, characters=characters, segments=segments)
    except TooLong:
        return
    bare = [part.partition(") ")[2] if len(parts) > 1 else part for part in parts]
    assert "".join(text.split()) == "".join("".join(bare).split())
    for part in parts:
        assert len(part) <= characters
        assert count(part).segments <= segments
        assert part.encode("utf-16", "strict")


def test_base64_of_a_carrier_is_read() -> None:
    """A long text that was carried as base64 is read; what people write is left alone."""
    import base64

    said = "Dear support, my printer is on fire and I cannot reach anybody on the phone."
    assert said == plain(base64.b64encode(said.encode()).decode())
    for text in ("Hello", "a" * 64, "A1b2" * 20, base64.b64encode(b"\x00\xff" * 40).decode()):
        assert text == plain(text)


def test_alphabet() -> None:
    """One letter outside makes the whole text dear."""
    assert ("gsm7", "ucs2") == (alphabet_of("cafe"), alphabet_of("cafe ç"))

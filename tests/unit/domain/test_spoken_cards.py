"""Card numbers that were said are blacked out in transcripts; other things that are said are not."""

from __future__ import annotations

import time

import msgspec
import pytest

from gateway.config.policies import RedactionSettings
from gateway.core.policies import CorePolicies
from gateway.domain.message import Author, Message
from gateway.domain.spoken_cards import redact_spoken_cards

VISA = "4111111111111111"
DIGITS = {
    "English": "zero one two three four five six seven eight nine",
    "German": "null eins zwei drei vier fünf sechs sieben acht neun",
    "French": "zéro un deux trois quatre cinq six sept huit neuf",
    "Spanish": "cero uno dos tres cuatro cinco seis siete ocho nueve",
    "Italian": "zero uno due tre quattro cinque sei sette otto nove",
    "Portuguese": "zero um dois três quatro cinco seis sete oito nove",
    "Dutch": "nul een twee drie vier vijf zes zeven acht negen",
    "Swedish": "noll ett två tre fyra fem sex sju åtta nio",
    "Danish": "nul en to tre fire fem seks syv otte ni",
    "Norwegian": "null en to tre fire fem seks sju åtte ni",
    "Polish": "zero jeden dwa trzy cztery pięć sześć siedem osiem dziewięć",
    "Russian": "ноль один два три четыре пять шесть семь восемь девять",
}
CARDS = ("4111111111111111", "5555555555554444", "378282246310005", "6759649826438453")


def said(number: str, language: str = "English", between: str = " ") -> str:
    """A number as it is said in a language, digit by digit."""
    words = DIGITS[language].split()
    return between.join(words[int(digit)] for digit in number)


@pytest.mark.parametrize("language", DIGITS)
def test_said_in_every_language(language: str) -> None:
    """Each number is found, however the transcript separates and writes its words."""
    for number in CARDS:
        for between in (" ", ", ", " - ", ". "):
            words = said(number, language, between)
            for text in (words, words.title(), words.upper()):
                redacted = redact_spoken_cards(f"{text}.")
                assert (f"[card …{number[-4:]}].", 1) == redacted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("my card is four triple one double one one one one one one triple one one one, thanks",
         "my card is [card …1111], thanks"),
        ("four 1 one 1 one 1 one 1 one 1 one 1 one 1 one 1", "[card …1111]"),
        ("卡号四一一一一一一一一一一一一一一一", "卡号[card …1111]"),
        ("卡号 四一一一一一一一一一一一一一一一 谢谢", "卡号 [card …1111] 谢谢"),
        (f"{said(VISA)} one two two seven", "[card …1111] one two two seven"),
        (f"{said(VISA)} and {said(VISA)}", "[card …1111] and [card …1111]"),
    ],
)  # fmt: skip
def test_said_as_people_say_it(text: str, expected: str) -> None:
    """Doubled digits, figures among the words, an expiry date behind, two cards."""
    assert expected == redact_spoken_cards(text)[0]


@pytest.mark.parametrize(
    "text",
    ["call me at zero three zero nine zero one eight two zero", "one two three four five",
     said("4111111111111112"), "I waited one, two, three hours and nobody came. Four of us, five",
     "double trouble one one", ""],
)  # fmt: skip
def test_left_alone(text: str) -> None:
    """Telephone numbers, counting and numbers that are no card stay as they were said."""
    assert (text, 0) == redact_spoken_cards(text)


@pytest.mark.parametrize(
    "text", ["four one " * 20_000, "double " * 20_000, "four" * 25_000, "四一" * 50_000, "4 1 " * 25_000]
)  # fmt: skip
def test_hostile_text_takes_no_time(text: str) -> None:
    """A hundred thousand characters made to be hard are done with at once."""
    began = time.process_time()
    redact_spoken_cards(text)
    assert time.process_time() - began < 1.5


@pytest.mark.parametrize(("kind", "hidden"), [("call", True), ("voicemail", True), ("text", False)])
async def test_transcripts_are_redacted_where_the_policy_says_so(kind: str, hidden: bool) -> None:
    """What was said on a call does not reach the ticket system; written words are not searched."""
    policies = CorePolicies(RedactionSettings(), {})
    message = Message(
        id=1, tenant="default", conversation=2, channel="phone", kind=kind,  # type: ignore[arg-type]
        seq=1, direction="in", author=Author(kind="customer"), received_at=0, recorded_at=0,
        text=f"it is {said(VISA)}",
    )  # fmt: skip
    changed = await policies.redact_message(message, "forward")
    shown = changed if isinstance(changed, Message) else message
    assert hidden == (msgspec.structs.replace(message, text="it is [card …1111]") == shown)
    assert await policies.redact_message(message, "store") is None


@pytest.mark.parametrize("text", [
    "Voicemail from +4915155868057", "call back at 4915155868057", "CA4915155868057a"
])  # fmt: skip
def test_numbers_that_are_written_are_left_to_the_other_search(text: str) -> None:
    """A phone number or an id that happens to fit a card's check digit stays what it is."""
    assert (text, 0) == redact_spoken_cards(text)

"""Whether somebody says the same again: measured on a small set, and guarded by what is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.similarity import comparable, compare, entities, normalise

APPEND, SUGGEST = 0.45, 0.33
TEXTS = [
    "My card was charged twice for the same order and I would like one payment back.",
    "How do I change the address of my account? The page always shows an error.",
    "The router blinks red since this morning and there is no internet at all.",
    "I cannot sign in any more, it says that my password is wrong.",
    "Wann kommt meine Bestellung an? Sie sollte schon letzte Woche hier sein.",
    "Die Heizung im Büro ist seit heute früh kalt und wir frieren alle.",
    "Je n'arrive plus à imprimer depuis la mise à jour de mon ordinateur.",
    "No he recibido la factura del mes pasado, ¿me la pueden enviar otra vez?",
    "注文した商品がまだ届いていません。いつ届くか教えてください。",
    "Мой заказ до сих пор не пришёл, хотя обещали доставить вчера утром.",
]


def score(one: str, other: str) -> float:
    """How alike two texts are once they are normalised."""
    return compare(normalise(one), normalise(other)).score


def variants(text: str) -> list[str]:
    """What the same person makes of a text when it is sent again."""
    middle = len(text) // 2
    return [
        text.upper(),
        f"Hello,\n{text}",
        f"{text}\nIs anybody there?",
        text.replace(" ", "  ").replace(".", "!!"),
        text[:middle] + text[middle + 1 :],
        text[:middle] + text[middle + 1] + text[middle] + text[middle + 2 :],
        f"Second try: {text}",
    ]


def test_what_is_sent_again_is_found() -> None:
    """Typos, capitals, greetings and added lines: at least 97 % are over the threshold."""
    pairs = [(text, variant) for text in TEXTS for variant in variants(text)]
    found = [score(*pair) >= APPEND for pair in pairs]
    assert sum(found) / len(found) >= 0.97


def test_other_matters_of_the_same_person_are_not() -> None:
    """Different questions do not even come near the threshold for a suggestion."""
    worst = max(score(one, other) for one in TEXTS for other in TEXTS if one != other)
    assert worst < SUGGEST


@pytest.mark.parametrize(
    ("one", "other", "guarded"),
    [
        ("Where is order 1001 please", "Where is order 1002 please", True),
        ("Where is order 1001 please", "Where is order 1001 please!", False),
        ("Where is order 1001 please", "Where is my order please", False),
        ("Orders 1001 and 1002 are late", "Order 1001 is late", False),
        ("Refund of 12,50 € for 1001", "Refund of 99,00 € for 1001", True),
        ("注文12345が届きません", "注文12346が届きません", True),
        ("On 3.4. at 9:00", "On 5.4. at 9:00", True),
    ],
)
def test_entity_guard(one: str, other: str, guarded: bool) -> None:
    """Texts that each name something the other does not are never the same."""
    assert guarded == compare(normalise(one), normalise(other)).guarded
    assert guarded == compare(normalise(other), normalise(one)).guarded


def test_long_texts_are_guarded_by_strong_names_only() -> None:
    """In a long text a date or an amount says little; an order number still does."""
    filler = "This is a long story about a delivery that never came. " * 10
    dates = [normalise(f"{filler}It was on {day}.4. for 12 €") for day in (3, 5)]
    orders = [normalise(f"{filler}It was order {n}") for n in (100_001, 100_002)]
    assert not compare(*dates).guarded
    assert compare(*orders).guarded


@pytest.mark.parametrize(
    ("text", "long_enough"),
    [("", False), ("help", False), ("thank you very", True), ("thankyouverymuch indeed", False),
     ("Größenänderung notwendig", False), ("届きません早くしてくださいお願い", True),
     ("ฉันยังไม่ได้รับสินค้าที่สั่งซื้อ", True), ("a b c", False), ("ok ok ok ok ok", True)],
)  # fmt: skip
def test_too_short_to_be_compared(text: str, long_enough: bool) -> None:
    """Few letters or words mean nothing, but in scripts without blanks letters count."""
    assert long_enough == comparable(normalise(text))


@given(st.text(max_size=200), st.text(max_size=200))
def test_likeness_is_a_measure(one: str, other: str) -> None:
    """It lies between 0 and 1, is the same both ways, and 1 for a text and itself."""
    left, right = normalise(one), normalise(other)
    assert compare(left, right) == compare(right, left)
    assert 0 <= compare(left, right).score <= 1
    assert 1.0 == compare(left, left).score
    assert not compare(left, left).guarded


def test_names_are_tokens_with_a_digit() -> None:
    """Marks around a name are not part of it."""
    assert {"a-1001", "12.50"} == entities(normalise("(Order A-1001), “12.50”!"))


def test_greetings_of_many_languages_do_not_count() -> None:
    """A greeting line in front is no difference."""
    for greeting in ("Dear all,", "Sehr geehrte Damen und Herren,", "Bonjour,", "Cześć!", "Olá,"):
        assert normalise(TEXTS[0]) == normalise(f"{greeting}\n{TEXTS[0]}")

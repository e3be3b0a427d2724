"""Card numbers in HTML and in names."""

from __future__ import annotations

import time

import pytest

from gateway.domain.cards import redact_cards_in_name
from gateway.domain.html_cards import redact_cards_in_html


@pytest.mark.parametrize(
    ("html", "masked", "count"),
    [
        ("4111<b>1111</b>1111 1111", "[card …1111]<b></b>", 1),
        ("<i>4</i><i>1</i>11 1111 1111 <b x='1'>1111</b>", "<i>[card …1111]</i><i></i><b x='1'></b>", 1),
        ('<a title="4111 1111 1111 1111">x</a> 3400<wbr>0000<!-- 7 -->0000009',
         '<a title="[card …1111]">x</a> [card …0009]<wbr><!-- 7 -->', 2),
        ("4111<br>1111<br>1111<br>1111", "4111<br>1111<br>1111<br>1111", 0),
        ("<td>4111</td><td>1111 1111 1111</td>", "<td>4111</td><td>1111 1111 1111</td>", 0),
        ("4111<b>1111</b>1111 1112", "4111<b>1111</b>1111 1112", 0),
        ("<p>Hello</p>", "<p>Hello</p>", 0),
        ("", "", 0),
    ],
)  # fmt: skip
def test_across_elements(html: str, masked: str, count: int) -> None:
    """A number with elements in between is masked and all tags stay; lines and cells of their own are none."""
    assert (masked, count) == redact_cards_in_html(html)


def test_long_html_costs_little() -> None:
    """It is looked through once, whatever its tags look like."""
    for hostile in ("<" * 400_000 + "411111111111", "<b>4</b>" * 60_000, "4<br>" * 80_000):
        begun = time.process_time()
        redact_cards_in_html(hostile)
        assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("Card_4111111111111111.pdf", "Card_[card …1111].pdf"),
        ("scan_4111_1111_1111_1111.png", "scan_[card …1111].png"),
        ("card4111111111111111@x.example", "card[card …1111]@x.example"),
        ("Ann 5500 0055 5555 5559", "Ann [card …5559]"),
        ("IMG_20260101_123456.jpg", "IMG_20260101_123456.jpg"),
        ("4111111111111112.pdf", "4111111111111112.pdf"),
    ],
)
def test_in_names(name: str, masked: str) -> None:
    """In the name of a file or a person, letters may stand beside the digits."""
    assert masked == redact_cards_in_name(name)

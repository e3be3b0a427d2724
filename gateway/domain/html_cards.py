"""Payment card numbers in HTML: also one whose digits stand in several elements of a line."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import pairwise

from gateway.domain.cards import card_places, redact_cards

_TAG = re.compile(r"<[/!]?([a-z0-9-]*)[^<>]*>", re.IGNORECASE)
# What begins a line or a cell of its own: digits before and behind it are not one number.
_BREAKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "br",
        "caption",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)


def redact_cards_in_html(html: str) -> tuple[str, int]:
    """Replace card numbers by ``[card …1234]`` and keep all tags; gives the HTML and how many."""
    text, count = redact_cards(html)
    if "<" not in text:
        return text, count
    plain, starts, origins = _without_tags(text)
    parts: list[str] = []
    done = 0
    for start, end, last in card_places(plain):
        label = f"[card …{last}]"
        first, stop = bisect_right(starts, start) - 1, bisect_right(starts, end - 1)
        for piece in range(first, stop):
            origin = origins[piece] - starts[piece]
            begin, until = max(start, starts[piece]), min(end, starts[piece + 1])
            parts += [text[done : origin + begin], label]
            done, label = origin + until, ""
        count += 1
    return "".join((*parts, text[done:])), count


def _without_tags(html: str) -> tuple[str, list[int], list[int]]:
    """The words without tags, where in them each piece begins, and where that is in the HTML."""
    pieces, starts, origins, length = [], [0], [], 0
    tags = [(tag.start(), tag.end(), tag[1].lower()) for tag in _TAG.finditer(html)]
    around = [(0, 0, ""), *tags, (len(html), len(html), "")]
    for (_, begin, name), (end, _, _) in pairwise(around):
        if name in _BREAKS:
            pieces.append("\n")
            origins.append(begin)
            length += 1
            starts.append(length)
        pieces.append(html[begin:end])
        origins.append(begin)
        length += end - begin
        starts.append(length)
    return "".join(pieces), starts, origins

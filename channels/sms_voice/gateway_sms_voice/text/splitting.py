"""Splitting a long text into several messages, at words and never inside a letter."""

from __future__ import annotations

import re

from gateway_sms_voice.text.segments import clusters, count

MOST_PARTS = 20
_NUMBERING = len("(20/20) ")
_BREAKS = re.compile(r"\s+")


class TooLong(ValueError):
    """The text would take more messages than one reply may."""


def split(text: str, *, characters: int, segments: int = 0) -> list[str]:
    """Split a text into numbered parts that each fit into one message.

    Args:
        characters: most code points of a part, its number included.
        segments: most segments of a part; 0 for no limit.

    Raises:
        TooLong: it would take more than `MOST_PARTS`.
    """
    text = text.strip()
    if _fits(text, characters, segments):
        return [text]
    parts: list[str] = []
    rest = text
    while rest:
        if len(parts) == MOST_PARTS:
            raise TooLong(f"the text would take more than {MOST_PARTS} messages")
        part, rest = _first(rest, characters - _NUMBERING, segments)
        parts.append(part)
    return [f"({n}/{len(parts)}) {part}" for n, part in enumerate(parts, start=1)]


def _fits(text: str, characters: int, segments: int) -> bool:
    return len(text) <= characters and (not segments or count(text).segments <= segments)


def _first(text: str, characters: int, segments: int) -> tuple[str, str]:
    """Cut off as much as fits, at the last break, else between two letters; and give the rest."""
    room = _longest(text, characters, segments)
    if room >= len(text):
        return text, ""
    cut = _last_break(text, room)
    return text[:cut].rstrip(), text[cut:].lstrip()


def _longest(text: str, characters: int, segments: int) -> int:
    """Say how many code points fit, found by halving; whole letters only."""
    ends = [0]
    for cluster in clusters(text[: characters + 64]):
        ends.append(ends[-1] + len(cluster))
    low, high = 0, len(ends) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if _fits("(00/00) " + text[: ends[middle]], characters + _NUMBERING, segments):
            low = middle
        else:
            high = middle - 1
    # A letter that fits nowhere (hundreds of marks on one) is cut after all.
    return ends[low] or min(characters, len(text))


def _last_break(text: str, room: int) -> int:
    if room >= len(text) or text[room].isspace():
        return room
    breaks = [found.start() for found in _BREAKS.finditer(text, 0, room)]
    # A line's end is the best place, a space the next; but no part is left nearly empty.
    ends = [place for place in breaks if "\n" in text[place : place + 2]]
    for places in (ends, breaks):
        if places and places[-1] >= room // 2:
            return places[-1]
    return room

"""Parsers with bad manners, for the worker processes to run."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from gateway.domain.arrival import Arrival
from gateway.domain.draft import Draft, Parsed
from gateway.errors import UnreadableArrival


def plain(arrival: Arrival) -> Sequence[Parsed]:
    """Read it as text, and say who has read it."""
    return [Draft(text=arrival.body.decode(), extra={"process": os.getpid()})]


def hangs(arrival: Arrival) -> Sequence[Parsed]:
    """Never end."""
    while True:
        time.sleep(0.01)


def eats(arrival: Arrival) -> Sequence[Parsed]:
    """Want more memory than there is."""
    return [Draft(text=str(len(bytearray(1 << 33))))]


def dies(arrival: Arrival) -> Sequence[Parsed]:
    """Take the whole process along."""
    os._exit(3)


def refuses(arrival: Arrival) -> Sequence[Parsed]:
    """Say that it cannot be read."""
    raise UnreadableArrival("it is written in an unknown tongue")


def stumbles(arrival: Arrival) -> Sequence[Parsed]:
    """Have a bug."""
    raise KeyError("from")


def recurses(arrival: Arrival) -> Sequence[Parsed]:
    """Go ever deeper."""
    return recurses(arrival)


def prints(arrival: Arrival) -> Sequence[Parsed]:
    """Print into what might be somebody's channel, and end."""
    print("x" * 100_000)
    os.write(1, b"\x00" * 100)
    sys.stdout.flush()
    return plain(arrival)


def keeps_pairs(arrival: Arrival) -> Sequence[Parsed]:
    """Keep a pair, which no database has, as something of the channel's own."""
    return [Draft(text="hello", extra={"pairs": [("a", 1)]})]


def exits(arrival: Arrival) -> Sequence[Parsed]:
    """Want the whole program to end."""
    sys.exit(3)


def answers_a_dictionary(arrival: Arrival) -> Any:
    """Answer the words that a draft has, but no draft."""
    return [{"text": "hello"}]


def answers_nothing(arrival: Arrival) -> Any:
    """Forget to answer."""
    return None


def answers_bit_by_bit(arrival: Arrival) -> Any:
    """Answer what can be gone through only once."""
    yield Draft(text="hello")


async def answers_later(arrival: Arrival) -> Any:
    """Be a coroutine function."""
    return [Draft(text="hello")]


def answers_a_draft(arrival: Arrival) -> Any:
    """Answer one thing, not a list of it."""
    return Draft(text="hello")


def answers_a_number_as_text(arrival: Arrival) -> Any:
    """Answer a draft in which a field has a wrong type."""
    return [Draft(text=5)]  # type: ignore[arg-type]


def answers_what_cannot_be_kept(arrival: Arrival) -> Any:
    """Answer half of a character."""
    return [Draft(text="\ud800")]


WRONG = {
    answers_a_dictionary: "a value of type dict as item 0",
    answers_nothing: "its parser answered None; a list or tuple of Draft, Receipt,",
    answers_bit_by_bit: "a value of type generator",
    answers_later: "a value of type coroutine",
    answers_a_draft: "a value of type Draft; a list",
    answers_a_number_as_text: "Expected `str`, got `int` - at `$[0].text`",
    answers_what_cannot_be_kept: "a value that cannot be kept",
}
"""Parsers that break their contract, and what is said of each."""

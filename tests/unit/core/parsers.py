"""Parsers with bad manners, for the worker processes to run."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

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

"""Ids: 64-bit, time-ordered, shown to people as short prefixed strings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Literal, Protocol

Prefix = Literal[
    "arr", "msg", "conv", "thr", "con", "idn", "dlv", "dec", "lnk", "tkt", "tmr", "evt"
]

EPOCH = 1_735_689_600_000  # 2025-01-01T00:00:00Z in milliseconds; 41 bits last until 2094
NODE_BITS, SEQUENCE_BITS = 10, 12
NODES = 1 << NODE_BITS
_MOMENT = NODE_BITS + SEQUENCE_BITS
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_LENGTH = 13
FURTHEST = 86_400_000  # milliseconds


class Ids(Protocol):
    """Makes ids."""

    def __call__(self) -> int:
        """Make the next id."""
        ...

    def follow(self, identifier: int) -> None:
        """Make only greater ids than one that was read."""
        ...


class IdGenerator:
    """Make ids for one process.

    Two generators in one process would collide, so there is one, and its node number is leased.

    Args:
        node: 0 to 1023, unique among the processes that share a store.
        now: milliseconds since the Unix epoch; a clock that steps back does not repeat ids.
    """

    def __init__(self, node: int, now: Callable[[], int]) -> None:
        self._now = now
        self._last, self._sequence = 0, 0
        self.move(node)

    def move(self, node: int) -> None:
        """Go on under another node number."""
        if not 0 <= node < NODES:
            raise ValueError(f"node must be 0 to {NODES - 1}, not {node}")
        self._node = node

    def follow(self, identifier: int) -> None:
        """Make only greater ids than one that was read, which a clock that is ahead may have made.

        One that is more than a day ahead is wrong, and takes nobody with it.
        """
        if identifier > self._newest:
            furthest = self._now() - EPOCH + FURTHEST
            self._last = max(self._last, min(identifier >> _MOMENT, furthest))
            self._sequence = (1 << SEQUENCE_BITS) - 1  # the next one is of a later moment

    def __call__(self) -> int:
        """Make the next id."""
        moment = max(self._now() - EPOCH, self._last)
        if moment == self._last:
            self._sequence += 1
            if self._sequence >> SEQUENCE_BITS:
                moment, self._sequence = moment + 1, 0
        else:
            self._sequence = 0
        self._last = moment
        return self._newest

    @property
    def _newest(self) -> int:
        return (self._last << _MOMENT) | (self._node << SEQUENCE_BITS) | self._sequence


def made_at(identifier: int) -> int:
    """Milliseconds since the Unix epoch at which an id was made."""
    return (identifier >> _MOMENT) + EPOCH


def first_id(moment: int) -> int:
    """The least id that can be made at a moment, in milliseconds since the Unix epoch."""
    return max(0, moment - EPOCH) << _MOMENT


def show(prefix: Prefix, identifier: int) -> str:
    """Write an id as people see it, such as ``msg_00f3k…``."""
    pairs = "".join([_PAIRS[identifier >> place & 1023] for place in range(50, -1, -10)])
    return f"{prefix}_{_ALPHABET[identifier >> 60]}{pairs}"


def read(prefix: Prefix, text: str) -> int:
    """Read an id that `show` wrote.

    Raises:
        ValueError: with a sentence that names what was expected.
    """
    head, _, tail = text.partition("_")
    if head != prefix or len(tail) != _LENGTH or any(c not in _VALUES for c in tail.lower()):
        raise ValueError(f"{text!r} is not an id like {prefix}_0123456789abc")
    number = 0
    for letter in tail.lower():
        number = number * 32 + _VALUES[letter]
    if number >= 1 << 63:
        raise ValueError(f"{text!r} is not an id like {prefix}_0123456789abc")
    return number


@lru_cache(maxsize=1024)  # one message asks several times for the same
def key_hash(*parts: str) -> bytes:
    """Hash a look-up key to 16 bytes; parts are length-prefixed so that none runs into another."""
    whole = bytearray()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        whole += len(data).to_bytes(4, "big")
        whole += data
    return hashlib.blake2b(whole, digest_size=16).digest()

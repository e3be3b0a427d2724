"""Bytes that nobody means well with, made from samples of what usually arrives."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

SEED = 20_070_101
FLIPS = 24
DEEP = 100_000
MOST_FIELDS = 60
_VALUES: tuple[Any, ...] = (
    None, True, -1, 10**400, 1e308, "", "\x00", "\ud800", "\u202e", "x" * 70_000, "<a " * 1000, [],
    {}, [[]], {"": {}},
)  # fmt: skip


def hostile_bodies(sample: bytes) -> Iterator[bytes]:
    """Make bodies out of a sample: cut, flipped, of the wrong type, deeply nested, too large.

    They are the same in every run.
    """
    yield from (b"", b"\x00", b"\xff\xfe\x00\xd8", b"[" * DEEP, b'{"a":' * DEEP, b"\r\n" * 5000)
    yield from (sample[: len(sample) // 2], sample[:-1], sample * 2, sample[::-1])
    dice = random.Random(SEED)  # noqa: S311 - repeatable on purpose
    yield dice.randbytes(4096)
    for _ in range(FLIPS if sample else 0):
        flipped = bytearray(sample)
        for _ in range(1 + len(sample) // 200):
            flipped[dice.randrange(len(flipped))] = dice.randrange(256)
        yield bytes(flipped)
    yield from _wrong_values(sample)


def _wrong_values(sample: bytes) -> Iterator[bytes]:
    try:
        document = json.loads(sample)
    except ValueError:
        return
    yield from (json.dumps(value).encode() for value in _VALUES)
    for path in list(_paths(document))[:MOST_FIELDS]:
        yield json.dumps(_without(document, path)).encode()
        for value in _VALUES:
            yield json.dumps(_replaced(document, path, value)).encode()


def _paths(value: Any) -> Iterator[tuple[str | int, ...]]:
    fields = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in fields:
        yield (key,)
        yield from ((key, *path) for path in _paths(inner))


def _replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = _replaced(value[path[0]], path[1:], new)
    return copy


def _without(value: Any, path: tuple[str | int, ...]) -> Any:
    copy = value.copy()
    if len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = _without(value[path[0]], path[1:])
    return copy

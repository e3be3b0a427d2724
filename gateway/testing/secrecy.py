"""Finding secrets where they must not be."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from gateway.config.secret import Secret

LEAST = 4


def secrets_in(value: Any) -> Iterator[str]:
    """Give the text of every secret in settings, however deep."""
    if isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from secrets_in(getattr(value, name))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from secrets_in(inner)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for inner in value:
            yield from secrets_in(inner)


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def library_logs() -> Iterator[list[str]]:
    """Gather what libraries log meanwhile, debug lines included."""
    root, handler = logging.getLogger(), _Lines()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield handler.lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def check_secrets(settings: msgspec.Struct, said: Mapping[str, str]) -> Iterator[str]:
    """Say where a secret of the settings shows.

    Args:
        said: what was said, by where it was said.
    """
    for secret in set(secrets_in(settings)):
        if len(secret) >= LEAST:
            yield from (
                f"a secret of the settings shows in {where}"
                for where, text in said.items()
                if secret in text
            )

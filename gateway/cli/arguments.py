"""What arguments and options mean: ids as people see them, moments, text from standard input."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from gateway.domain.ids import Prefix, read, show
from gateway.errors import NotFound

_BACK = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Shown(NamedTuple):
    """An id with the prefix that says what it is of."""

    prefix: Prefix
    number: int

    def __str__(self) -> str:
        return show(self.prefix, self.number)


@contextmanager
def named(identifier: object) -> Iterator[None]:
    """Say of which record it is that there is none.

    Raises:
        NotFound: what was raised in the block, with the id before its words.
    """
    try:
        yield
    except NotFound as error:
        raise NotFound(f"{identifier}: {error}") from None


if TYPE_CHECKING:

    class _Ids(click.ParamType[Shown]): ...

    class _Moments(click.ParamType[int]): ...

else:  # older releases of click have no type parameter here
    _Ids = _Moments = click.ParamType


class Id(_Ids):
    """An id such as ``conv_01h2x…``, of one of these kinds."""

    name = "id"

    def __init__(self, *prefixes: Prefix) -> None:
        self._prefixes = prefixes

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Shown:
        """Read one; a malformed id is a mistake in the command line."""
        if isinstance(value, Shown):
            return value
        text = str(value).strip()
        wanted = [prefix for prefix in self._prefixes if text.startswith(f"{prefix}_")]
        try:
            if wanted:
                return Shown(wanted[0], read(wanted[0], text))
        except ValueError:
            pass
        kinds = " or ".join(f"{prefix}_0123456789abc" for prefix in self._prefixes)
        return self.fail(f"{text!r} is not an id like {kinds}.", param, ctx)


class Moment(_Moments):
    """A moment: a date, a date with time (UTC unless it says otherwise), or ``2h`` ago."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it as milliseconds since the Unix epoch."""
        if isinstance(value, int):
            return value
        text = str(value).strip()
        back = _BACK.fullmatch(text)
        if back:
            return time.time_ns() // 1_000_000 - int(back[1]) * _UNITS[back[2]] * 1000
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            return self.fail(
                f"{text!r} is not a moment such as 2026-11-22, 2026-11-22T07:15:00Z or 2h "
                "(s, m, h, d or w ago).",
                param,
                ctx,
            )
        aware = found if found.tzinfo else found.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000)


def words(text: str) -> str:
    """The text of a reply; ``-`` reads it from the standard input.

    Raises:
        click.UsageError: it is empty, or no UTF-8.
    """
    if text == "-":
        try:
            text = sys.stdin.buffer.read().decode("utf-8")
        except UnicodeDecodeError:
            raise click.UsageError("the text on the standard input is not UTF-8") from None
    if not text.strip():
        raise click.UsageError("the text is empty")
    return text


def read_bytes(path: Path) -> bytes:
    """Read a file that the command line names.

    Raises:
        click.UsageError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}") from None

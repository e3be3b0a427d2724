"""Text for a terminal: tables, moments, and strangers' words made harmless."""

from __future__ import annotations

import io
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

_STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")  # emoji and several scripts need them
_WIDE = 10_000
_GAP, _NARROWEST = 2, 16


def plain(text: str) -> str:
    """Take out what would steer the terminal, line ends included: the words are a stranger's."""
    return "".join(_harmless(letter) for letter in text)


def plain_lines(text: str) -> str:
    """Take out what would steer the terminal, but keep line ends."""
    return "\n".join(plain(line) for line in text.splitlines())


def _harmless(letter: str) -> str:
    if letter in _JOINERS or unicodedata.category(letter) not in _STEERING:
        return letter
    return " "


def moment(at: int | datetime | None) -> str:
    """Write a moment for people: ``2026-11-22 07:15:00Z``; empty if there is none.

    Args:
        at: milliseconds since the Unix epoch, or a moment in UTC.
    """
    if not at:
        return ""
    if isinstance(at, int):
        at = datetime.fromtimestamp(at / 1000, tz=UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


def shorten(text: str, length: int = 60) -> str:
    """Cut a text to one line of at most this length."""
    line = " ".join(plain(text).split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def indent(text: str, by: str = "  ") -> str:
    """Indent every line, harmless."""
    return "\n".join(f"{by}{line}".rstrip() for line in plain_lines(text).split("\n"))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out rows below their heads, the last column folded to the terminal's width.

    Where the others alone leave no room for it, each row becomes a block of lines: an id that is
    cut off could not be used.
    """
    from rich.cells import cell_len

    cells = [[plain(cell) for cell in row] for row in rows]
    columns = list(zip(heads, *cells, strict=True))
    widths = [max(map(cell_len, column)) for column in columns]
    on_terminal = sys.stdout.isatty()
    room = (shutil.get_terminal_size().columns if on_terminal else _WIDE) - _GAP * len(widths)
    if sum(widths[:-1]) + min(widths[-1], _NARROWEST) > room:
        return _blocks(heads, cells)
    return _grid(heads, cells, on_terminal=on_terminal)


def _blocks(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    width = max(map(len, heads))
    blocks = []
    for first, *others in rows:
        told = zip(heads[1:], others, strict=True)
        lines = [f"  {head:<{width}}  {cell}" for head, cell in told if cell]
        blocks.append("\n".join([first, *lines]))
    return "\n\n".join(blocks)


def _grid(heads: Sequence[str], rows: Iterable[Sequence[str]], *, on_terminal: bool) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for number, head in enumerate(heads, 1):
        grid.add_column(head, no_wrap=number < len(heads), overflow="fold")
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))
    width = shutil.get_terminal_size().columns if on_terminal else _WIDE
    console = Console(file=io.StringIO(), width=width, force_terminal=on_terminal)
    with console.capture() as captured:
        console.print(grid)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())

"""Progress bars on the standard error, for what may take over two seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int, int], None]
"""Told (done, total) as work goes on; a total of 0 means that it is not known."""


@contextmanager
def progress(what: str) -> Iterator[Advance]:
    """Show a progress bar if the standard error is a terminal.

    Args:
        what: what is under way, in a few words.

    Yields:
        A function to be told how much is done; it may be called from any thread.
    """
    if not sys.stderr.isatty():
        yield _quiet
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None)

        yield advance


def _quiet(_done: int, _total: int) -> None:
    """Nobody looks."""

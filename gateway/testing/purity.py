"""Watching a function for input and output, which a parser must not do."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_WATCHED = (
    "open", "os.", "shutil.", "socket.", "sqlite3.", "subprocess.", "ssl.", "urllib.", "http.",
    "tempfile.", "time.sleep",
)  # fmt: skip
_watch = threading.local()


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    seen: list[str] | None = getattr(_watch, "seen", None)
    if seen is not None and event.startswith(_WATCHED):
        seen.append(f"{event}({', '.join(map(repr, arguments[:1]))})")


_installed = threading.Event()


@contextmanager
def watched() -> Iterator[list[str]]:
    """Note what this thread opens, connects or starts, by Python's audit events."""
    if not _installed.is_set():
        _installed.set()
        sys.addaudithook(_hook)  # cannot be taken away again; it does nothing but in this block
    seen: list[str] = []
    _watch.seen = seen
    try:
        yield seen
    finally:
        _watch.seen = None

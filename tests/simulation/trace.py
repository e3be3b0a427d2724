"""The trace of a run: everything that happened, hashed, so that two runs can be compared."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable

KEPT = 40


class Trace:
    """Takes lines in their order.

    Args:
        now: virtual seconds.
        show: is given every line, to be printed.
    """

    def __init__(self, now: Callable[[], float], show: Callable[[str], None] | None = None) -> None:
        self._now, self._show = now, show
        self._hash = hashlib.sha256()
        self.last: deque[str] = deque(maxlen=KEPT)

    def __call__(self, who: str, what: str) -> None:
        """Take a line."""
        line = f"{self._now():13.6f} {who:14} {what}"
        self._hash.update(line.encode())
        self._hash.update(b"\n")
        self.last.append(line)
        if self._show is not None:
            self._show(line)

    @property
    def digest(self) -> str:
        """The hash of all lines so far."""
        return self._hash.hexdigest()

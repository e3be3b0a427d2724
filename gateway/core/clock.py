"""The time of day as a port, so that the core runs on a simulated one."""

from __future__ import annotations

import time


class SystemClock:
    """The machine's own clock."""

    def now(self) -> int:
        """Milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000

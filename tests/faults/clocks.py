"""A machine whose clock is set, forwards and back, under running programs (libfaketime)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

STEPS = ("+1h", "-1h", "+1y", "-1y")
_FOLDERS = ("/usr/lib", "/usr/local/lib")


class FakeClock:
    """The time of day of programs that were started with its environment.

    Only the time of day is faked; the clock by which programs wait goes on, as on a real machine.

    Args:
        file: tells the programs how far their clock is off; they read it every second.

    Raises:
        FileNotFoundError: libfaketime is not installed.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._library = file, find_library()
        self.set("+0")

    def set(self, offset: str) -> None:
        """Set the clock off by so much from the real one, as ``+1h`` or ``-1y``."""
        fresh = self._file.with_name(f".{self._file.name}")
        fresh.write_text(f"{offset}\n")
        fresh.replace(self._file)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a program has to be started with."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
            "NO_FAKE_STAT": "1",
        }


def find_library() -> Path:
    """Where libfaketime is, in its form for programs with threads.

    Raises:
        FileNotFoundError: it is not installed.
    """
    for folder in _FOLDERS:
        for path, _, files in os.walk(folder):
            if "libfaketimeMT.so.1" in files:
                return Path(path, "libfaketimeMT.so.1")
    raise FileNotFoundError("libfaketime is not installed: apt-get install faketime")

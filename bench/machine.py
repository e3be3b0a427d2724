"""What a benchmark ran on."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib.metadata import version


def facts() -> str:
    """Cores, Python and the versions that matter, in one line."""
    return (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, SQLite "
        f"{sqlite3.sqlite_version}, aiohttp {version('aiohttp')}, "
        f"load {os.getloadavg()[0]:.1f}"
    )

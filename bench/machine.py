"""What a benchmark ran on."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("intake-gateway", "aiohttp", "msgspec", "SQLAlchemy", "asyncpg", "uvloop")
SYNCS, BLOCK = 20, 8192


def facts() -> dict[str, str]:
    """Cores, memory, disk, load, and the versions that matter."""
    libraries = {name: _version(name) for name in LIBRARIES}
    return {
        "processor": f"{os.cpu_count()} cores, {_processor()}",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') >> 20:,} MiB",
        "system": f"{platform.system()} {platform.release()}",
        "fdatasync of 8 KiB": f"{_sync_ms():.2f} ms",
        "load": f"{os.getloadavg()[0]:.1f}",
        "versions": ", ".join(
            [
                f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}",
                *(f"{name} {number}" for name, number in libraries.items() if number),
            ]
        ),
    }  # fmt: skip


def summary() -> str:
    """The same in one line."""
    return ", ".join(f"{name} {fact}" for name, fact in facts().items())


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _sync_ms() -> float:
    took = []
    with tempfile.TemporaryFile() as file:
        for _ in range(SYNCS):
            file.write(b"\0" * BLOCK)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)

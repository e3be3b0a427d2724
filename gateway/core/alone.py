"""One gateway process on an embedded database."""

from __future__ import annotations

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import Refused


@contextmanager
def held(data: Path, url: str) -> Generator[None]:
    """Hold the data folder for this process while an embedded database is used.

    Raises:
        Refused: another gateway holds it.
    """
    if not url.startswith("sqlite"):
        yield
        return
    data.mkdir(parents=True, exist_ok=True)
    with (data / "gateway.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(
                f"another gateway runs on {data}; stop it first, or use PostgreSQL, "
                "which serves any number of gateways"
            ) from None
        yield

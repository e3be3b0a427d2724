"""One gateway process on an embedded database."""

from __future__ import annotations

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from gateway.errors import Refused, StoreUnavailable
from gateway.store.folders import make_folder


@contextmanager
def held(data: Path, url: str) -> Generator[None]:
    """Hold the data folder for this process while an embedded database is used.

    Raises:
        Refused: another gateway holds it.
        StoreUnavailable: nothing can be written there.
    """
    if not url.startswith("sqlite"):
        yield
        return
    with _lock_file(data) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(
                f"another gateway runs on {data}; stop it first, or use PostgreSQL, "
                "which serves any number of gateways"
            ) from None
        yield


def _lock_file(data: Path) -> TextIO:
    try:
        make_folder(data, mode=0o700)
        return (data / "gateway.lock").open("w")
    except OSError as error:
        raise StoreUnavailable(
            f"the data folder {data} cannot be written: {error.strerror}; make it the folder of the "
            "user who runs the gateway, or set gateway.data to another one"
        ) from error

"""A disk on which no attachment can be stored while a file named ``broken`` lies beside the config."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from gateway.store import blobs

write = blobs._write


def fails(path: Path, data: bytes) -> None:
    """Fail as a disk does whose fsync failed."""
    if Path("broken").exists():
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    write(path, data)


blobs._write = fails

"""nanio: an S3 server that checks signatures and keeps objects as files, from PyPI.

It has an environment of its own, which ``make test`` sets up; its libraries are not the gateway's.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.ports import HOST, accepts, free_port
from tests.servers.processes import private_folder, running

PROGRAM = Path(sys.prefix, "servers", "bin", "nanio")


@dataclass(frozen=True, kw_only=True)
class ObjectStore:
    """A running S3 server with one user."""

    port: int
    folder: Path
    access_key: str = "gateway-key"
    secret_key: str = "gateway-secret"
    _names: itertools.count[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    @property
    def endpoint(self) -> str:
        """The URL clients are given."""
        return f"http://{HOST}:{self.port}"

    def create_bucket(self) -> str:
        """Create an empty bucket, which is a folder, and return its name."""
        name = f"bucket-{next(self._names)}"
        (self.folder / name).mkdir()
        return name

    def object(self, bucket: str, path: str) -> Path:
        """Return the file that holds an object."""
        return self.folder / bucket / path


@contextmanager
def start_nanio() -> Iterator[ObjectStore]:
    """Run a nanio until the block ends."""
    with private_folder("nanio") as folder:
        (folder / "data").mkdir()
        server = ObjectStore(port=free_port(), folder=folder / "data")
        with running(
            [
                *(str(PROGRAM), "serve", "--data-dir", str(server.folder)),
                *("--host", HOST, "--port", str(server.port), "--no-access-log"),
            ],
            log=folder / "log",
            ready=lambda: accepts(server.port),
            environment={
                "NANIO_ACCESS_KEY": server.access_key, "NANIO_SECRET_KEY": server.secret_key,
            },
        ):  # fmt: skip
            yield server

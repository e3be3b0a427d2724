"""The database that a benchmark's gateway runs on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def database(engine: str) -> Iterator[str]:
    """Give the lines of a configuration that name a fresh database.

    PostgreSQL is started for it, on a loopback port and with a data folder of its own.
    """
    if engine == "sqlite":
        yield ""
        return
    from tests.servers.postgres import start_postgres

    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        start_postgres(Path(folder)) as postgres,
    ):
        yield f'[store]\nurl = "{postgres.create_database()}"\n'

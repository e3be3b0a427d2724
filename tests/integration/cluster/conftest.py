from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.integration.cluster.town import Town, town
from tests.promises.process import Launcher


@pytest.fixture(scope="session")
def launcher() -> Iterator[Launcher]:
    """Starts gateways without reading their code each time."""
    launcher = Launcher()
    yield launcher
    launcher.close()


@pytest.fixture
async def here(launcher: Launcher, tmp_path: Path, postgres_url: str) -> AsyncIterator[Town]:
    """A store and a ticket system for any number of gateways, whose leases last a second."""
    async with town(launcher, tmp_path, postgres_url) as made:
        yield made

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from tests.unit.web.client import Client
from tests.unit.web.world import World, filled_world, serving


@pytest.fixture(autouse=True)
def nothing_blocks() -> Iterator[BlockBuster]:
    """Fail a test in which the gateway's own code blocks the event loop."""
    with blockbuster_ctx("gateway") as guard:
        yield guard


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A store with two tenants in it."""
    async with filled_world(tmp_path) as world:
        yield world


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    """A client of a server over that store."""
    async with serving(world.services()) as client:
        yield client

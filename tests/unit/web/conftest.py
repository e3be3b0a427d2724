from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from tests.unit.web.client import Client
from tests.unit.web.world import Template, World, copied_world, make_template, serving


@pytest.fixture(autouse=True)
def nothing_blocks() -> Iterator[BlockBuster]:
    """Fail a test in which the server blocks the event loop."""
    with blockbuster_ctx("gateway.web") as guard:
        yield guard


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A filled database, made once for each test worker."""
    return asyncio.run(make_template(tmp_path_factory.mktemp("template")))


@pytest.fixture
async def world(template: Template, tmp_path: Path) -> AsyncIterator[World]:
    """A store of this test's own with two tenants in it."""
    async with copied_world(template, tmp_path) as world:
        yield world


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    """A client of a server over that store."""
    async with serving(world.services()) as client:
        yield client

"""A PostgreSQL and its synchronous standby behind one address, which moves to whichever serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.proxy import FaultProxy, start_fault_proxy
from tests.servers.postgres import Postgres, start_postgres


@dataclass(kw_only=True)
class Pair:
    """The server that serves, the one that stands by, and the address by which clients come."""

    serving: Postgres
    standing_by: Postgres
    address: FaultProxy
    stack: ExitStack

    def create_database(self) -> str:
        """Create an empty database and return its address, which stays."""
        name = self.serving.create_database().rpartition("/")[2]
        return self.serving.url(name, port=self.address.port)

    async def fail_over(self) -> None:
        """Let the server die, have its standby serve, and give that a standby of its own."""
        await asyncio.to_thread(self.serving.crash)
        await asyncio.to_thread(self.standing_by.promote)
        self.serving, self.address.target = self.standing_by, self.standing_by.port
        self.address.reset_all()
        self.standing_by = await asyncio.to_thread(self.stack.enter_context, self.serving.standby())


@asynccontextmanager
async def pair(cache: Path) -> AsyncIterator[Pair]:
    """Run the two until the block ends.

    Args:
        cache: as `start_postgres` takes it.
    """
    with ExitStack() as stack:
        serving = stack.enter_context(start_postgres(cache))
        standing_by = stack.enter_context(serving.standby())
        async with start_fault_proxy(serving.port) as address:
            yield Pair(serving=serving, standing_by=standing_by, address=address, stack=stack)

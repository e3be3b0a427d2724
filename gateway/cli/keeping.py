"""Keeping this process among the living while a command works, however long that takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from gateway.core.membership import Membership


@asynccontextmanager
async def keeping(membership: Membership) -> AsyncGenerator[None]:
    """Beat around a block, so that nobody else makes ids under this process's node number."""
    keeper = asyncio.create_task(membership.run())
    try:
        yield
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper

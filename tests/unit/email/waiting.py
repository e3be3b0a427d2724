"""Wait for what another party does, with a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Return when the condition holds; fail after so many seconds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the other party is a socket away and sets no event
            await asyncio.sleep(0.001)


async def connections_gone(server: asyncio.Server) -> None:
    """Wait until a server that was closed has let go of its connections, failed handshakes included.

    `Server.wait_closed` does that only from Python 3.12 on.
    """
    for _ in range(400):
        if not getattr(server, "_active_count", 0):
            return
        await asyncio.sleep(0.005)

"""Keeping the node number of this process while a command works, however long that takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from gateway.contracts.services import Clock
from gateway.core.ownership import keep_node
from gateway.store.leasing import Node
from gateway.store.operations import Store


@asynccontextmanager
async def keeping(store: Store, node: Node, clock: Clock) -> AsyncGenerator[None]:
    """Renew a node number around a block, which ends with an error if the number is lost.

    Raises:
        GatewayError: another process has the number now, so that no more ids may be made.
    """
    worker = asyncio.current_task()
    lost: list[BaseException] = []

    def stop(error: BaseException) -> None:
        lost.append(error)
        if worker is not None:
            worker.cancel()

    keeper = asyncio.create_task(keep_node(store, node, clock, stop))
    try:
        yield
    except asyncio.CancelledError:
        if lost:
            raise lost[0] from None
        raise
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper

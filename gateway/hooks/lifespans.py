"""Plugins' lifespans: opened one after another, closed in reverse, each for itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from gateway.contracts.services import Context
from gateway.errors import HookFailure
from gateway.hooks.calling import OwnTimeout, checked
from gateway.hooks.implementations import KINDS, Implementation

DEADLINE = 30.0


@asynccontextmanager
async def lifespans(
    implementations: Sequence[Implementation],
    context_of: Callable[[str], Context[Any]],
    *,
    on_failure: Callable[[HookFailure], None],
    deadline: float = DEADLINE,
) -> AsyncGenerator[tuple[str, ...]]:
    """Open the lifespans of plugins around a block, and close them afterwards whatever happens.

    A plugin that cannot open is reported and left out; the block goes on without it.

    Args:
        implementations: those of the hook ``lifespan``.
        context_of: makes a plugin's services from its name.
        on_failure: told of each failure in opening and closing.
        deadline: seconds each opening and each closing may take.

    Yields:
        The plugins that opened.
    """
    opened: list[tuple[Implementation, AbstractAsyncContextManager[Any]]] = []
    try:
        for one in implementations:
            try:
                arguments = {"gateway": context_of(one.plugin)}
                manager = checked(KINDS["lifespan"], one.call(arguments))
                if manager is None:
                    continue
                await _within(deadline, manager.__aenter__())
            except Exception as error:
                on_failure(HookFailure("lifespan", one.plugin, error))
            else:
                opened.append((one, manager))
        yield tuple(one.plugin for one, _ in opened)
    finally:
        for one, manager in reversed(opened):
            try:
                await _within(deadline, manager.__aexit__(None, None, None))
            except Exception as error:
                on_failure(HookFailure("lifespan", one.plugin, error))


async def _within(seconds: float, work: Awaitable[Any]) -> None:
    """Wait under a deadline, in this very task, and do not take the plugin's own for it."""
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            await work
    except TimeoutError as error:
        if limit.expired():
            raise
        raise OwnTimeout(str(error) or "something it waited for took too long") from error

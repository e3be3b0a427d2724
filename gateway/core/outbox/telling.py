"""Telling whoever answered a customer that the answer will not go out."""

from __future__ import annotations

import asyncio

from gateway.core.pipeline.outgoing import tell_agent
from gateway.core.pipeline.work import Work
from gateway.domain.delivery import Delivery
from gateway.errors import NotFound, StoreBroken, StoreError
from gateway.store.operations import ConversationView, Store

PAUSE = 1.0


async def tell_of_given_up(store: Store, work: Work, reply: Delivery) -> None:
    """Note in the conversation and its tickets that a reply was given up, and why.

    Operators see a dead letter; agents work in their ticket system and would never know.
    """
    view = await _read(store, reply)
    if view is not None:
        tell_agent(work, view.conversation, f"The answer could not be sent: {reply.last_error}")


async def _read(store: Store, reply: Delivery) -> ConversationView | None:
    """Read a reply's conversation, again and again while the store is down."""
    while True:
        try:
            return await store.conversation(None, reply.conversation)
        except NotFound:
            return None
        except StoreBroken:
            raise
        except StoreError:
            await asyncio.sleep(PAUSE)

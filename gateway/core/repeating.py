"""Idempotency keys: a repeated reply is answered like the first, and another one is refused."""

from __future__ import annotations

import msgspec

from gateway.core.api_reply import ApiReply
from gateway.core.pipeline.keys import loose_key
from gateway.domain.arrival import Arrival
from gateway.domain.known import Question
from gateway.errors import KeyReused, NotFound
from gateway.store.operations import Store, Tenants

SOURCE = "api"


def own_key(caller: str, conversation: int, key: str) -> str:
    """Make a key a caller's own in one conversation: nobody meets the keys of others.

    Args:
        caller: the name of a token; empty for the command line.
        key: what the caller sent; empty for none.
    """
    return f"{caller}/{conversation}/{key}" if key else ""


async def said_before(
    store: Store, tenants: Tenants, tenant: str, key: str, said: ApiReply
) -> int | None:
    """Find the arrival in which just this was said under a key before.

    While the first one still waits to be worked on, the pipeline is who recognises the second.

    Raises:
        KeyReused: something else was said under it.
    """
    claim = loose_key(_arrival(tenant, key), 0)
    [known] = await store.look_up([Question(tenant=tenant, claims=(claim,))])
    if claim not in known.claimed:
        return None
    message = await store.message(tenants, known.claimed[claim])
    for identifier in message.arrivals:
        try:
            arrival = (await store.arrival(tenants, identifier)).arrival
        except NotFound:
            continue
        if arrival.source_kind == "api" and arrival.body:
            if msgspec.json.decode(arrival.body, type=ApiReply) != said:
                raise KeyReused("use a new key for a new message; nothing was taken in")
            return arrival.id
    return None


def _arrival(tenant: str, key: str) -> Arrival:
    return Arrival(
        id=0, tenant=tenant, source=SOURCE, source_kind="api", key=key, lane="", received_at=0
    )

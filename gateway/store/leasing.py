"""Node numbers: what keeps the ids of processes that share a store apart."""

from __future__ import annotations

from typing import NamedTuple

from gateway.domain.ids import NODES
from gateway.errors import StoreUnavailable
from gateway.store.operations import Lease, Store

NODE_TTL = 60_000


class Node(NamedTuple):
    """A leased node number; renew it with `renew_node` well before it runs out."""

    number: int
    lease: Lease


async def lease_node(store: Store, owner: str, now: int, ttl: int = NODE_TTL) -> Node:
    """Lease the first free node number (0 to 1023), for a minute by default.

    Args:
        owner: names this process and no other, not even its own predecessor.
        now: milliseconds since the Unix epoch.
        ttl: milliseconds.

    Raises:
        StoreUnavailable: every number is taken.
    """
    for number in range(NODES):
        lease = await store.acquire_lease(f"node/{number}", owner, now=now, ttl=ttl)
        if lease is not None:
            return Node(number, lease)
    raise StoreUnavailable(f"{NODES} processes share this store already")


async def renew_node(store: Store, node: Node, now: int, ttl: int = NODE_TTL) -> Node | None:
    """Renew a node number; None if it was lost and no more ids may be made with it."""
    held = node.lease
    lease = await store.acquire_lease(held.name, held.owner, now=now, ttl=ttl)
    if lease is None or lease.token != held.token:
        return None
    return Node(node.number, lease)

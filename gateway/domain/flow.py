"""Flows: what takes turns, so that no tenant's burst and no bulk of mail holds up the rest.

What ticket systems and the API hand in, agents' replies above all, is a flow of its own beside its
tenant's customers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from gateway.domain.arrival import SourceKind

T = TypeVar("T")


def flow_of(tenant: str, source_kind: SourceKind) -> str:
    """Name the flow of an arrival."""
    return f"{'customers' if source_kind == 'channel' else 'agents'}/{tenant}"


def tenant_of(flow: str) -> str:
    """Name the tenant of a flow."""
    return flow.partition("/")[2]


def in_turn(queues: Iterable[Sequence[T]]) -> Iterator[T]:
    """Give one of each queue in turn, until all are empty."""
    waiting = [iter(queue) for queue in queues]
    while waiting:
        left = []
        for queue in waiting:
            for one in queue:
                yield one
                left.append(queue)
                break
        waiting = left

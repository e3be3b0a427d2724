"""Partitions: the shares of work that processes divide among themselves.

Arrivals are divided by tenant and lane, so that all of one sender is one process's work, whichever
inbox it came through. Deliveries and timers are divided by conversation, so that a line of
deliveries has one sender. What runs only once, such as a mailbox, goes by its name.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from gateway.domain.ids import NODE_BITS, SEQUENCE_BITS, key_hash

PARTITIONS = 64


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """For which partition a process writes; refused once the partition is another's.

    Args:
        process: number under which the process is counted among the living; never used again
            after it was given up for dead, which makes it the fencing token.
    """

    process: int
    partition: int


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """The partitions that a process may work on."""

    process: int
    partitions: frozenset[int]

    def fence(self, partition: int) -> Fence:
        """What a write for one of them carries."""
        return Fence(process=self.process, partition=partition)


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One that works on the store, while it beats.

    Args:
        id: never given again, so that it fences off whoever had it.
        node: what keeps its record ids apart from those of the others (0 to 1023).
    """

    id: int
    node: int
    name: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What a process holds of the work.

    Args:
        due: how many partitions it may keep.
        workers: among how many processes they are divided.
    """

    partitions: frozenset[int] = frozenset()
    due: int = 0
    workers: int = 0


def mask(share: Share | None) -> int:
    """The partitions of a share as the bits of a signed number; None stands for all of them."""
    if share is None:
        return -1
    bits = sum(1 << partition for partition in share.partitions)
    return bits - (1 << PARTITIONS) if bits >> (PARTITIONS - 1) else bits


@lru_cache(maxsize=4096)
def of_lane(tenant: str, lane: str) -> int:
    """The partition of everything that has to be worked on in one order."""
    return key_hash("lane", tenant, lane)[0] % PARTITIONS


def of_conversation(conversation: int) -> int:
    """The partition of a conversation's deliveries and timers.

    An id's moment and its number within that moment, mixed in a way that SQL can compute as well.
    """
    return ((conversation >> (NODE_BITS + SEQUENCE_BITS)) + conversation) % PARTITIONS


def of_part(name: str) -> int:
    """The partition of something that only one process runs, by its name."""
    return key_hash("part", name)[0] % PARTITIONS


def fair_share(processes: int, position: int) -> int:
    """How many partitions a process is due.

    Args:
        processes: how many divide them.
        position: of this one among them, from 0.
    """
    each, rest = divmod(PARTITIONS, processes)
    return each + (position < rest)

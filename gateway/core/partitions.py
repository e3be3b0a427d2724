"""Which partitions this process works on, and what is under way in each."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable
from contextlib import contextmanager
from typing import NamedTuple

from gateway.domain.partition import Fence, Share


class Tenure(NamedTuple):
    """Under what something was begun.

    Args:
        fence: what its writes carry; None where there is only one process.
        term: how often the partition had come to this process by then.
    """

    fence: Fence | None = None
    term: int = 0


class Partitions:
    """Everything is ours: the only process on its store."""

    @property
    def share(self) -> Share | None:
        """What may be begun; None stands for everything."""
        return None

    def tenure(self, _partition: int) -> Tenure:
        """Under what something of a partition is begun."""
        return Tenure()

    def ours(self, _partition: int) -> bool:
        """Whether something of a partition may be begun."""
        return True

    def alive(self, _fence: Fence | None) -> bool:
        """Whether this process still counts as the one that wrote behind a fence."""
        return True

    def holds(self, _tenure: Tenure) -> bool:
        """Whether what was begun has been ours all the time, and is to be gone on with."""
        return True

    def begin(self, partitions: Iterable[int]) -> None:
        """Say that something of some partitions is under way, so that they are not handed over."""

    def end(self, partitions: Iterable[int]) -> None:
        """Say that it is under way no more."""

    @contextmanager
    def under_way(self, *partitions: int) -> Generator[None]:
        """Have something of some partitions under way around a block."""
        self.begin(partitions)
        try:
            yield
        finally:
            self.end(partitions)

    def on_change(self, told: Callable[[], None]) -> None:
        """Have somebody told when partitions came or went."""

    async def changed(self) -> None:
        """Wait until partitions come or go."""
        await asyncio.Event().wait()


ALONE = Partitions()


class LeasedPartitions(Partitions):
    """Those that are leased to us, while the lease runs by our own monotonic clock.

    Args:
        monotonic: seconds on a clock that no step moves.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic, self._until = monotonic, 0.0
        self._share = Share(process=0, partitions=frozenset())
        self._busy: Counter[int] = Counter()
        self._terms: Counter[int] = Counter()
        self._told: list[Callable[[], None]] = []
        self._next = asyncio.Event()

    @property
    def share(self) -> Share:
        """What may be begun; nothing once the lease has run out."""
        if self._monotonic() < self._until:
            return self._share
        return Share(process=self._share.process, partitions=frozenset())

    def tenure(self, partition: int) -> Tenure:
        """Under what something of a partition is begun."""
        return Tenure(self._share.fence(partition), self._terms[partition])

    def ours(self, partition: int) -> bool:
        """Whether something of a partition may be begun."""
        return partition in self.share.partitions

    def alive(self, fence: Fence | None) -> bool:
        """Whether this process still counts as the one that wrote behind a fence."""
        mine = fence is not None and fence.process == self._share.process
        return mine and self._monotonic() < self._until

    def holds(self, tenure: Tenure) -> bool:
        """Whether what was begun has been ours all the time, and is to be gone on with."""
        fence = tenure.fence
        return (
            fence is not None
            and self.alive(fence)
            and self.ours(fence.partition)
            and self._terms[fence.partition] == tenure.term
        )

    def begin(self, partitions: Iterable[int]) -> None:
        """Say that something of some partitions is under way, so that they are not handed over."""
        self._busy.update(partitions)

    def end(self, partitions: Iterable[int]) -> None:
        """Say that it is under way no more."""
        self._busy.subtract(partitions)

    def busy(self, partition: int) -> int:
        """How much is under way in a partition."""
        return self._busy[partition]

    def on_change(self, told: Callable[[], None]) -> None:
        """Have somebody told when partitions came or went."""
        self._told.append(told)

    async def changed(self) -> None:
        """Wait until partitions come or go."""
        await self._next.wait()

    def renew(self, process: int, until: float) -> None:
        """Note that the lease runs on, under the number of a process.

        If it had run out, some of what was begun may have been dropped already: then all of it is.
        """
        lapsed = self._monotonic() >= self._until
        if process != self._share.process:
            self._share = Share(process=process, partitions=frozenset())
        self._until = until
        if lapsed and self._share.partitions:
            self._terms.update(self._share.partitions)
            self._tell()

    def lapse(self) -> None:
        """Tell everybody that the lease may have run out."""
        self._tell()

    def lose(self) -> None:
        """Begin nothing any more, and have what was begun count as another's."""
        self._until = 0.0
        self.settle(())

    def settle(self, partitions: Collection[int]) -> None:
        """Work on these from now on."""
        before, now = self._share.partitions, frozenset(partitions)
        if before == now:
            return
        self._terms.update(now - before)
        self._share = Share(process=self._share.process, partitions=now)
        self._tell()

    def _tell(self) -> None:
        self._next.set()
        self._next = asyncio.Event()
        for told in self._told:
            told()

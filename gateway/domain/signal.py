"""What one process tells the others, so that none has to look again and again."""

from __future__ import annotations

import msgspec

MOST_TARGETS = 50


class Signal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something to look at; it may be lost, for everybody looks now and then all the same.

    Args:
        arrivals: partitions in which arrivals wait, as bits.
        targets: to which deliveries may be due; ``*`` stands for all of them.
        timers: some were set.
        events: some were committed.
        processes: one came or went, or has partitions to give.
    """

    arrivals: int = 0
    targets: frozenset[str] = frozenset()
    timers: bool = False
    events: bool = False
    processes: bool = False

    def __or__(self, other: Signal) -> Signal:
        """Both as one."""
        targets = self.targets | other.targets
        return Signal(
            arrivals=self.arrivals | other.arrivals,
            targets=targets if len(targets) <= MOST_TARGETS else frozenset({"*"}),
            timers=self.timers or other.timers,
            events=self.events or other.events,
            processes=self.processes or other.processes,
        )

    def __bool__(self) -> bool:
        """Whether it says anything."""
        return self != SILENCE

    def concerns(self, target: str) -> bool:
        """Whether deliveries to a target may be due."""
        return target in self.targets or "*" in self.targets


SILENCE = Signal()
EVERYTHING = Signal(arrivals=-1, targets=frozenset({"*"}), timers=True, events=True, processes=True)

"""The other processes on the same store: told of what concerns them, and heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from gateway.contracts.services import Log
from gateway.core.outbox.outbox import Outbox
from gateway.core.partitions import LeasedPartitions
from gateway.domain.changes import Changes
from gateway.domain.partition import mask, of_conversation, of_part
from gateway.domain.signal import Signal
from gateway.errors import StoreBroken
from gateway.store.operations import Store

AGAIN_SECONDS = 1.0


class Neighbours:
    """Tells the others of what was committed for them, and wakes who has to know of what they told.

    Args:
        outbox: whose senders are woken.
        arrivals, timers, events, processes: called when there is something of the kind.
        readers: parts that read events, wherever they run.
    """

    def __init__(
        self,
        *,
        store: Store,
        partitions: LeasedPartitions,
        log: Log,
        outbox: Outbox,
        arrivals: Callable[[], None],
        timers: Callable[[], None],
        events: Callable[[], None],
        processes: Callable[[], None],
        readers: Sequence[str],
    ) -> None:
        self._store, self._partitions, self._log = store, partitions, log
        self._outbox, self._arrivals, self._timers = outbox, arrivals, timers
        self._events, self._processes = events, processes
        self._readers = [of_part(reader) for reader in readers]

    def accepted(self, partitions: Sequence[int]) -> None:
        """Tell of arrivals that others work on."""
        bits = sum(1 << one for one in set(partitions) if not self._partitions.ours(one))
        if bits:
            self._store.tell(Signal(arrivals=bits))

    def notice(self, changes: Changes) -> None:
        """Tell of what a commit left to others."""
        ours = self._partitions.ours
        signal = Signal(
            targets=frozenset(
                delivery.target
                for delivery in (*changes.deliveries, *changes.settled)
                if not ours(of_conversation(delivery.conversation))
            ),
            timers=any(not ours(of_conversation(t.conversation or 0)) for t in changes.timers),
            events=bool(changes.events) and not all(ours(reader) for reader in self._readers),
        )
        if signal:
            self._store.tell(signal)

    def share_changed(self) -> None:
        """Tell that there are partitions to take."""
        self._store.tell(Signal(processes=True))

    async def run(self) -> None:
        """Listen until cancelled; while the connection is gone everybody looks now and then."""
        while True:
            try:
                await self._store.listen(self._hear)
            except StoreBroken:
                raise
            except Exception as error:
                self._log.warning("signals.cut", error=str(error) or repr(error))
            await asyncio.sleep(AGAIN_SECONDS)

    def _hear(self, signal: Signal) -> None:
        if signal.arrivals & mask(self._partitions.share):
            self._arrivals()
        for name, sender in self._outbox.senders.items():
            if signal.concerns(name):
                sender.wake()
        for told, wake in (
            (signal.timers, self._timers), (signal.events, self._events),
            (signal.processes, self._processes),
        ):  # fmt: skip
            if told:
                wake()

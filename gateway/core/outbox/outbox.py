"""The outbox: one sender a target, so that a sick one does not hold up the others."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.core.outbox.sender import Sender
from gateway.domain.changes import Changes


class Outbox:
    """Knows the senders and wakes the ones that something changed for."""

    def __init__(self) -> None:
        self._senders: dict[str, Sender] = {}

    def add(self, sender: Sender) -> None:
        """Add the sender of a target."""
        self._senders[sender.target.name] = sender

    @property
    def senders(self) -> Mapping[str, Sender]:
        """The senders by target."""
        return self._senders

    def notice(self, changes: Changes) -> None:
        """Wake whoever has something to do after a commit."""
        for delivery in (*changes.deliveries, *changes.settled):
            sender = self._senders.get(delivery.target)
            if sender is not None:
                sender.wake()

"""How often the core looks by itself; whatever changes something wakes who has to know of it."""

from __future__ import annotations

import msgspec


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds between looks that nothing asked for.

    Args:
        idle: the pipeline, the outbox, timers and feeds look for what another process did.
        left: the pipeline looks again for what a full lane left behind.
        store: a well store is written to; a sick one every second.
        renew: leases are renewed.
    """

    idle: float = 2.0
    left: float = 0.25
    store: float = 5.0
    renew: float = 10.0

    @property
    def owner_ttl(self) -> int:
        """Milliseconds for which what only one process may run is leased."""
        return int(self.renew * 3000)

    @property
    def node_ttl(self) -> int:
        """Milliseconds for which a process's number is leased."""
        return int(self.renew * 6000)

"""How often the core looks by itself; whatever changes something wakes who has to know of it."""

from __future__ import annotations

import msgspec


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds between looks that nothing asked for.

    Args:
        idle: the pipeline, the outbox, timers and feeds look for what another process did.
        left: the pipeline looks again for what a full lane left behind.
        store: a well store is written to; a sick one every second.
        renew: a process tells that it lives.
        missing: deliveries are looked for whose target is not configured.
    """

    idle: float = 2.0
    left: float = 0.25
    store: float = 5.0
    renew: float = 5.0
    missing: float = 60.0

    @property
    def lease(self) -> float:
        """Seconds after which one that did not beat is taken for dead: three beats."""
        return self.renew * 3

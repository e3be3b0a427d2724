"""What waits and how long."""

from __future__ import annotations

import msgspec


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What waits and how long, for metrics and readiness.

    Args:
        customers_waiting: by tenant.
        oldest_arrival, oldest_delivery: when it came in, if any waits.
    """

    arrivals_waiting: int = 0
    customers_waiting: dict[str, int] = {}
    arrivals_quarantined: int = 0
    deliveries_waiting: dict[str, int] = {}
    deliveries_dead: dict[str, int] = {}
    deliveries_unknown: dict[str, int] = {}
    oldest_arrival: int | None = None
    oldest_delivery: int | None = None

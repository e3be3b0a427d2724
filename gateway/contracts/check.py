"""Checks: what a plugin adds to readiness and to ``gateway check --probe``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from gateway.domain.health import Health


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be well or sick.

    Args:
        name: how it is called in ``/readyz`` and the console.
        run: looks, changes nothing, and says how it is; raising counts as ``down``.
    """

    name: str
    run: Callable[[], Awaitable[Health]]

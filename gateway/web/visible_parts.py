"""Which parts a caller may see: those of its tenants whole, and shared ones without their reasons."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gateway.domain.health import Health
from gateway.store.operations import Tenants

_OF = {"poll": "backend", "reconcile": "channel"}
_INSTANCES = frozenset({"channel", "backend"})
ASK = "the operators of the gateway know why"


def visible_parts(
    parts: Mapping[str, Health], owners: Mapping[str, str], tenants: Tenants
) -> dict[str, Health]:
    """Keep what a caller may see.

    A channel or backend that nobody owns is shown only to who sees all tenants: its name may be
    another one's. So may be names in the reasons of what all tenants share.

    Args:
        owners: the tenant of each ``channel/NAME`` and ``backend/NAME``.
    """
    if tenants is None:
        return dict(parts)
    found: dict[str, Health] = {}
    for part, health in parts.items():
        instance = _instance(part)
        if instance is None:
            reason = ASK if health.reason else ""
            found[part] = msgspec.structs.replace(health, reason=reason)
        elif owners.get(instance) in tenants:
            found[part] = health
    return found


def _instance(part: str) -> str | None:
    """The channel or backend that a part serves, as in ``outbox/backend/NAME``; None for no such."""
    kind, _, name = part.removeprefix("outbox/").partition("/")
    kind = _OF.get(kind, kind)
    return f"{kind}/{name}" if kind in _INSTANCES else None

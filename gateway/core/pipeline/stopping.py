"""Arrivals that a plugin holds or refuses, and those that a person let go all the same."""

from __future__ import annotations

from gateway.domain.answers import Hold, Refuse
from gateway.domain.arrival import Quarantined
from gateway.store.operations import Store

RELEASED = "released"


async def released(store: Store, arrival: int) -> bool:
    """Whether a person let go what a plugin had stopped."""
    decisions = await store.decisions(None, arrival=arrival)
    return any(decision.outcome == RELEASED for decision in decisions)


def stopped(why: Hold | Refuse, by: str, now: int) -> Quarantined:
    """Say who stopped an arrival, and why."""
    word = "held" if isinstance(why, Hold) else "refused"
    return Quarantined(stage="hook", code=word, error=why.reason, plugin=by, at=now)

"""Timers: rows that survive a restart."""

from __future__ import annotations

from typing import Any

import msgspec


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be done at a moment.

    Args:
        name: unique for its owner; setting it again moves it.
        owner: ``core`` or the name of a plugin instance.
        due_at: milliseconds since the Unix epoch.
        conversation: what it is about; moot timers are cancelled with it.
    """

    id: int
    tenant: str
    owner: str
    name: str
    due_at: int
    conversation: int | None = None
    data: dict[str, Any] = {}

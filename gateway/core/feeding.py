"""Connectors that have to be asked: polling of backends, reconciling of channels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.contracts.backend import Backend
from gateway.contracts.channel import Channel
from gateway.contracts.services import Intake
from gateway.domain.health import Health


async def poll_backend(
    backend: Backend[Any], report: Callable[[Health], None], intake: Intake
) -> None:
    """Ask a backend for agents' replies as often as it wants to be asked, until cancelled.

    What it raises ends this; the supervisor starts it again after a pause.
    """
    while True:
        await backend.poll(intake)
        report(Health())
        await asyncio.sleep(backend.capabilities.poll_seconds)


async def reconcile_channel(channel: Channel[Any], intake: Intake) -> None:
    """Take in, once at the start, what came while nobody listened."""
    await channel.reconcile(intake)

"""Asking the provider for what its webhooks missed: at the start, and now and then."""

from __future__ import annotations

import asyncio

from gateway import (
    ConnectorError,
    Context,
    Intake,
    NewArrival,
    Overloaded,
    StoreUnavailable,
)
from gateway_sms_voice.door import Door
from gateway_sms_voice.providers.contract import Provider
from gateway_sms_voice.settings import PhoneSettings

CURSOR = "reconciled"
OVERLAP_MS = 120_000
# A webhook says more than the list (names, ids of WhatsApp), so that it goes first while it may still
# come; what is passed over lies within the next overlap.
STILL_COMING_MS = 15_000


class Reconciler:
    """Takes in what came in since it last looked; what is known already makes no second message."""

    def __init__(self, context: Context[PhoneSettings], provider: Provider, door: Door) -> None:
        self._context, self._provider, self._door = context, provider, door
        self._one_at_a_time = asyncio.Lock()

    async def run(self, intake: Intake) -> None:
        """Look as often as the settings say, until cancelled."""
        seconds = self._context.settings.reconcile_seconds
        pause = min(
            seconds, STILL_COMING_MS / 1000 + 1
        )  # then for what was passed over at the start
        while seconds > 0:
            await asyncio.sleep(pause)
            pause = seconds
            try:
                await self.once(intake)
            except (ConnectorError, Overloaded, StoreUnavailable) as error:
                self._context.log.warning("reconcile.failed", reason=str(error))
        await asyncio.get_running_loop().create_future()

    async def once(self, intake: Intake) -> None:
        """Look once.

        Raises:
            ConnectorError: the provider could not be asked.
        """
        async with self._one_at_a_time:
            began = self._context.clock.now()
            kept = (await self._context.state.get(CURSOR)).value
            first = began - self._context.settings.first_hours * 3_600_000
            since = kept["since"] if isinstance(kept, dict) else first
            async for arrival in self._provider.missed(since - OVERLAP_MS):
                if not self._door.saw(arrival.key) and not self._still_coming(arrival, began):
                    await self._door.accept(intake, arrival, [])
                    self._context.log.info("message.missed", channel=self._context.name)
            await self._context.state.put(CURSOR, {"since": began})

    def _still_coming(self, arrival: NewArrival, now: int) -> bool:
        wishes = self._provider.wishes(arrival)
        return wishes is not None and wishes.at is not None and now - wishes.at < STILL_COMING_MS

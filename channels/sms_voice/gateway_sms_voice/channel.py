"""The phone channel: a provider's webhooks in, its API out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from gateway import (
    Channel,
    ChannelCapabilities,
    Context,
    Forgotten,
    Health,
    Intake,
    Message,
    Parser,
    Remains,
    Reply,
    Route,
    Sent,
)
from gateway_sms_voice.completing import CompletingReader
from gateway_sms_voice.door import Door
from gateway_sms_voice.fetching import Fetching
from gateway_sms_voice.forgetting import forget
from gateway_sms_voice.media import Fetcher
from gateway_sms_voice.numbers import endpoint
from gateway_sms_voice.outbox import Outbox
from gateway_sms_voice.pacing import Pace
from gateway_sms_voice.providers.making import make_provider
from gateway_sms_voice.reconciling import Reconciler
from gateway_sms_voice.settings import PhoneSettings
from gateway_sms_voice.voice.composing import policy_of
from gateway_sms_voice.voice.facts import CALL
from gateway_sms_voice.voice.folding import fold
from gateway_sms_voice.webhooks import Webhooks

SWEEP_SECONDS = 3600.0


class PhoneChannel(Channel[PhoneSettings]):
    """Our numbers at one provider."""

    capabilities: ClassVar[ChannelCapabilities] = ChannelCapabilities(
        repeat="lookup", stuck_head="skip", concurrency=16, starts_threads=True, exclusive=True
    )

    def __init__(self, context: Context[PhoneSettings]) -> None:
        super().__init__(context)
        settings = context.settings
        self.provider = make_provider(context)
        self.capabilities = msgspec.structs.replace(  # type: ignore[misc]
            type(self).capabilities, repeat=self.provider.repeat
        )
        self._pace = Pace()
        self._outbox = Outbox(context, self.provider, self._pace)
        self._fetching = Fetching(
            context, self.provider, Fetcher(context.http, limit=settings.media_bytes),
            total=settings.media_bytes * 2, seconds=settings.media_seconds,
        )  # fmt: skip
        self._door = Door(context, self.provider, self._fetching, self._outbox.book)
        self._reconciler = Reconciler(context, self.provider, self._door)

    def addresses(self) -> Sequence[str]:
        """Name our numbers."""
        region = self.context.settings.region
        return tuple(str(endpoint(one, region)) for one in self.context.settings.numbers)

    # in

    def routes(self, intake: Intake) -> Sequence[Route]:
        """Answer the provider's webhooks."""
        webhooks = Webhooks(self.context, self.provider, self._door.bound(intake))
        routes = webhooks.routes()
        if self.context.settings.voice is not None:
            from gateway_sms_voice.voice.calls import Calls

            routes += Calls(self.context, self.context.settings.voice, webhooks).routes()
        return routes

    async def run(self, intake: Intake) -> None:
        """Fetch media, ask for what webhooks missed, watch the provider, and keep the book short."""
        async with self.provider.held():
            tasks = [
                asyncio.create_task(self._fetching.run(intake)),
                asyncio.create_task(self._reconciler.run(intake)),
                asyncio.create_task(self._sweep()),
                asyncio.create_task(self.provider.watch()),
            ]
            try:
                await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def reconcile(self, intake: Intake) -> None:
        """Ask for what came in while nobody listened."""
        await self._reconciler.once(intake)

    async def _sweep(self) -> None:
        while True:
            await self._outbox.book.sweep()
            await asyncio.sleep(SWEEP_SECONDS)

    @property
    def parser(self) -> Parser:
        """Read what the provider handed in, and what followed it."""
        return CompletingReader(read=self.provider.reader)

    def revise(self, stored: Message, new: Message) -> Message:
        """Put what came of a call to the rest of it; texts are given whole."""
        if CALL not in new.extra:
            return new
        return fold(stored, new, policy_of(self.context.settings))

    def is_quick(self, arrival: Any) -> bool:
        """Whether it is a message without media, a few fields of text."""
        return len(arrival.body) <= 16_384

    # out

    async def send(self, reply: Reply) -> Sent:
        """Hand a reply to the provider, in as many texts as it takes."""
        return await self._outbox.send(reply)

    async def find_sent(self, reply: Reply) -> Sent | None:
        """Look a reply up at the provider."""
        return await self._outbox.find(reply)

    async def forget(self, forgotten: Forgotten) -> Sequence[Remains]:
        """Forget a person, and say what stays."""
        return await forget(self.context, self.provider, forgotten)

    # health

    async def probe(self) -> Health:
        """Sign in at the provider, changing nothing."""
        return await self.provider.probe()

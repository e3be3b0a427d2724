"""Messages whose media are still to be fetched: a durable list, worked off while the channel runs."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from gateway import Context, Intake, NewArrival, Overloaded, StoreUnavailable
from gateway_sms_voice.completing import Medium, Original, completed, original_of
from gateway_sms_voice.media import Fetcher, TryAgain
from gateway_sms_voice.providers.contract import Provider
from gateway_sms_voice.settings import PhoneSettings

FETCH = "fetch/"
PAUSES_MS = (0, 5_000, 30_000, 300_000, 1_800_000)
PAGE = 100
IDLE_MS = 5_000  # another process may have taken a message in


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be fetched for one message.

    Args:
        due: when it is tried next, in milliseconds since the Unix epoch.
    """

    original: Original
    urls: tuple[str, ...]
    attempts: int = 0
    due: int = 0


class Fetching:
    """Fetches what messages name, and takes it in as what follows them.

    Args:
        total: bytes of all media of one message.
    """

    def __init__(
        self, context: Context[PhoneSettings], provider: Provider, fetcher: Fetcher, *, total: int
    ) -> None:
        self._context, self._provider = context, provider
        self._fetcher, self._total = fetcher, total
        self._wake = asyncio.Event()

    def want(self, arrival: NewArrival, urls: tuple[str, ...]) -> list[tuple[str, Any]]:
        """Say what to write with an arrival, so that its media are fetched whatever happens."""
        if not urls:
            return []
        wanted = Wanted(original=original_of(arrival), urls=urls, due=self._context.clock.now())
        return [(FETCH + arrival.key, _plain(wanted))]

    def wake(self) -> None:
        """Say that there is something to fetch."""
        self._wake.set()

    async def run(self, intake: Intake) -> None:
        """Fetch until cancelled."""
        while True:
            self._wake.clear()
            pause = await self.work_off(intake)
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def work_off(self, intake: Intake) -> float:
        """Try all that is due; how many seconds until there is more."""
        now, after, soonest = self._context.clock.now(), "", IDLE_MS
        while rows := await self._context.state.list(FETCH, after=after, limit=PAGE):
            for key, stored in rows:
                wanted = _wanted(stored.value)
                if wanted is None:
                    await self._context.state.delete(key)
                elif wanted.due <= now:
                    await self._try(intake, key, wanted)
                else:
                    soonest = min(soonest, wanted.due - now)
            after = rows[-1][0]
        return soonest / 1000

    async def _try(self, intake: Intake, key: str, wanted: Wanted) -> None:
        last = wanted.attempts + 1 >= len(PAUSES_MS)
        media, failed = await self._fetch_all(wanted, last=last)
        attempt = wanted.attempts + 1
        if failed and not last:
            later = msgspec.structs.replace(
                wanted, attempts=attempt, due=self._context.clock.now() + PAUSES_MS[attempt]
            )
            await self._context.state.put(key, _plain(later))
            return
        try:
            await intake.accept([completed(wanted.original, media, attempt)])
        except (Overloaded, StoreUnavailable):
            return  # it stays on the list
        await self._context.state.delete(key)

    async def _fetch_all(self, wanted: Wanted, *, last: bool) -> tuple[list[Medium], bool]:
        media, failed, room = [], False, self._total
        for url in wanted.urls:
            medium, again = await self._fetch(url)
            if len(medium.data) > room:
                medium = Medium(state="too_large", reason="the media are too large together")
            room -= len(medium.data)
            failed = failed or again
            media.append(medium)
            if failed and not last:
                break  # all of them are fetched again
        return media, failed

    async def _fetch(self, url: str) -> tuple[Medium, bool]:
        """Fetch one; whether it is worth trying again."""
        request = self._provider.media_request(url)
        if request is None:
            return Medium(
                state="blocked", reason="a medium lies at a host that is not known"
            ), False
        try:
            return await self._fetcher.fetch(request), False
        except TryAgain as error:
            self._context.log.warning("media.failed", reason=str(error))
            return Medium(state="unavailable", reason=f"a medium was not to be had: {error}"), True


def _plain(wanted: Wanted) -> dict[str, Any]:
    plain = msgspec.to_builtins(wanted)  # bytes become base64
    return dict(plain)


def _wanted(value: Any) -> Wanted | None:
    try:
        return msgspec.convert(value, Wanted)
    except msgspec.ValidationError:
        return None

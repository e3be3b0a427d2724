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
PAGE, AT_ONCE = 100, 4
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
        seconds: until all of them have to be there, each time they are tried.
    """

    def __init__(
        self,
        context: Context[PhoneSettings],
        provider: Provider,
        fetcher: Fetcher,
        *,
        total: int,
        seconds: float,
    ) -> None:
        self._context, self._provider = context, provider
        self._fetcher, self._total, self._seconds = fetcher, total, seconds
        self._wake, self._at_once = asyncio.Event(), asyncio.Semaphore(AT_ONCE)

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
            due = []
            for key, stored in rows:
                wanted = _wanted(stored.value)
                if wanted is None:
                    await self._context.state.delete(key)
                elif wanted.due <= now:
                    due.append(self._try(intake, key, wanted))
                else:
                    soonest = min(soonest, wanted.due - now)
            await asyncio.gather(*due)
            after = rows[-1][0]
        return soonest / 1000

    async def _try(self, intake: Intake, key: str, wanted: Wanted) -> None:
        """Fetch a message's media and take them in; what failed is told once, and tried again."""
        async with self._at_once:
            media = await self._fetch_all(wanted)
        attempt = wanted.attempts + 1
        done = all(one.state != "pending" for one in media)
        last = attempt >= len(PAUSES_MS)
        if last:
            media = [_given_up(one) for one in media]
        if done or last or attempt == 1:
            try:
                await intake.accept([completed(wanted.original, media, attempt)])
            except (Overloaded, StoreUnavailable):
                return  # it stays on the list
        if done or last:
            await self._context.state.delete(key)
            return
        due = self._context.clock.now() + PAUSES_MS[attempt]
        later = msgspec.structs.replace(wanted, attempts=attempt, due=due)
        await self._context.state.put(key, _plain(later))

    async def _fetch_all(self, wanted: Wanted) -> list[Medium]:
        """Fetch one after the other, all within the time that one may take."""
        media, room = [], self._total
        end = asyncio.get_running_loop().time() + self._seconds
        for url in wanted.urls:
            medium = await self._fetch(url, end)
            if len(medium.data) > room:
                medium = Medium(state="too_large", reason="the media are too large together")
            room -= len(medium.data)
            media.append(medium)
        return media

    async def _fetch(self, url: str, end: float) -> Medium:
        """Fetch one; pending if it is worth trying again."""
        request = self._provider.media_request(url)
        if request is None:
            return Medium(state="blocked", reason="a medium lies at a host that is not known")
        try:
            async with asyncio.timeout_at(end):
                return await self._fetcher.fetch(request)
        except TimeoutError:
            failed = f"it was not there within {self._seconds:g} seconds"
        except TryAgain as error:
            failed = str(error)
        self._context.log.warning("media.failed", reason=failed)
        return Medium(state="pending", reason=f"a medium was not to be had: {failed}")


def _given_up(medium: Medium) -> Medium:
    if medium.state != "pending":
        return medium
    return msgspec.structs.replace(medium, state="unavailable")


def lane_of(value: Any) -> str:
    """Say between whom a message on the list was, empty if that cannot be told."""
    wanted = _wanted(value)
    return "" if wanted is None else wanted.original.lane


def _plain(wanted: Wanted) -> dict[str, Any]:
    plain = msgspec.to_builtins(wanted)  # bytes become base64
    return dict(plain)


def _wanted(value: Any) -> Wanted | None:
    try:
        return msgspec.convert(value, Wanted)
    except msgspec.ValidationError:
        return None

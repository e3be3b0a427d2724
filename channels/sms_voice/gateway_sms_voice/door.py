"""The door: what has to be decided of an arrival before it is stored, and is stored with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from gateway import Context, Intake, NewArrival
from gateway_sms_voice import optout
from gateway_sms_voice.book import Book
from gateway_sms_voice.fetching import Fetching
from gateway_sms_voice.providers.contract import Provider, Wishes
from gateway_sms_voice.settings import PhoneSettings

Writes = list[tuple[str, Any]]
REMEMBERED = 10_000
Accept = Callable[[NewArrival, Writes], Awaitable[None]]


class Door:
    """Makes arrivals durable, together with what they change in the channel's state.

    An opt-out counts from the moment it is acknowledged, media are fetched even after a crash, and an id
    that the provider tells of a text is known to whoever looks that text up.
    """

    def __init__(
        self, context: Context[PhoneSettings], provider: Provider, fetching: Fetching, book: Book
    ) -> None:
        self._context, self._provider = context, provider
        self._fetching, self._book = fetching, book
        self._seen: dict[str, None] = {}

    def bound(self, intake: Intake) -> Accept:
        """Give the door to one intake."""

        async def accept(arrival: NewArrival, more: Writes) -> None:
            await self.accept(intake, arrival, more)

        return accept

    async def accept(self, intake: Intake, arrival: NewArrival, more: Writes) -> None:
        """Store an arrival.

        Args:
            more: what else of the channel's state is to be written with it.

        Raises:
            Overloaded, StoreUnavailable: nothing was stored.
        """
        wishes = self._provider.wishes(arrival)
        writes = list(more)
        if wishes is not None:
            asked, changes = await self._asked(wishes)
            writes += changes
            if asked is None:
                writes += self._fetching.want(arrival, wishes.media)
            else:
                remote = {**arrival.remote, "opt_out": asked}
                arrival = msgspec.structs.replace(arrival, remote=remote)
        elif "delivery" in arrival.remote:
            writes += await self._told(arrival.remote)
        await intake.accept([arrival], state=writes)
        self._seen[arrival.key] = None
        while len(self._seen) > REMEMBERED:
            self._seen.pop(next(iter(self._seen)))
        if wishes is not None and wishes.media:
            self._fetching.wake()

    def saw(self, key: str) -> bool:
        """Whether an arrival of this key came in lately, by this process."""
        return key in self._seen

    async def _told(self, remote: Mapping[str, Any]) -> Writes:
        """Say what to write when the provider tells the id of a text."""
        part = int(remote.get("part", 1))
        return await self._book.call(str(remote["delivery"]), part, str(remote.get("id", "")))

    async def _asked(self, wishes: Wishes) -> tuple[optout.Asked | None, Writes]:
        """Say whether a message is nothing but STOP, START or HELP, and what follows."""
        ours, theirs = wishes.ours, wishes.theirs
        if theirs.withheld:
            return None, []
        kept = (await self._context.state.get(optout.key(ours, theirs))).value or {}
        asked = optout.asked(wishes.opt_out, wishes.text, opted_out=bool(kept.get("out")))
        at = self._context.clock.now() if wishes.at is None else wishes.at
        if asked == "HELP" and not self._provider.answers_help:
            return None, []
        if asked in (None, "HELP") or at < kept.get("at", 0):  # a later word stands already
            return asked, []
        by = "by the provider's word" if wishes.opt_out else "by text"
        return asked, [optout.opt_out_write(ours, theirs, out=asked == "STOP", at=at, by=by)]

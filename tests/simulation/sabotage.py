"""Builds of the core that are broken on purpose, each of which some seed must catch.

A switch replaces one thing of the core while a world runs; the oracle knows nothing of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import msgspec
from sqlalchemy import text

from gateway.core import operating
from gateway.core.intake import IntakeDoor
from gateway.core.outbox import sender
from gateway.core.outbox.sender import Sender
from gateway.core.outbox.settling import Rules, settle_failed
from gateway.core.outbox.targets import BackendTarget
from gateway.core.pipeline import merging, work
from gateway.core.pipeline.lanes import Lanes
from gateway.core.pipeline.preparing import Preparer
from gateway.core.pipeline.runner import Pipeline
from gateway.core.turns import Turn
from gateway.domain import matching
from gateway.domain.arrival import Arrival, NewArrival
from gateway.domain.delivery import Delivery, Repeat
from gateway.errors import StoreUnavailable, UnreadableArrival
from gateway.store import claims


def _ack_before_commit() -> Any:
    """Acknowledge first, and commit when there is time."""
    accept = IntakeDoor.accept

    async def hasty(self: IntakeDoor, arrivals: Sequence[NewArrival], **more: Any) -> list[int]:
        if more.get("state"):
            return await accept(self, arrivals, **more)
        task = asyncio.ensure_future(accept(self, arrivals, **more))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return []

    return mock.patch.object(IntakeDoor, "accept", hasty)


def _give_up_early() -> Any:
    """Let go of a delivery that failed, without a word."""

    def failed(
        sheet: Any, delivery: Delivery, error: Exception, rules: Any, **more: Any
    ) -> Delivery:
        settled = msgspec.structs.replace(delivery, state="cancelled", blocks=False)
        sheet.settled.append(settled)
        return settled

    return mock.patch.object(sender, "settle_failed", failed)


def _no_look_up() -> Any:
    """Send again without looking whether it is there."""

    async def find(self: BackendTarget, *about: Any) -> None:
        return None

    return mock.patch.object(BackendTarget, "find", find)


def _new_key_each_time() -> Any:
    """Give every attempt an idempotency key of its own."""
    send, made = Sender._send, [0]

    async def renamed(self: Sender, delivery: Delivery, *more: Any) -> None:
        made[0] += 1
        await send(self, msgspec.structs.replace(delivery, key=f"{delivery.key}-{made[0]}"), *more)

    return mock.patch.object(Sender, "_send", renamed)


def _resend_what_may_be_sent() -> Any:
    """Treat a target that must never be sent to twice like any other."""

    def tolerant(*, repeat: Repeat, **named: Any) -> Rules:
        return Rules(repeat="tolerable" if repeat == "never" else repeat, **named)

    return mock.patch.object(sender, "Rules", tolerant)


def _forget_what_was_under_way() -> Any:
    """After a crash, take what was under way for something that was never tried."""
    statement = str(claims._RECOVER).replace("'unknown'", "'queued'")
    return mock.patch.object(claims, "_RECOVER", text(statement))


def _pass_a_stuck_head() -> Any:
    """Let what follows a failed delivery overtake it."""

    def passing(sheet: Any, *args: Any, **more: Any) -> Delivery:
        settled = settle_failed(sheet, *args, **more)
        sheet.settled[-1] = msgspec.structs.replace(settled, blocks=False)
        return sheet.settled[-1]  # type: ignore[no-any-return]

    return mock.patch.object(sender, "settle_failed", passing)


def _no_lanes() -> Any:
    """Work on everything at once, whoever sent it."""
    put, made = Lanes.put, [0]

    def scattered(self: Lanes[Any], lane: str, item: Any) -> None:
        made[0] += 1
        put(self, f"{lane} {made[0]}", item)

    return mock.patch.object(Lanes, "put", scattered)


def _one_send_at_a_time() -> Any:
    """Let all targets wait for one another."""
    send, one = Sender._send, asyncio.Lock()

    async def alone(self: Sender, delivery: Delivery, *more: Any) -> bool:
        async with one:
            return await send(self, delivery, *more)

    return mock.patch.object(Sender, "_send", alone)


def _poison_waits_for_ever() -> Any:
    """Take what cannot be read for a trouble of the store, and try it for ever."""
    parse = Preparer.parse

    async def trusting(self: Preparer, arrival: Arrival) -> Any:
        try:
            return await parse(self, arrival)
        except UnreadableArrival as error:
            raise StoreUnavailable(str(error)) from error

    return mock.patch.object(Preparer, "parse", trusting)


def _poison_stops_all() -> Any:
    """Work on one arrival at a time, so that a stuck one holds up everybody."""
    one = asyncio.Lock()
    process = Pipeline._process

    async def alone(self: Pipeline, arrival: Arrival, turn: Turn) -> None:
        async with one:
            await process(self, arrival, turn)
            await asyncio.sleep(120)

    return mock.patch.object(Pipeline, "_process", alone)


def _token_is_enough() -> Any:
    """Let in whoever holds a token or knows a reference."""
    return mock.patch.object(matching, "_may_not_join", return_value=None)


def _keep_threads_on_unmerge() -> Any:
    """Take a merge back without giving the threads back."""
    unmerge = merging.unmerge

    def half(sheet: work.Work, *args: Any, **more: Any) -> None:
        unmerge(sheet, *args, **more)
        sheet.moved[:] = [one for one in sheet.moved if one.of != "thread"]

    return mock.patch.object(operating, "unmerge", half)


def _wake_nobody() -> Any:
    """Tell the outbox nothing of what was committed."""
    return mock.patch.object(Sender, "wake")


SABOTAGES: dict[str, tuple[Callable[[], Any], str]] = {
    "ack before commit": (_ack_before_commit, "durable"),
    "give up early": (_give_up_early, "lost"),
    "no look-up": (_no_look_up, "doubled"),
    "a new key each time": (_new_key_each_time, "doubled"),
    "resend what may be sent": (_resend_what_may_be_sent, "doubled"),
    "forget what was under way": (_forget_what_was_under_way, "doubled"),
    "pass a stuck head": (_pass_a_stuck_head, "order"),
    "no lanes": (_no_lanes, "order"),
    "one send at a time": (_one_send_at_a_time, "independence"),
    "wake nobody": (_wake_nobody, "independence"),
    "poison waits for ever": (_poison_waits_for_ever, "lost"),
    "one arrival at a time": (_poison_stops_all, "independence"),
    "a token is enough": (_token_is_enough, "privacy"),
    "keep threads on unmerge": (_keep_threads_on_unmerge, "undo"),
}


@contextmanager
def sabotaged(name: str) -> Iterator[str]:
    """Break the core in one way; gives the promise that a seed must find broken."""
    switch, promise = SABOTAGES[name]
    with switch():
        yield promise

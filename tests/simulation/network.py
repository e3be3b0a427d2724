"""What lies between a process and the systems outside: requests that arrive late, never, or twice."""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from gateway.errors import (
    AuthenticationFailed,
    ConnectorError,
    OutcomeUnknown,
    TargetBroken,
    Throttled,
    Unreachable,
)
from tests.simulation.weather import WELL, Weather

if TYPE_CHECKING:
    from tests.simulation.process import Process

T = TypeVar("T")
OUTSIDE = contextvars.Context()  # a request on its way belongs to no process
AFTER_EFFECT = 1200.0  # seconds: a slot that is held, a breaker that opens
BRIEF = ("lost", "lost", "refused", "5xx", "black", "slow")


class Network:
    """Carries requests; a request that has left arrives, whatever becomes of who sent it.

    Args:
        lossy: probability that a request meets with trouble though its target is well.
        passes: told of every request that leaves, so that a process may be killed just then.
    """

    def __init__(
        self, weather: Weather, dice: random.Random, lossy: Callable[[], float],
        passes: Callable[[Process], None],
    ) -> None:  # fmt: skip
        self._weather, self._dice, self._lossy, self._passes = weather, dice, lossy, passes

    async def call(self, process: Process, target: str, serve: Callable[[], T]) -> T:
        """Ask a system outside.

        Args:
            serve: what it does when the request arrives; a `ConnectorError` is its answer.

        Raises:
            ConnectorError: as the target's weather has it.
        """
        if process.dead:
            raise asyncio.CancelledError
        self._passes(process)
        dice, loop = self._dice, asyncio.get_running_loop()
        mode = self._weather.at(target)
        if mode == WELL and dice.random() < self._lossy():
            mode = dice.choice(BRIEF)
            self._weather.disturb(target, AFTER_EFFECT)
        there = dice.uniform(0.005, 0.2)
        back = dice.uniform(1.0, 90.0) if mode == "slow" else dice.uniform(0.005, 0.2)
        answer: asyncio.Future[T] = loop.create_future()

        def fail(error: ConnectorError) -> None:
            if not answer.done():
                answer.set_exception(error)

        def arrive() -> None:
            try:
                made = serve()
            except ConnectorError as error:
                loop.call_later(back, fail, error)
                return
            loop.call_later(back, deliver, made)

        def deliver(made: T) -> None:
            if mode == "lost" and dice.random() < 0.7:
                fail(OutcomeUnknown("the connection broke before the answer came"))
            elif mode != "black" and not answer.done():
                answer.set_result(made)

        refusal = _refusal(mode, dice)
        if refusal is not None:
            loop.call_later(there + back, fail, refusal, context=OUTSIDE)
        elif mode != "black" or dice.random() < 0.5:
            loop.call_later(there, arrive, context=OUTSIDE)
        return await answer


def _refusal(mode: str, dice: random.Random) -> ConnectorError | None:
    match mode:
        case "refused":
            return Unreachable("connection refused")
        case "5xx":
            return TargetBroken("503 Service Unavailable")
        case "throttled":
            return Throttled("429 Too Many Requests", retry_after=dice.uniform(5, 1800))
        case "locked":
            return AuthenticationFailed("401 Unauthorized")
    return None

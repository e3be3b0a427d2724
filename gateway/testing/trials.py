"""One request tried out: while the target is away, with its answer lost, and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from gateway.core.answered import answered, answered_or_none
from gateway.domain.delivery import Repeat
from gateway.domain.health import Health
from gateway.errors import ConnectorError, OutcomeUnknown, StoreError, StoreUnavailable
from gateway.testing.context import Surroundings
from gateway.testing.faults import Faults
from gateway.testing.loopback import LoopbackHttp

DEADLINE = 10.0
UNTRIED = (
    "it reaches its target by something else than context.http, so that neither a lost answer nor a "
    "target that is away was tried: give the check `faults=Faults()`, and let your double heed it"
)
Act = Callable[[], Awaitable[Any]]


class Trial:
    """Tries requests out, and keeps what came of them.

    Args:
        count: how many the target has made so far, if somebody can tell.
        faults: what the double of a target that is not reached by HTTP heeds.
        deadline: seconds that anything may take.
    """

    def __init__(
        self,
        around: Surroundings,
        count: Callable[[], Awaitable[int]] | None = None,
        faults: Faults | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        self.around, self._count, self.deadline = around, count, deadline
        self._tried = False
        self._given = faults is not None
        self._faults: Faults | LoopbackHttp = faults or around.http
        self.answer: Any = None
        self.errors: list[str] = []
        self.said: list[str] = []
        self.breaches: list[str] = []

    async def once(
        self, what: str, *, repeat: Repeat, act: Act, find: Act, kind: type[msgspec.Struct]
    ) -> None:
        """Try a request that has to happen once, whatever goes wrong.

        Args:
            act: does it.
            find: looks up whether it was done.
            kind: what both answer.
        """
        act, look = self._checked(what, act, kind), f"looking up {what}"
        find = self._checked(look, find, kind, absent=True)
        before = None if self._count is None else await self._count()
        if repeat == "lookup" and await self._call(look, find) is not None:
            self.breaches.append(
                f"{look} finds it before it was done: it would count as sent, and be lost; answer "
                "None unless the target has it under this key"
            )
        if self._given or self.around.http.opened:
            await self._away(what, act)
        lost = await self._lose_answer(what, act)
        if not self._tried and self.answer is not None:
            self.breaches.append(f"{what}: {UNTRIED}")
        if lost and repeat == "lookup":
            self.answer = await self._call(look, find)
            if self.answer is None:
                self.breaches.append(f"{what}: it happened, but looking it up does not find it")
        if lost and repeat == "idempotent":
            self.answer = await self._call(f"{what} after a lost answer", act)
        if repeat == "idempotent" and self.answer is not None:
            await self.same(f"{what} again", act)
        if self._count is not None and before is not None and repeat in ("idempotent", "lookup"):
            made = await self._count() - before
            if made != 1:
                self.breaches.append(f"{what}: the same key made {made} of it, not 1")

    async def same(self, what: str, act: Act) -> None:
        """Try a request again that was done before; it has to give the same."""
        first, again = self.answer, await self._call(what, act)
        if again is not None and _ids(again) != _ids(first):
            self.breaches.append(f"{what}: the same key gives {_ids(again)!r}, not {_ids(first)!r}")

    async def probe(self, probe: Callable[[], Awaitable[Health]]) -> None:
        """Try the health probe, also while the target is away."""
        http, faults = self.around.http, self._faults
        for down in (False, True):
            faults.down, opened = down, http.opened
            what = "probe, while the target is away," if down else "probe"
            health = await self._call(what, self._checked(what, probe, Health))
            faults.down = False
            if health is not None:
                self.around.reports.append(health)
                reached = self._given or http.opened > opened
                if down and reached and health.well:
                    self.breaches.append(f"{what} answers that all is well")

    def _checked(
        self, what: str, act: Act, kind: type[msgspec.Struct], *, absent: bool = False
    ) -> Act:
        """Do something under the deadline, and check its answer as the gateway does; None if it is wrong."""

        async def checked() -> Any:
            try:
                async with asyncio.timeout(self.deadline):
                    answer = await act()
            except TimeoutError:
                self.breaches.append(
                    f"{what} takes more than {self.deadline:g} s, though the double answers at "
                    "once: set a deadline to all that waits, and raise OutcomeUnknown then"
                )
                return None
            self.said.append(repr(answer))
            take = answered_or_none if absent else answered
            try:
                return take("the connector", what, answer, kind)
            except OutcomeUnknown as error:
                self.breaches.append(str(error))
                return None

        return checked

    async def _away(self, what: str, act: Act) -> None:
        """Nothing can be connected to: nothing was sent, so that trying again is safe."""
        self._faults.down, before = True, len(self.breaches)
        try:
            await act()
        except ConnectorError as error:
            self.errors.append(str(error))
            if isinstance(error, OutcomeUnknown) or not error.retryable:
                self.breaches.append(
                    f"{what}: a refused connection is told as {type(error).__name__}, "
                    "though nothing was sent and trying again is safe"
                )
        except Exception as error:
            self._strange(what, error)
        else:
            if len(self.breaches) == before:
                self.breaches.append(f"{what}: it succeeds though the target is away")
        finally:
            self._faults.down = False

    async def _lose_answer(self, what: str, act: Act) -> bool:
        """Do it, and lose the answer on its way back; whether there was one to lose.

        The store's answer is lost as well: then it is done again, as the outbox does it.
        """
        http, state = self._faults, self.around.state
        http.lost, state.loses = 1, StoreUnavailable("the test lost the store's answer")
        self.answer = None
        stored = await self._attempt(what, act)
        if not stored:
            await self._attempt(what, act)
        self._tried = http.lost == 0 or state.loses is None
        http.lost, state.loses = 0, None
        return self.answer is None and self._tried

    async def _attempt(self, what: str, act: Act) -> bool:
        """Do it once; False if the store's answer got lost."""
        http = self._faults
        try:
            self.answer = await act()
        except OutcomeUnknown as error:
            self.errors.append(str(error))
        except ConnectorError as error:
            self.errors.append(str(error))
            if not http.lost:
                self.breaches.append(
                    f"{what}: a lost answer is told as {type(error).__name__}, "
                    "though it may have happened; it has to be OutcomeUnknown"
                )
            else:
                self.breaches.append(f"{what} raises {type(error).__name__}: {error}")
        except Exception as error:
            self._strange(what, error)
            return not isinstance(error, StoreError)
        return True

    async def _call(self, what: str, act: Act) -> Any:
        try:
            return await act()
        except ConnectorError as error:
            self.errors.append(str(error))
            self.breaches.append(f"{what} raises {type(error).__name__}: {error}")
        except Exception as error:
            self._strange(what, error)
        return None

    def _strange(self, what: str, error: Exception) -> None:
        self.errors.append(str(error))
        if not isinstance(error, StoreError):
            self.breaches.append(
                f"{what} raises {type(error).__name__}: {error}; "
                "only errors of the ConnectorError tree may come out"
            )


def _ids(answer: Any) -> Any:
    """What a ticket, an entry or a send is called by its target."""
    single = getattr(answer, "external_id", None)
    return getattr(answer, "external_ids", ()) if single is None else single

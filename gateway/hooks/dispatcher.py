"""Call hooks: first answer, pipe of changes, collection of answers, or notification."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from gateway.contracts.services import Clock
from gateway.domain.answers import Hold, Refuse
from gateway.domain.health import Health
from gateway.errors import HookFailure
from gateway.hooks.calling import call
from gateway.hooks.implementations import KINDS, Implementation
from gateway.hooks.suspension import PluginSuspended, Suspension, Suspensions
from gateway.hooks.threads import Hanging, HookThreads

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
DEADLINE = 5.0


@dataclass(frozen=True, slots=True)
class Answered(Generic[T_co]):
    """An answer, and who gave it."""

    value: T_co
    plugin: str
    version: str


@dataclass(frozen=True, slots=True)
class Piped(Generic[T_co]):
    """What came out of a pipe.

    Args:
        value: the value as the plugins left it; what it was before if the pipe was ended.
        changed_by: each change, in order.
        ended: the `Hold` or `Refuse` that ended the pipe, and whose it is.
    """

    value: T_co
    changed_by: tuple[Answered[T_co], ...] = ()
    ended: Answered[Hold | Refuse] | None = None


def _quiet(_: Any) -> None:
    """Report to nobody."""


class Dispatcher:
    """Calls the implementations of hooks in the order of the config.

    Args:
        implementations: each hook's, in the order in which they are asked.
        clock: the time of day, for suspensions.
        deadline: seconds one implementation may take.
        deadlines: the same for hooks that may take longer.
        on_failure: told of each failure.
        on_suspended: told of each suspension.
        threads: where synchronous hooks run.
    """

    def __init__(
        self,
        implementations: Mapping[str, tuple[Implementation, ...]],
        *,
        clock: Clock,
        deadline: float = DEADLINE,
        deadlines: Mapping[str, float] = MappingProxyType({}),
        on_failure: Callable[[HookFailure], None] = _quiet,
        on_suspended: Callable[[Suspension], None] = _quiet,
        threads: HookThreads | None = None,
    ) -> None:
        self._implementations = implementations
        self._deadline, self._deadlines, self._on_failure = deadline, deadlines, on_failure
        self._threads = threads or HookThreads()
        self._suspensions = Suspensions(clock, on_suspended)

    def implemented(self, hook: str) -> bool:
        """Whether any plugin implements a hook, so that nothing is prepared for nobody."""
        return bool(self._implementations[hook])

    def plugins(self, hook: str) -> tuple[str, ...]:
        """The plugins that implement a hook, in the order in which they are asked."""
        return tuple(one.plugin for one in self._implementations[hook])

    async def first(self, hook: str, **arguments: Any) -> Answered[Any] | None:
        """The first answer that is not None.

        Raises:
            HookFailure: if the hook is CLOSED and a plugin fails.
        """
        for one in self._implementations[hook]:
            answer = await self._ask(one, arguments)
            if answer is not None:
                return Answered(answer, one.plugin, one.version)
        return None

    async def first_or_fail(self, hook: str, **arguments: Any) -> Answered[Any] | None:
        """The first answer that is not None; for an open hook that can be asked again later.

        Raises:
            HookFailure: nobody answered, and this one failed or is suspended.
        """
        failure: HookFailure | None = None
        for one in self._implementations[hook]:
            try:
                answer = await self._call(one, arguments, closed=False)
            except HookFailure as error:
                failure = failure or error
                continue
            if answer is not None:
                return Answered(answer, one.plugin, one.version)
        if failure is not None:
            raise failure
        return None

    async def pipe(self, hook: str, value: T, **arguments: Any) -> Piped[T]:
        """Pass a value through every plugin; a `Hold` or `Refuse` ends the pipe at once.

        Raises:
            HookFailure: if the hook is CLOSED and a plugin fails.
        """
        subject = KINDS[hook].subject
        changes: list[Answered[T]] = []
        for one in self._implementations[hook]:
            answer = await self._ask(one, {**arguments, subject: value})
            if isinstance(answer, (Hold, Refuse)):
                return Piped(value, tuple(changes), Answered(answer, one.plugin, one.version))
            if answer is not None and answer is not value:
                value = answer
                changes.append(Answered(answer, one.plugin, one.version))
        return Piped(value, tuple(changes))

    async def collect(self, hook: str, **arguments: Any) -> list[Answered[Any]]:
        """Every plugin's answers, one by one and in order; they are asked one after another."""
        return [
            Answered(answer, one.plugin, one.version)
            for one in self._implementations[hook]
            for answer in await self._ask(one, arguments) or ()
        ]

    async def notify(self, hook: str, **arguments: Any) -> list[HookFailure]:
        """Tell every plugin at once; one's failure does not reach the others.

        Returns:
            Who was not told, and why; suspended plugins included.
        """
        if not self._implementations[hook]:
            return []
        told = await asyncio.gather(
            *(self._told(one, arguments) for one in self._implementations[hook])
        )
        return [failure for failure in told if failure is not None]

    async def tell(self, plugin: str, hook: str, **arguments: Any) -> None:
        """Tell one plugin.

        Raises:
            HookFailure: if it failed or is suspended, so that it has to be told again.
        """
        for one in self._implementations[hook]:
            if one.plugin == plugin:
                await self._call(one, arguments, closed=False)

    def health(self) -> dict[str, Health]:
        """How the plugins are that are suspended, by name."""
        return self._suspensions.health()

    @property
    def abandoned(self) -> int:
        """Threads that hang in a plugin's code."""
        return self._threads.abandoned

    def close(self) -> None:
        """Let the threads end."""
        self._threads.close()

    async def _told(self, one: Implementation, arguments: Mapping[str, Any]) -> HookFailure | None:
        try:
            await self._call(one, arguments, closed=False)
        except HookFailure as failure:
            return failure
        return None

    async def _ask(self, one: Implementation, arguments: Mapping[str, Any]) -> Any:
        closed = KINDS[one.hook].closed
        if not closed and self._suspensions.suspended(one.plugin):
            return None
        try:
            return await self._call(one, arguments, closed=closed)
        except HookFailure:
            if closed:
                raise
            return None

    async def _call(
        self, one: Implementation, arguments: Mapping[str, Any], *, closed: bool
    ) -> Any:
        reason = self._suspensions.suspended(one.plugin)
        if reason and (not closed or self._suspensions.stuck(one.plugin)):
            raise HookFailure(one.hook, one.plugin, PluginSuspended(reason))
        try:
            answer = await call(
                one,
                arguments,
                deadline=self._deadlines.get(one.hook, self._deadline),
                threads=self._threads,
                returned=lambda: self._suspensions.returned(one.plugin),
            )
        except HookFailure as failure:
            why = f"hook {one.hook} {failure.error!r}"
            if isinstance(failure.error, Hanging):
                self._suspensions.hung(one.plugin, why)
            else:
                self._suspensions.failed(one.plugin, why)
            self._on_failure(failure)
            raise
        self._suspensions.succeeded(one.plugin)
        return answer

"""Forgetting beyond the store: plugins are asked to forget what the gateway has forgotten.

What they are to forget is committed with what was removed; they are asked afterwards, until each has
answered, so that neither a crash nor a failing plugin leaves something behind unnoticed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.contracts.backend import Backend
from gateway.contracts.channel import Channel
from gateway.contracts.services import Log
from gateway.domain.changes import Changes, StateWrite
from gateway.domain.forgetting import Forgotten, Remains
from gateway.hooks.calls import Hooks
from gateway.store.operations import Store
from gateway.store.removing import FORGETTING

SECONDS, BATCH = 30.0, 100


class Answers(NamedTuple):
    """What plugins said: what stays elsewhere, and who could not be asked."""

    remains: tuple[Remains, ...]
    failed: tuple[str, ...]

    def plus(self, other: Answers) -> Answers:
        """Put two together."""
        failed = dict.fromkeys((*self.failed, *other.failed))
        return Answers((*self.remains, *other.remains), tuple(failed))


class Forgetter:
    """Asks connectors and plugins to forget."""

    def __init__(
        self,
        *,
        store: Store,
        channels: Mapping[str, Channel[Any]],
        backends: Mapping[str, Backend[Any]],
        hooks: Hooks,
        log: Log,
    ) -> None:
        self._store, self._hooks, self._log = store, hooks, log
        self._connectors: list[tuple[str, Channel[Any] | Backend[Any]]] = [
            *((f"channel/{name}", channel) for name, channel in channels.items()),
            *((f"backend/{name}", backend) for name, backend in backends.items()),
        ]

    async def ask(self) -> Answers:
        """Ask about everything that is to be forgotten; who fails is asked again the next time."""
        remains: list[Remains] = []
        failed: dict[str, None] = {}
        after = ""
        while rows := await self._store.keeper.forgotten(after=after, limit=BATCH):
            for key, forgotten in rows:
                answers = await self._ask(forgotten)
                remains += answers.remains
                failed |= dict.fromkeys(answers.failed)
                if not answers.failed:
                    write = StateWrite(owner=FORGETTING, key=key, value=None)
                    await self._store.commit([Changes(tenant=forgotten.tenant, state=(write,))])
            after = rows[-1][0]
        return Answers(tuple(remains), tuple(failed))

    def tickets(self, forgotten: Forgotten) -> Answers:
        """Name the tickets in which it stands, before anybody is asked."""
        remains = [
            Remains(where=f"backend/{one.backend}", what=f"ticket {one.external_id}", url=one.url)
            for one in forgotten.tickets
        ]
        return Answers(tuple(remains), ())

    async def _ask(self, forgotten: Forgotten) -> Answers:
        remains: list[Remains] = []
        failed: list[str] = []
        for part, connector in self._connectors:
            if connector.context.tenant != forgotten.tenant:
                continue
            try:
                async with asyncio.timeout(SECONDS):
                    remains += await connector.forget(forgotten)
            except Exception as error:
                self._log.warning("forget.failed", part=part, error=repr(error))
                failed.append(part)
        try:
            remains += [one.value for one in await self._hooks.forget_conversation(forgotten)]
        except Exception as error:
            self._log.warning("forget.failed", part="plugins", error=repr(error))
            failed.append("plugins")
        return Answers(tuple(remains), tuple(failed))

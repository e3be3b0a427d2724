"""The gateway's side: channels and backends for the systems outside, written as a plugin would."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.contracts.backend import Backend, BackendCapabilities
from gateway.contracts.channel import Channel, ChannelCapabilities, Parser
from gateway.contracts.services import Context, Intake
from gateway.contracts.web import Route, WebRequest, WebResponse
from gateway.domain.arrival import Arrival, NewArrival
from gateway.domain.draft import Parsed
from gateway.domain.outgoing import EntryRef, Forward, Reply, Sent, TicketRef
from gateway.errors import UnreadableArrival
from tests.simulation.outside import Desk, Provider

if TYPE_CHECKING:
    from tests.simulation.process import Process

ENDLESS, NONSENSE = b"endless", b"nonsense"
POLL_SECONDS = 3600.0


class Nothing(msgspec.Struct, frozen=True):
    """No settings."""


def read(arrival: Arrival) -> Sequence[Parsed]:
    """Read what was handed in; what never ends is told as a `TimeoutError`."""
    if arrival.body.startswith(ENDLESS):
        raise TimeoutError
    try:
        return msgspec.json.decode(arrival.body, type=list[Parsed])
    except msgspec.MsgspecError as error:
        raise UnreadableArrival(f"nonsense: {error}") from error


class SimBackend(Backend[Nothing]):
    """A ticket system that tells by webhook, and by poll what a webhook lost."""

    def __init__(self, context: Context[Nothing], desk: Desk, process: Process) -> None:
        super().__init__(context)
        self.capabilities = BackendCapabilities(  # type: ignore[misc]
            repeat=desk.repeat, concurrency=4, poll_seconds=POLL_SECONDS
        )
        self._desk, self._process = desk, process
        self._name = f"backend/{desk.name}"

    async def _ask(self, forward: Forward, serve: Any) -> Any:
        with self._process.calling(self._name, forward.conversation):
            return await self._process.world.network.call(self._process, self._name, serve)

    async def open_ticket(self, forward: Forward) -> TicketRef:
        return await self._ask(forward, lambda: self._desk.open(forward))  # type: ignore[no-any-return]

    async def add_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef:
        return await self._ask(forward, lambda: self._desk.add(ticket, forward))  # type: ignore[no-any-return]

    async def find(self, forward: Forward) -> TicketRef | None:
        return await self._ask(forward, lambda: self._desk.find(forward))  # type: ignore[no-any-return]

    async def find_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef | None:
        return await self._ask(forward, lambda: self._desk.find_entry(ticket, forward))  # type: ignore[no-any-return]

    async def poll(self, intake: Intake) -> None:
        kept = await self.context.state.get("cursor")
        cursor = kept.value or 0
        said = await self._process.world.network.call(
            self._process, self._name, lambda: self._desk.said[cursor:]
        )
        if said:
            await intake.accept(said, state=[("cursor", cursor + len(said))])

    def routes(self, intake: Intake) -> Sequence[Route]:
        return _hook(intake)

    @property
    def parser(self) -> Parser:
        return read

    def is_quick(self, arrival: Arrival) -> bool:
        return not arrival.body.startswith(ENDLESS)


class SimChannel(Channel[Nothing]):
    """A channel that is told by webhook, and reads at the start what a webhook lost."""

    def __init__(
        self,
        context: Context[Nothing],
        provider: Provider,
        process: Process,
        capabilities: ChannelCapabilities,
    ) -> None:
        super().__init__(context)
        self.capabilities = capabilities  # type: ignore[misc]
        self._provider, self._process = provider, process
        self._name = f"channel/{provider.name}"

    async def send(self, reply: Reply) -> Sent:
        with self._process.calling(self._name, reply.conversation):
            return await self._process.world.network.call(
                self._process, self._name, lambda: self._provider.take(reply)
            )

    def routes(self, intake: Intake) -> Sequence[Route]:
        return _hook(intake)

    async def reconcile(self, intake: Intake) -> None:
        kept = await self.context.state.get("cursor")
        cursor = kept.value or 0
        missed = await self._process.world.network.call(
            self._process, self._name, lambda: self._provider.history[cursor:]
        )
        if missed:
            await intake.accept(missed, state=[("cursor", cursor + len(missed))])

    @property
    def parser(self) -> Parser:
        return read

    def is_quick(self, arrival: Arrival) -> bool:
        return not arrival.body.startswith(ENDLESS)


class SimMailbox(SimChannel):
    """A mailbox: what is marked as seen is not read again, and that mark is its acknowledgement."""

    async def run(self, intake: Intake) -> None:
        world, provider = self._process.world, self._provider
        while True:
            found = await world.network.call(
                self._process, self._name, lambda: list(provider.unseen.values())
            )
            if found:
                await intake.accept(found)
                await world.network.call(self._process, self._name, partial(self._see, found))
                continue
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await world.mail_waits.wait()
            except TimeoutError:
                pass

    def _see(self, found: Sequence[NewArrival]) -> None:
        for one in found:
            self._provider.unseen.pop(one.key, None)
            self._process.world.oracle.acknowledged(self._provider.name, one.key)
        if not self._provider.unseen:
            self._process.world.mail_waits.clear()

    def routes(self, intake: Intake) -> Sequence[Route]:
        return ()

    async def reconcile(self, intake: Intake) -> None:
        """Nothing is missed: what is not seen stays unseen."""


def _hook(intake: Intake) -> list[Route]:
    async def take(request: WebRequest) -> WebResponse:
        await intake.accept([msgspec.json.decode(request.body, type=NewArrival)])
        return WebResponse(status=200)

    return [Route(method="POST", path="/hook", handler=take)]

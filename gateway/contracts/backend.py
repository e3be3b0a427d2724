"""The contract of a backend (a ticket system)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic

import msgspec

from gateway.contracts.channel import Parser
from gateway.contracts.services import Context, Intake, S
from gateway.contracts.web import Route
from gateway.domain.arrival import Arrival
from gateway.domain.delivery import Repeat, StuckHead
from gateway.domain.forgetting import Forgotten, Remains
from gateway.domain.health import Health
from gateway.domain.outgoing import EntryRef, Forward, TicketRef


class BackendCapabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a backend can do.

    Args:
        repeat: what may follow a request whose outcome is unknown.
        stuck_head: whether deliveries behind one that cannot be sent wait or pass it.
        concurrency: requests under way at once, over all conversations.
        poll_seconds: how often `poll` is called; 0 if replies come by webhook only.
    """

    repeat: Repeat = "lookup"
    stuck_head: StuckHead = "hold"
    concurrency: int = 4
    poll_seconds: float = 0.0


class Backend(Generic[S]):
    """A ticket system; write only the half you need, the rest does nothing.

    Args:
        context: the instance's name, settings and services.
    """

    capabilities: ClassVar[BackendCapabilities] = BackendCapabilities()

    def __init__(self, context: Context[S]) -> None:
        self.context = context

    async def open_ticket(self, forward: Forward) -> TicketRef:
        """Open a ticket for a conversation with its first message; idempotent by `forward.key`.

        Raises:
            ConnectorError: one of its kinds; `OutcomeUnknown` if it may have happened.
        """
        raise TypeError(f"{type(self).__name__} opens no tickets")

    async def add_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef:
        """Add a message to a ticket; idempotent by `forward.key`.

        Raises:
            ConnectorError: one of its kinds; `Rejected` with code ``ticket_closed`` opens a new one.
        """
        raise TypeError(f"{type(self).__name__} adds no entries")

    async def find(self, forward: Forward) -> TicketRef | None:
        """Find the ticket that `open_ticket` made for this forward, if it did."""
        return None

    async def find_entry(self, ticket: TicketRef, forward: Forward) -> EntryRef | None:
        """Find the entry that `add_entry` made for this forward, if it did."""
        return None

    async def run(self, intake: Intake) -> None:
        """Hold a connection open for agents' replies, until cancelled."""

    def routes(self, intake: Intake) -> Sequence[Route]:
        """Answer the backend's webhooks below ``/in/NAME``; verify before anything else."""
        return ()

    async def poll(self, intake: Intake) -> None:
        """Fetch agents' replies and state changes since the cursor kept in the state."""

    @property
    def parser(self) -> Parser:
        """A picklable pure function that reads an arrival of this backend, in a worker process."""
        raise TypeError(f"{type(self).__name__} takes nothing in: it has no parser")

    def is_quick(self, arrival: Arrival) -> bool:
        """Whether reading it is bounded to 20 ms, whoever wrote it: then no worker process is asked.

        What is read in the gateway's own process has no deadline and no limit of memory. Say yes
        only for what the kit's hostile bytes have shown to be bounded.
        """
        return False

    async def probe(self) -> Health:
        """Connect and log in as the real work would, changing nothing."""
        return Health()

    async def forget(self, forgotten: Forgotten) -> Sequence[Remains]:
        """Forget what the gateway has forgotten, and say what stays; it may be asked twice.

        Unless it is overridden nothing is done, and every ticket of this backend stays.
        """
        return [
            Remains(
                where=f"backend/{self.context.name}", what=f"ticket {one.external_id}", url=one.url
            )
            for one in forgotten.tickets
            if one.backend == self.context.name
        ]

    async def close(self) -> None:
        """Give back what is held open; called once, after the last send."""


class BackendType(msgspec.Struct, frozen=True, kw_only=True):
    """What a plugin registers.

    Args:
        name: what ``type = "…"`` names in the config.
        make: the class.
        settings: the type of its settings; validated before `make` is called.
        summary: one sentence for ``gateway plugins`` and ``gateway init``.
    """

    name: str
    make: Callable[[Context[Any]], Backend[Any]]
    settings: type[msgspec.Struct]
    summary: str = ""
